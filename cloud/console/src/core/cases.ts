import type { ServiceCase } from "../api/shapes.ts";

/** Whether a case wants nobody's work any more. */
export const isResolved = ({ status }: ServiceCase): boolean => status.startsWith("resolved") || status === "merged";

/** `waiting_for_owner` reads `waiting for owner`. */
export const statusWords = (status: string): string => status.replaceAll("_", " ");

export const casePath = (id: string): string => `/cases/${encodeURIComponent(id)}`;
