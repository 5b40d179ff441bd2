/** The earning rules that a program begins with, all of them together, over whatever households do in months. */
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { sql } from "kysely";
import { beforeAll, expect, test } from "vitest";
import { ledgerOfTests } from "../../test/support/ledger.ts";
import type { HouseholdAct } from "../households/households.ts";
import type { LoyaltyDefinition, LoyaltyRule, Period } from "./core/rule.ts";
import { rewardDefinition } from "./core/reward.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const by = { kind: "system" } as const;
const zone = "Europe/Berlin";
/** Two days before clocks go forward there, late in the evening: an hour more is another day. */
const beginMs = Date.UTC(2026, 2, 27, 22, 30);
const { time, database, loyalty, kept, hears, unhears, home, tell, held, expectSound, change } = await ledgerOfTests();

/** The first two may become one, and two again. */
const people = ["ada", "ben", "cleo"] as const;
type Who = (typeof people)[number];
type Home = Readonly<Record<Who, string>>;

/** What a household does; `order` and `program` are few, so that it does the same again. */
const doings = {
  program: (n: number) =>
    at("program.finished", "appliance", { program: ["HotAir", "Eco50", "Steam", "Grill"][n % 4] }),
  said: (n: number) => at("program.finished", "web", { program: `Made up ${n}` }),
  recipe: (n: number) => at("recipe.finished", n % 2 === 0 ? "app" : "appliance", { recipeId: `r-${n}` }),
  descaled: (n: number) => at("maintenance.done", "appliance", { kind: "descale", programs: 58 + n }),
  cleaned: () => at("maintenance.done", "appliance", { kind: "clean", programs: 3 }),
  updated: (n: number) => at("firmware.confirmed", "appliance", { waited_h: 70 + n }),
  feedback: (n: number) => at("feedback.given", "app", { rating: 1 + (n % 5) }),
  price: (n: number) => at("price.checked", "web", { article: `a-${n}` }),
  ordered: (n: number) => at("order.placed", "shop", { order: n, amount_minor: 1_250 * (n + 1) ** 3 }),
  returned: (n: number) => at("order.returned", "shop", { order: n }),
  referred: () => at("referral.paired", "app", { referrer: "ada" }),
} as const;
type Doing = keyof typeof doings;
const at = (type: string, origin: HouseholdAct["origin"], data: Record<string, unknown>) => ({ type, origin, data });

/** `hoursAgo`: what is told late happened then. */
type Step =
  | { who: Who; did: Doing; n: number; hoursAgo: number }
  | { waitDays: number }
  | { again: number }
  | { who: Who; wants: "reserve" | "redeem" | "release" | "reverse" }
  | { homes: "join" | "part" };

const who = fc.constantFrom(...people);
const doing = fc.constantFrom(...(Object.keys(doings) as Doing[]), "program", "program", "ordered");
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ who, did: doing, n: fc.nat(4), hoursAgo: fc.nat(60) }) },
  { weight: 3, arbitrary: fc.record({ waitDays: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ again: fc.nat(30) }) },
  {
    weight: 2,
    arbitrary: fc.record({ who, wants: fc.constantFrom("reserve", "redeem", "release", "reverse") }),
  },
  { weight: 1, arbitrary: fc.record({ homes: fc.constantFrom("join", "part") }) },
);

