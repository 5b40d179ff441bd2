import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { HouseholdAct } from "../households/households.ts";
import { did, oven, SegmentHouse } from "../../test/support/segment-house.ts";

const by = { kind: "system" } as const;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const homesMax = 3;

let house: SegmentHouse;
beforeAll(async () => {
  house = await SegmentHouse.open();
});
afterAll(() => house.database.drop());

const types = [
  "program.finished",
  "program.aborted",
  "maintenance.done",
  "fault.raised",
  "recipe.finished",
  "feedback.given",
  "cart.added",
  "order.placed",
  "price.checked",
  "page.viewed",
  "warranty.registered",
  "tour.taken",
];
const expressions = [
  "programs_30d >= 2",
  "programs_7d == 1",
  "programs_90d > 1.5 && programs_90d != 3",
  "days_since_last_cook > 3",
  "!(days_since_last_cook <= 2)",
  "days_since_last_cook > days_since_cleaned",
  "days_since_paired in [64, 66, 70] || faults_30d < 1",
  'in_cart && "personalise" in consents',
  'stage == "loyalty" && points >= 100',
  'programs == 0 || last_recipe == "bread"',
  "last_feedback <= 2 && days_since_feedback <= 5",
  'language == "de" && open_cases == 0',
  'older(oldest_firmware, "2.1.0")',
  "page_views_30d >= 1 || days_since_price_check < 4",
  "has_steam && programs_30d >= 1",
  "!has_steam || last_feedback >= 4",
  '"warranty.registered" in outside_types && !("tour.taken" in outside_types_7d)',
  '"tour.taken" in outside_types_30d || "warranty.registered" in outside_types_90d',
];

type Step =
  | { kind: "act"; home: number; type: string; agoMs: number; value: number }
  | { kind: "again"; which: number }
  | { kind: "part"; home: number; part: number; value: number }
  | { kind: "model"; hasSteam: boolean }
  | { kind: "rate"; home: number; which: number; value: number }
  | { kind: "pass"; hours: number; looks: boolean }
  | { kind: "put"; segment: number; expression: number };

const home = fc.nat(homesMax - 1);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("act" as const),
        home,
        type: fc.constantFrom(...types),
        agoMs: fc.oneof(fc.nat(4 * dayMs), fc.nat(100 * dayMs)),
        value: fc.integer({ min: 1, max: 5 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("again" as const), which: fc.nat(50) }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant("part" as const), home, part: fc.nat(5), value: fc.nat(4) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("model" as const), hasSteam: fc.boolean() }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("rate" as const),
        home,
        which: fc.nat(3),
        value: fc.integer({ min: 1, max: 5 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("pass" as const),
        hours: fc.oneof(fc.integer({ min: 1, max: 80 }), fc.integer({ min: 80, max: 24 * 40 })),
        looks: fc.boolean(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("put" as const),
        segment: fc.nat(2),
        expression: fc.nat(expressions.length - 1),
      }),
    },
  ),
  { minLength: 1, maxLength: 25 },
);

const zones = ["Europe/Berlin", "Pacific/Auckland", "America/St_Johns", "UTC", "Asia/Tokyo"];

/** Something that other slices say of a household is otherwise, and the world hears of it. */
async function changePart(id: string, part: number, value: number): Promise<void> {
  const known = house.homes.get(id);
  if (known === undefined) return;
  if (part === 0) known.consents = new Set(value % 2 === 0 ? ["personalise"] : []);
  if (part === 1) known.points = value * 50;
  if (part === 2) known.stage = ["loyalty", "engagement"][value % 2] ?? null;
  if (part === 3) known.openCases = value % 2;
  if (part === 4) known.timeZone = zones[value] ?? "UTC";
  if (part === 5) known.appliances = value === 0 ? [] : [oven({ firmware: value % 2 === 0 ? "2.1.0" : "2.0.9" })];
  const words = ["consent.given", "points.earned", "lifecycle.changed", "case.opened", "household.changed"];
  await house.tell(id, `hearth.${words[part] ?? "household.device_joined"}`);
}

/** All appliances of the model are known otherwise by its next version, and none of their households does anything. */
async function changeModel(hasSteam: boolean): Promise<void> {
  for (const known of house.homes.values()) known.appliances = known.appliances.map((one) => ({ ...one, hasSteam }));
  await house.database.db.transaction().execute((tx) => house.segments.modelChanged(tx, "oven-x200"));
}

const ratingOf = ({ data }: HouseholdAct): number => Number(data["rating"]);

