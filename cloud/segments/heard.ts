import type { NotableFact } from "../events/events.ts";
import type { HouseholdAct } from "../households/households.ts";
import { type HouseholdData, pages } from "../platform/household-data.ts";
import type { HouseholdProfile } from "./core/facts.ts";
import type { Part, ProfileRow } from "./core/profile.ts";
import type { ProfileBook } from "./profile-book.ts";
import type { ProfilesStore } from "./profiles-store.ts";
import type { SegmentsStore } from "./segments-store.ts";

/** Which parts of a profile are read anew when something of a kind is heard, by how its type begins. */
const partsOf: readonly (readonly [beginning: string, parts: readonly Part[]])[] = [
  ["hearth.household.", ["home", "appliances", "openCases"]],
  ["hearth.consent.", ["consents"]],
  ["hearth.points.", ["points"]],
  ["hearth.tier.", ["tier"]],
  ["hearth.lifecycle.", ["stage"]],
  ["hearth.case.", ["openCases"]],
];

/** What the world is told, as far as profiles speak of it: the parts of each household to read anew, and those that are no more. */
export function partsChanged(facts: readonly NotableFact[]): {
  parts: Map<string, ReadonlySet<Part>>;
  erased: string[];
} {
  const parts = new Map<string, Set<Part>>();
  const erased: string[] = [];
  for (const { type, data } of facts) {
    const { householdId } = data;
    if (typeof householdId !== "string") continue;
    if (type === "hearth.household.erased") {
      erased.push(householdId);
      continue;
    }
    const [, changed] = partsOf.find(([beginning]) => type.startsWith(beginning)) ?? [];
    if (changed === undefined) continue;
    const known = parts.get(householdId) ?? new Set<Part>();
    for (const part of changed) known.add(part);
    parts.set(householdId, known);
  }
  for (const householdId of erased) parts.delete(householdId);
  return { parts, erased };
}

/** Cases that were rated elsewhere than at an appliance, which tells of a rating of its own as of everything that is touched there. */
export const ratingsIn = (facts: readonly NotableFact[]): HouseholdAct[] =>
  facts.flatMap(({ type, atMs, data: { householdId, caseId, by, rating } }) => {
    if (type !== "hearth.case.rated" || typeof householdId !== "string" || typeof caseId !== "string") return [];
    if (typeof by === "string" && by.startsWith("device:")) return [];
    const source = `case:${caseId}/rated`;
    return [{ householdId, source, origin: "support", type: "feedback.given", atMs, data: { rating }, device: null }];
  });

/** What this slice holds about a household, for its export and its erasure. */
export function segmentHouseholdData(deps: {
  profiles: ProfilesStore;
  segments: SegmentsStore;
  book: ProfileBook;
  profileOf: (row: ProfileRow) => HouseholdProfile;
}): HouseholdData[] {
  const { profiles, segments, book, profileOf } = deps;
  return [
    {
      name: "counted_acts",
      describes: "What your household and its appliances did, as far as it is counted: when, and of which kind.",
      async *rows(db, householdId) {
        type Row = Awaited<ReturnType<ProfilesStore["actsPage"]>>[number];
        const page = (last: Row | null, limit: number) =>
          profiles.actsPage(db, householdId, last?.identity ?? null, limit);
        yield* pages(page);
      },
      erase: (tx, householdId) => book.remove(tx, [householdId], "profile_and_acts"),
    },
    {
      name: "profile",
      describes: "What is counted and known of your household, by which it is decided what suits you.",
      isDerived: true,
      async *rows(db, householdId) {
        for (const row of await profiles.read(db, [householdId])) yield { ...profileOf(row) };
      },
      erase: (tx, householdId) => book.remove(tx, [householdId], "profile"),
    },
    {
      name: "segments",
      describes: "The groups of households that yours is in, and since when.",
      isDerived: true,
      async *rows(db, householdId) {
        yield* await segments.ofHousehold(db, householdId);
      },
      erase: (tx, householdId) => segments.forget(tx, [householdId]),
    },
  ];
}