const did = (one: Doing, n = 0, hoursAgo = 0, by_: Who = "cleo"): Step => ({ who: by_, did: one, n, hoursAgo });
/** Each of them with more of everything than its limits allow, over five weeks and the night in which clocks change. */
const muchOfAll: Step[] = [0, 1, 2, 3, 4].flatMap((week): Step[] => [
  ...(Object.keys(doings) as Doing[])
    .filter(() => week === 0)
    .flatMap((one) => [did(one, 1), did(one, 2, 1), did(one, 1, 2)]),
  { waitDays: week === 0 ? 3 : 7 },
  // Six of one day in summer, three of which would be of the day before in winter.
  ...[24, 24, 24, 12, 12, 12].map((hoursAgo) => did("program", 1, hoursAgo)),
  { again: week },
]);
const joined: Step[] = [
  did("referred", 0, 0, "ben"),
  did("program", 1, 0, "ada"),
  did("program", 2, 1, "ben"),
  { homes: "join" },
  did("program", 1, 1, "ben"),
  did("referred", 0, 0, "ada"),
  { who: "ada", wants: "reserve" },
  { waitDays: 9 },
  { homes: "part" },
  did("program", 3, 2, "ben"),
  { who: "ada", wants: "redeem" },
];

beforeAll(async () => {
  await change({ expiresAfterDays: 40 });
  const mug = { title: "Mug", kind: "product", pointsCost: 30, reserveMs: 5 * dayMs };
  await loyalty.rewards.put(by, "mug", rewardDefinition.parse(mug));
});

const defaults = () => loyalty.rules.list();

/** One history of three households, as it is told. */
class History {
  readonly homes: Home = { ada: home(), ben: home(), cleo: home() };
  readonly acts: HouseholdAct[] = [];
  readonly #open: { id: string; by: string }[] = [];
  #merge: Parameters<(typeof hears)[number]>[1] | null = null;
  /** Told while two were one and are apart again: then a limit of one of them could be the other's. */
  readonly #toldAsOne = new Set<HouseholdAct>();

  /** Who stands for somebody now. */
  standing(one: Who): string {
    return one === "ben" && this.#merge !== null ? this.homes.ada : this.homes[one];
  }

  async take(one: Step): Promise<void> {
    if ("did" in one) await this.#tell(this.actOf(this.standing(one.who), one, randomUUID()));
    else if ("waitDays" in one) {
      time.nowMs += one.waitDays * dayMs;
      await loyalty.tick();
    } else if ("again" in one) {
      const before = this.repeatable[one.again % Math.max(1, this.repeatable.length)];
      // Also where it says otherwise than the first time.
      if (before !== undefined) await tell({ ...before, data: { ...before.data, amount_minor: 999_900 } });
    } else if ("homes" in one) await (one.homes === "join" ? this.#join() : this.#part());
    else await this.#want(this.standing(one.who), one.wants);
  }

  actOf(householdId: string, { did: one, n, hoursAgo }: Extract<Step, { did: Doing }>, id: string): HouseholdAct {
    const { type, origin, data } = doings[one](n);
    const device = origin === "appliance" ? { key: 1, id: `oven-${householdId}`, model: "oven" } : null;
    return {
      householdId,
      source: device === null ? `${origin}:${id}` : `${device.id}/${id}`,
      origin,
      type,
      atMs: time.nowMs - hoursAgo * hourMs,
      data: {
        ...data,
        ...("order" in data ? { order_id: `${householdId}-${String(data["order"])}` } : {}),
        ...("referrer" in data ? { referrer: this.homes.ada } : {}),
      },
      device,
    };
  }

  async #tell(act: HouseholdAct): Promise<void> {
    this.acts.push(act);
    if (this.#merge !== null) this.#toldAsOne.add(act);
    await tell(act);
  }

  /** What was told of somebody who is part of another household by now is told of that one. */
  #nowOf(act: HouseholdAct): HouseholdAct {
    return act.householdId === this.homes.ben ? { ...act, householdId: this.standing("ben") } : act;
  }