/** The figures that can go wrong, from all acts and the calendar alone. */
function figures(acts: readonly HouseholdAct[], timeZone: string) {
  const dayOf = (atMs: number) =>
    Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone).toPlainDate();
  const today = dayOf(house.nowMs);
  const agoDays = (act: HouseholdAct) => dayOf(act.atMs).until(today, { largestUnit: "day" }).days;
  const of = (type: string) => acts.filter((act) => act.type === type);
  const cooked = of("program.finished");
  // Of two words of one moment the greater, in whatever order they come.
  const words = of("feedback.given").toSorted((a, b) => a.atMs - b.atMs || ratingOf(a) - ratingOf(b));
  const last = words.at(-1);
  const owned = acts.filter(({ origin }) => origin === "shop");
  const typesIn = (days: number) => [...new Set(owned.filter((act) => agoDays(act) < days).map(({ type }) => type))];
  const latest = (type: string) => Math.max(...of(type).map(({ atMs }) => atMs), -Infinity);
  return {
    programs: cooked.length,
    last_feedback: last === undefined ? null : ratingOf(last),
    days_since_feedback: last === undefined ? null : agoDays(last),
    programs_7d: cooked.filter((act) => agoDays(act) < 7).length,
    programs_30d: cooked.filter((act) => agoDays(act) < 30).length,
    programs_90d: cooked.filter((act) => agoDays(act) < 90).length,
    days_since_last_cook: cooked.length === 0 ? null : Math.min(...cooked.map(agoDays)),
    programs_aborted_30d: of("program.aborted").filter((act) => agoDays(act) < 30).length,
    in_cart: latest("cart.added") > latest("order.placed"),
    orders: of("order.placed").length,
    recipes_finished: of("recipe.finished").length,
    outside_types: typesIn(Infinity).toSorted(),
    outside_types_7d: typesIn(7).toSorted(),
    outside_types_90d: typesIn(90).toSorted(),
  };
}

test("whatever comes, in whatever order, late or twice, and as days pass: profiles are the acts counted anew, members are who the segment means", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(expressions.length - 1), { minLength: 3, maxLength: 3 }),
      steps,
      async (begun, given) => {
        await sql`TRUNCATE household_profile, household_act, segment, segment_member, segment_change`.execute(
          house.database.db,
        );
        await house.segments.load();
        house.homes.clear();
        house.nowMs = Date.UTC(2026, 2, 10, 12);
        const ids = await Promise.all(Array.from({ length: homesMax }, () => house.home({ appliances: [oven()] })));
        const sent: HouseholdAct[] = [];
        const rated = new Map<string, HouseholdAct>();
        const put = (segment: number, expression: number) =>
          house.segments.put(
            by,
            `s${segment}`,
            { title: "S", description: "", expression: expressions[expression] ?? "" },
            null,
          );
        for (const [segment, expression] of begun.entries()) await put(segment, expression);
        for (const step of given) {
          if (step.kind === "act") {
            const { type, value } = step;
            const data = { program: "Steam", recipeId: ["bread", "cake"][value % 2], rating: value };
            const origin = /^(warranty|tour)/.test(type) ? "shop" : "appliance";
            const act = did(ids[step.home] ?? "", type, house.nowMs - step.agoMs, { data, origin });
            sent.push(act);
            await house.act(act);
          }
          if (step.kind === "again") {
            const again = sent[step.which % Math.max(sent.length, 1)];
            // Twice in one batch, too.
            if (again !== undefined) await house.act(again, { ...again });
          }
          if (step.kind === "part") await changePart(ids[step.home] ?? "", step.part, step.value);
          if (step.kind === "model") await changeModel(step.hasSteam);
          if (step.kind === "rate") {
            // A case is rated once; told again, it is the same word.
            const caseId = `${step.home}-${step.which}`;
            const data = { rating: step.value };
            const first = rated.get(caseId) ?? did(ids[step.home] ?? "", "feedback.given", house.nowMs, { data });
            rated.set(caseId, first);
            const said = { caseId, by: "owner:m-1", rating: ratingOf(first) };
            await house.tell(first.householdId, "hearth.case.rated", said);
          }
          if (step.kind === "pass") {
            house.nowMs += step.hours * hourMs;
            if (step.looks) await house.segments.tick();
          }
          if (step.kind === "put") await put(step.segment, step.expression);
        }
        await house.segments.tick();
        await expectRight(ids, [...sent, ...rated.values()]);
      },
    ),
    { numRuns: 40 },
  );
});

async function expectRight(ids: readonly string[], sent: readonly HouseholdAct[]): Promise<void> {
  const { segments, database } = house;
  const profiles = await segments.profiles(database.db, ids);
  for (const id of ids) {
    const known = house.homes.get(id);
    if (known?.consents.has("personalise") === true)
      expect(profiles.get(id)).toMatchObject(
        figures(
          sent.filter(({ householdId }) => householdId === id),
          known.timeZone,
        ),
      );
  }
  const members = await whoIsIn();
  for (const { id, definition, members: size } of await segments.list()) {
    const asked = await segments.preview(definition.expression, 100);
    const means =
      asked.kind === "ok" ? asked.sample.filter(({ matches }) => matches).map(({ householdId }) => householdId) : [];
    const inMemory = [];
    for (const household of ids) {
      const answer = await segments.test(definition.expression, household);
      if (answer.kind === "ok" && answer.matches) inMemory.push(household);
    }
    expect([definition.expression, members.get(id)]).toEqual([definition.expression, means.toSorted()]);
    expect([definition.expression, inMemory.toSorted()]).toEqual([definition.expression, means.toSorted()]);
    expect(size).toBe(means.length);
  }
  await sql`UPDATE household_profile SET is_stale = true`.execute(database.db);
  await segments.tick();
  expect(await segments.profiles(database.db, ids)).toEqual(profiles);
  expect(await whoIsIn()).toEqual(members);
}

async function whoIsIn(): Promise<Map<string, string[]>> {
  const members = new Map<string, string[]>();
  for (const { id } of await house.segments.list()) {
    const page = (await house.segments.membersPage(id, null, 100)) ?? [];
    members.set(id, page.map(({ householdId }) => householdId).toSorted());
  }
  return members;
}
