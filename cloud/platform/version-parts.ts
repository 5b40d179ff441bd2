/** As the column of a version's numbers is made: `2.10.1-rc1` is 2, 10, 1. At most six numbers of six digits. */
const leadingNumbers = /^\d{1,6}(?:\.\d{1,6}){0,5}/;

/** The numbers that a version begins with, or null where it begins with none. */
export function versionParts(version: string): number[] | null {
  const match = leadingNumbers.exec(version);
  return match === null ? null : match[0].split(".").map(Number);
}

/** Below 0, 0 or above 0, as PostgreSQL compares arrays: number by number, and of two that are alike so far the shorter is less. */
export function compareParts(a: readonly number[], b: readonly number[]): number {
  for (const [at, part] of a.entries()) {
    const other = b[at];
    if (other === undefined) return 1;
    if (part !== other) return part - other;
  }
  return a.length - b.length;
}