  get repeatable(): HouseholdAct[] {
    const left = this.acts.filter((act) => this.#merge !== null || !this.#toldAsOne.has(act));
    return left.map((act) => this.#nowOf(act));
  }

  /** Everything again, the last first. */
  async again(): Promise<void> {
    const all = this.repeatable;
    for (let end = all.length; end > 0; end -= 7) await tell(...all.slice(Math.max(0, end - 7), end));
  }

  async #join(): Promise<void> {
    if (this.#merge !== null) return;
    const { ada: into, ben: from } = this.homes;
    const merge = { mergeId: randomUUID(), from, into, atMs: time.nowMs, parts: [from], staying: [] };
    await database.db.transaction().execute(async (tx) => {
      for (const hear of hears) await hear(tx, merge);
    });
    this.#merge = merge;
  }

  async #part(): Promise<void> {
    const merge = this.#merge;
    if (merge === null) return;
    await database.db.transaction().execute(async (tx) => {
      for (const hear of unhears) await hear(tx, merge);
    });
    this.#merge = null;
  }

  async #want(id: string, what: "reserve" | "redeem" | "release" | "reverse"): Promise<void> {
    if (what === "reserve") {
      const put = await loyalty.reserveReward(id, "mug");
      if (put.kind === "reserved") this.#open.push({ id: put.redemption.id, by: id });
      return;
    }
    if (what === "reverse") {
      const all = (await loyalty.ledger(id, null, 100))?.entries ?? [];
      const earning = all.find(({ kind, rule }) => kind === "earning" && rule !== "order_placed");
      if (earning !== undefined) await loyalty.reverse(by, earning.id, "a mistake");
      return;
    }
    const first = this.#open.shift();
    if (first !== undefined) await loyalty.settleReward(first.by, first.id, what);
  }
}

interface Earned {
  rule: string;
  source: string;
  effect: number;
  account: string;
  earner: string | null;
  base: number;
  points: number;
  atMs: number;
}
async function earnedBy(ids: readonly string[]): Promise<Earned[]> {
  const { rows } = await sql<Earned>`
    SELECT t.rule, t.source, t.effect_index AS effect, c.household_id AS account, l.household_id AS earner, t.base_points AS base,
      t.points, t.at_ms AS "atMs"
    FROM ledger_transfer t JOIN ledger_account c ON c.key = t.credit_account LEFT JOIN ledger_account l ON l.key = t.limit_account
    WHERE t.kind = 'earning' AND c.household_id = ANY(${[...ids]}::uuid[]) ORDER BY t.sequence`.execute(database.db);
  return rows;
}

/** The period of a moment in Berlin, said by itself. */
function periodOf(atMs: number, period: Period): string {
  const day = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(zone).toPlainDate();
  if (period === "day") return day.toString();
  return period === "week" ? `${day.yearOfWeek}-W${day.weekOfYear}` : day.toPlainYearMonth().toString();
}

/** In what a rule's limit counts an earning, and how often it may there. */
function boundOf({ limit, streak }: LoyaltyDefinition, one: Earned, act: HouseholdAct | undefined): [string, number] {
  if (streak !== null) return [periodOf(one.atMs, streak.period), 1];
  switch (limit.kind) {
    case "per":
      return [periodOf(one.atMs, limit.period), limit.count];
    case "once":
      return ["", 1];
    case "once_per":
      return [String(act?.data[limit.fact]), 1];
    case "none":
      throw new Error("nothing bounds it");
  }
}

/** What an effect may give for an act at most, before the tier. */
function worthOf({ effects }: LoyaltyDefinition, effect: number, act: HouseholdAct | undefined): number {
  const points = effects[effect]?.points;
  if (points === undefined || typeof points === "number") return points ?? 0;
  return Math.min(points.max, Math.floor(Number(act?.data[points.of]) / points.unit));
}

