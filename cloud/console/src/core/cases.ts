/** The page of a case. */
export const casePath = (id: string): string => `/cases/${encodeURIComponent(id)}`;
