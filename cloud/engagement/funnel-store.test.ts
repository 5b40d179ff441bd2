import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Merged } from "../households/households.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/postgres.ts";
import { CampaignsStore } from "./campaigns-store.ts";
import type { HouseholdState } from "./core/candidate.ts";
import { DecisionsStore, type NewDecision } from "./decisions-store.ts";
import { FunnelStore } from "./funnel-store.ts";
import { MergesStore } from "./merges-store.ts";

let base: TestDatabase;
beforeAll(async () => {
  base = await createTestDatabase();
});
afterAll(() => base.drop());

const [decisions, campaigns, funnels, merges] = [
  new DecisionsStore(),
  new CampaignsStore(),
  new FunnelStore(),
  new MergesStore(),
];

const state: HouseholdState = {
  id: "",
  timeZone: "UTC",
  consents: [],
  stage: null,
  order: [],
  quiet: null,
  perWeekMax: null,
  devices: [],
  addresses: [],
  sent: [],
  waiting: [],
  open: 0,
  bestHours: [],
  interests: [],
  cookingSinceMs: null,
};

/** What a household is answered about the two items of a campaign: one goes, waits or wants a person, or none does. */
const answers = fc.constantFrom(
  ["send", "another_suits_better"],
  ["hold", "another_suits_better"],
  ["human", "another_suits_better"],
  ["no_consent", "no_consent"],
  ["expired", "does_not_fit"],
);
const acts = fc.array(
  fc.record({
    household: fc.nat({ max: 5 }),
    what: fc.constantFrom(
      "sent",
      "shown",
      "acted",
      "dismissed",
      "noticed",
      "letter",
      "back",
      "again",
      "goal",
      "merge",
      "join",
      "part",
    ),
    other: fc.nat({ max: 5 }),
  }),
  { maxLength: 25 },
);

class Yard {
  readonly id = randomUUID();
  readonly source = `campaign:${this.id}`;
  readonly homes: string[] = [];
  readonly rows: NewDecision[] = [];
  readonly deliveryOf = new Map<string, string>();
  /** Homes that are part of another, in the order in which they became so. */
  readonly #joined: Merged[] = [];
  readonly items = [randomUUID(), randomUUID()].toSorted();

  async open(given: readonly (readonly string[])[], arms: readonly boolean[]): Promise<void> {
    await sql`
      INSERT INTO campaign (id, kind, state, definition, created_at_ms, created_by, edited_by, authors, edited_at_ms, expires_at_ms)
      VALUES (${this.id}, 'campaign', 'running', '{}', 1, 'a', 'a', '{a}', 1, 9)`.execute(base.db);
    for (const [at, each] of given.entries()) {
      const household = randomUUID();
      this.homes.push(household);
      await sql`
        INSERT INTO campaign_member (campaign_id, household_id, arm, quarter, assigned_at_ms)
        VALUES (${this.id}, ${household}, ${arms[at] === true ? "held_out" : "treated"}, '2026-Q1', 1)`.execute(
        base.db,
      );
      for (const [n, word] of each.entries()) this.rows.push(this.#row(household, n, word));
    }
    await decisions.insert(base.db, this.rows);
    const made = this.rows.filter(({ answer }) => answer === "send");
    for (const { id } of made) this.deliveryOf.set(id, randomUUID());
    await decisions.insertDeliveries(
      base.db,
      made.map(({ id }) => ({ decisionId: id, deliveryId: this.deliveryOf.get(id) ?? "" })),
    );
  }

  #row(household: string, n: number, word: string): NewDecision {
    const answer = word === "send" || word === "hold" || word === "human" ? word : "suppress";
    return {
      id: randomUUID(),
      source: this.source,
      household_id: household,
      item_id: this.items[n] ?? "",
      item_version: 1,
      title: "Bread",
      class: "promotional",
      priority: 5,
      answer,
      reason: answer === "hold" ? "quiet_hours" : answer === "suppress" ? word : null,
      channels: answer === "send" ? ["display"] : [],
      until_ms: answer === "hold" ? 5 : null,
      decided_at_ms: 1,
      expires_at_ms: null,
      score: 2 - n,
      context_id: randomUUID(),
      state,
      trace: { tests: [], terms: [] },
    };
  }

  async act(what: string, at: number, other: number): Promise<void> {
    const household = this.#standing(at);
    const row = this.rows.find((one) => one.household_id === household && one.answer !== "suppress");
    const { db } = base;
    const deliveryId = this.deliveryOf.get(row?.id ?? "") ?? randomUUID();
    const move = { deliveryId, sent: true, shown: what !== "sent", acted: what === "acted", ended: null };
    if (what === "sent" || what === "shown" || what === "acted") await decisions.moved(db, [move], 7);
    if (what === "dismissed") await decisions.moved(db, [{ ...move, ended: "dismissed" }], 7);
    if (what === "noticed" && row !== undefined)
      await decisions.noticed(db, [{ householdId: household, itemId: row.item_id, acted: true, atMs: 8 }]);
    if (what === "letter" && row?.answer === "send") await decisions.letterSent(db, row.id, 9);
    if (what === "back") {
      await decisions.takeBack(db, household, "consent_withdrawn");
      // What waited goes no more, and only what waits is ever decided anew.
      for (const one of this.rows) if (one.household_id === household && one.answer === "hold") one.answer = "suppress";
    }
    if (what === "again" && row?.answer === "hold") {
      row.answer = "send";
      await decisions.again(db, [{ ...row, reason: null, until_ms: null, channels: ["email"] }]);
    }
    const goal = { campaignId: this.id, householdId: household, atMs: 3, withinMs: 10 };
    if (what === "goal") await campaigns.reached(db, [goal]);
    // One that the campaign does not know.
    if (what === "merge") await this.#join(household, randomUUID());
    if (what === "join") await this.#join(household, this.#standing(other));
    if (what === "part") await this.#part(other);
  }

