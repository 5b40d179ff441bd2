import type { Found } from "../api/support-shapes.ts";

/** The kinds in the order in which they are shown, as a heading names them. */
export const foundNames: Record<Found["kind"], string> = {
  device: "Appliances",
  case: "Cases",
  member: "People",
  household: "Households",
  release: "Releases",
  model: "Models",
};

const foundKinds: readonly Found["kind"][] = ["device", "case", "member", "household", "release", "model"];

export interface FoundGroup {
  kind: Found["kind"];
  items: { found: Found; at: number }[];
}

/**
 * Finds by kind. The kind of the best find comes first, and within a kind the best; `at` is the place of a find in the list as it
 * is shown, which is the order of the arrow keys.
 *
 * @param items best first
 */
export function groupFound(items: readonly Found[]): FoundGroup[] {
  const first = items[0]?.kind;
  const order = first === undefined ? [] : [first, ...foundKinds.filter((kind) => kind !== first)];
  let at = 0;
  return order.flatMap((kind) => {
    const own = items.filter((found) => found.kind === kind);
    return own.length === 0 ? [] : [{ kind, items: own.map((found) => ({ found, at: at++ })) }];
  });
}

const meaningfulMin = 2;

/** What to ask for, or null where the service would find it too little. */
export function askable(typed: string): string | null {
  const text = typed.trim().replaceAll(/\s+/g, " ");
  return (text.match(/[\p{L}\p{N}]/gu) ?? []).length < meaningfulMin ? null : text;
}