/** Every earning against its rule, its act and the others of the same limit. */
function expectWithinLimits(
  earned: readonly Earned[],
  acts: readonly HouseholdAct[],
  rules: readonly LoyaltyRule[],
): void {
  const [counts, seen] = [new Map<string, number>(), new Set<string>()];
  const told = new Map(acts.map((act) => [act.source, act]));
  for (const one of earned) {
    const rule = rules.find(({ key }) => key === one.rule);
    if (rule === undefined) throw new Error(`nobody made the rule ${one.rule}`);
    const { definition } = rule;
    const act = told.get(one.source);
    expect(one.base).toBe(worthOf(definition, one.effect, act));
    expect(one.points).toBeLessThanOrEqual(definition.tierMultiplied ? Math.ceil(one.base * 1.25) : one.base);
    const identity = `${one.rule} ${one.effect} ${one.source}`;
    expect(seen.has(identity)).toBe(false);
    seen.add(identity);
    if (definition.streak === null) expect([act?.type, one.atMs]).toEqual([definition.act.type, act?.atMs]);
    const { from } = definition.act;
    expect(from.length === 0 || act === undefined || from.includes(act.origin)).toBe(true);
    const [within, most] = boundOf(definition, one, act);
    const key = `${one.rule} ${one.effect} ${one.earner ?? one.account} ${within}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    expect([key, counts.get(key)! <= most]).toEqual([key, true]);
  }
}

const orderOf = (act: HouseholdAct | undefined) => act?.data["order_id"];

/** What rules gave before the tier, without orders that were sent back: those may never have earned. */
function totalsOf(earned: readonly Earned[], acts: readonly HouseholdAct[]): Record<string, number> {
  const told = new Map(acts.map((act) => [act.source, act]));
  const back = new Set(acts.filter(({ type }) => type === "order.returned").map(orderOf));
  const totals: Record<string, number> = {};
  for (const { rule, base, source } of earned)
    if (rule !== "order_placed" || !back.has(orderOf(told.get(source)))) totals[rule] = (totals[rule] ?? 0) + base;
  return totals;
}

test("all default rules together, over any months of acts, repeats, rewards, reversals, expiry and merges: the ledger balances after each step, no rule gives beyond its limits, nothing earns twice, and the same acts told otherwise give the same", async () => {
  const gave = new Set<string>();
  const sizes = fc.infiniteStream(fc.integer({ min: 1, max: 12 }));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 24 }), sizes, async (steps, cuts) => {
      time.nowMs = beginMs;
      const history = new History();
      const ids = Object.values(history.homes);
      for (const one of steps) {
        await history.take(one);
        await expectSound();
      }
      time.nowMs += 3 * dayMs;
      await loyalty.tick();
      const earned = await earnedBy(ids);
      expectWithinLimits(earned, history.acts, defaults());
      for (const { rule } of earned) gave.add(rule);

      const before = await Promise.all(ids.map(held));
      await history.again();
      kept.push(...history.repeatable);
      expect(await earnedBy(ids)).toEqual(earned);
      expect(await Promise.all(ids.map(held))).toEqual(before);

      // Who was never part of another household, told anew of a household that nobody knows: late, and in other pieces.
      const { cleo } = history.homes;
      const twin = home();
      const own = history.acts.filter(({ householdId }) => householdId === cleo);
      const theirs = own.map((act) => JSON.parse(JSON.stringify(act).replaceAll(cleo, twin)) as HouseholdAct);
      const renamed = theirs.map((act, place) => ({ ...act, source: `${twin}:${place}` }));
      const rest = renamed.toReversed();
      while (rest.length > 0) await tell(...rest.splice(0, cuts.next().value ?? 1));
      const mine = earned.filter(({ account }) => account === cleo);
      expect(totalsOf(await earnedBy([twin]), renamed)).toEqual(totalsOf(mine, own));
      await expectSound();
    }),
    { numRuns: 8, examples: [muchOfAll, joined].map((steps) => [steps, fc.stream(forever(5))]) },
  );
  const earning = defaults().filter(({ definition }) => definition.returns === null);
  expect([...gave].toSorted()).toEqual(earning.map(({ key }) => key).toSorted());
  expect((await loyalty.check({ replay: true })).replay).toMatchObject({ missing: [], isCut: false });
});

function* forever(size: number): Generator<number, void> {
  for (;;) yield size;
}
