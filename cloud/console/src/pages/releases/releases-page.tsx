export const ReleasesPage = () => null;