  /** A home, or the one that stands for it. */
  #standing(at: number): string {
    const home = this.homes[at % this.homes.length] ?? "";
    return this.#joined.reduce((now, { from, into }) => (now === from ? into : now), home);
  }

  async #join(from: string, into: string): Promise<void> {
    if (from === into) return;
    const merge = { mergeId: randomUUID(), from, into, atMs: this.#joined.length, parts: this.#partsOf(from) };
    this.#joined.push(merge);
    await merges.merged(base.db, merge);
  }

  #partsOf(home: string): string[] {
    return [home, ...this.#joined.flatMap(({ from, into }) => (into === home ? this.#partsOf(from) : []))];
  }

  /** One of those that are one and that stand is taken apart. */
  async #part(at: number): Promise<void> {
    const gone = new Set(this.#joined.map(({ from }) => from));
    const able = this.#joined.filter(({ into }) => !gone.has(into));
    const merge = able[at % able.length];
    if (merge === undefined) return;
    this.#joined.splice(this.#joined.indexOf(merge), 1);
    const staying = this.#joined.filter(({ into }) => into === merge.into);
    await merges.unmerged(base.db, { ...merge, staying });
  }

  /** Those that were one are as they were, in whatever order that came about. */
  async partAll(order: readonly number[]): Promise<void> {
    for (let at = 0; this.#joined.length > 0; at += 1) await this.#part(order[at % order.length] ?? 0);
  }

  /** Rows that lie with another home than the one that they were decided about. */
  async astray(): Promise<string[]> {
    const { rows } = await sql<{ id: string; household_id: string }>`
      SELECT id, household_id FROM decision WHERE source = ${this.source} AND rests_merge_id IS NULL`.execute(base.db);
    const lie = new Map(rows.map((row) => [row.id, row.household_id]));
    return this.rows.filter(({ id, household_id }) => lie.get(id) !== household_id).map(({ id }) => id);
  }

  async members(): Promise<number> {
    const { rows } = await sql<{ n: number }>`
      SELECT count(*)::int AS n FROM campaign_member WHERE campaign_id = ${this.id} AND rests_merge_id IS NULL`.execute(
      base.db,
    );
    return rows[0]?.n ?? 0;
  }
  /** Homes that stand for themselves. */
  get standing(): number {
    return new Set(this.homes.map((_, at) => this.#standing(at))).size;
  }

  /** Counted anew from the rows. */
  async counted() {
    const { rows } = await sql<Record<string, unknown>>`
      SELECT answer AS what, reason, count(*)::int AS households, count(sent_at_ms)::int AS sent, count(shown_at_ms)::int AS shown,
        count(acted_at_ms)::int AS acted, count(*) FILTER (WHERE ended IS NOT NULL AND acted_at_ms IS NULL)::int AS ended, 0 AS reached
      FROM (
        SELECT DISTINCT ON (household_id) * FROM decision WHERE source = ${this.source} AND rests_merge_id IS NULL
        ORDER BY household_id, answer = 'suppress', reason IS NOT DISTINCT FROM 'another_suits_better', score DESC, item_id
      ) best GROUP BY 1, 2
      UNION ALL
      SELECT arm, NULL, count(*)::int, 0, 0, 0, 0, count(coalesce(goal_at_ms, joined_goal_at_ms))::int
      FROM campaign_member WHERE campaign_id = ${this.id} AND rests_merge_id IS NULL GROUP BY 1`.execute(base.db);
    return new Set(rows.map((row) => JSON.stringify(row)));
  }

  async tallied() {
    return new Set((await funnels.read(base.db, this.source)).map((row) => JSON.stringify(row)));
  }
}

test("whatever becomes of decisions and members, the counts of a campaign are the rows counted anew", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(answers, { minLength: 1, maxLength: 6 }),
      fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
      acts,
      fc.array(fc.nat(), { minLength: 1, maxLength: 6 }),
      async (given, arms, done, order) => {
        const yard = new Yard();
        await yard.open(given, arms);
        for (const { what, household, other } of done) await yard.act(what, household, other);
        expect(await yard.tallied()).toEqual(await yard.counted());
        // One household, one arm, however many became one.
        expect(await yard.members()).toBe(yard.standing);
        await yard.partAll(order);
        expect(await yard.members()).toBe(given.length);
        expect(await yard.astray()).toEqual([]);
        expect(await yard.tallied()).toEqual(await yard.counted());
      },
    ),
    { numRuns: 40 },
  );
});

test("changes that are put together come to the same, however many there are", async () => {
  const yard = new Yard();
  await yard.open(
    [
      ["send", "another_suits_better"],
      ["hold", "another_suits_better"],
    ],
    [],
  );
  for (let n = 0; n < 120; n += 1) {
    await yard.act("goal", 0, 0);
    await sql`
      INSERT INTO campaign_member (campaign_id, household_id, arm, quarter, assigned_at_ms)
      VALUES (${yard.id}, ${randomUUID()}, 'treated', '2026-Q1', 1)`.execute(base.db);
  }
  await yard.act("acted", 0, 0);
  const before = await yard.tallied();
  await Promise.all([funnels.fold(base.db), funnels.fold(base.db)]);
  expect(await yard.tallied()).toEqual(before);
  expect(before).toEqual(await yard.counted());
  const { rows } = await sql`SELECT 1 FROM campaign_tally WHERE source = ${yard.source}`.execute(base.db);
  expect(rows.length).toBeLessThan(10);
});
