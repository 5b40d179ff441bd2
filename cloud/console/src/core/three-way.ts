/** What two people made of one draft, put together field by field. */

const isFields = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Without the order of names, which is no difference, and without what is not there. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (!isFields(value)) return value;
  const names = Object.keys(value)
    .filter((name) => value[name] !== undefined)
    .toSorted();
  return names.map((name) => [name, ordered(value[name])]);
}

/** Whether two drafts say the same. */
export const isAlike = (one: unknown, other: unknown): boolean =>
  one === other ||
  (isFields(one) === isFields(other) && JSON.stringify(ordered(one)) === JSON.stringify(ordered(other)));

/**
 * Fields that one of the two changed are as they left them, fields that both changed are as mine. A list is one field: what somebody put
 * into it or took out of it belongs to its other lines.
 *
 * @returns what comes out, and the places that both changed, as `article / de / title`
 */
export function mergedOf<Draft>(base: Draft, theirs: Draft, mine: Draft): { merged: Draft; both: string[] };
export function mergedOf(base: unknown, theirs: unknown, mine: unknown): { merged: unknown; both: string[] } {
  const both: string[] = [];
  return { merged: merge(base, theirs, mine, [], both), both };
}

function merge(base: unknown, theirs: unknown, mine: unknown, place: readonly string[], both: string[]): unknown {
  if (isAlike(mine, base)) return theirs;
  if (isAlike(theirs, base) || isAlike(theirs, mine)) return mine;
  if (!isFields(theirs) || !isFields(mine) || (base !== undefined && !isFields(base))) {
    both.push(place.join(" / "));
    return mine;
  }
  const names = new Set([...Object.keys(mine), ...Object.keys(theirs)]);
  const fields = [...names].map((name): [string, unknown] => [
    name,
    merge(base?.[name], theirs[name], mine[name], [...place, name], both),
  ]);
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
}
