/** What lies in the URL of the pages of households. */

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

export interface HouseholdsSearch {
  q?: string | undefined;
  /** All where left out. */
  kind?: "prospect" | "owner" | undefined;
  cursor?: string | undefined;
}

export const householdsSearch = (search: Record<string, unknown>): HouseholdsSearch => ({
  q: text(search["q"]),
  kind: search["kind"] === "prospect" || search["kind"] === "owner" ? search["kind"] : undefined,
  cursor: text(search["cursor"]),
});
