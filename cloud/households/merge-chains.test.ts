/** Households that become one, in chains and side by side, and two again in every order that the API allows: each slice gives back what was whose. */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CampaignKitchen, dayMs } from "../../test/support/campaign-kitchen.ts";
import { Kitchen, type KitchenAnswer } from "../../test/support/kitchen.ts";

let kitchen: Kitchen;
let stage: CampaignKitchen;
let yards = 0;

beforeAll(async () => {
  kitchen = await Kitchen.open();
  stage = new CampaignKitchen(kitchen);
  await stage.policy({ holdoutShare: 0.15 });
  const { definition } = (await kitchen.as("viewer", "GET", "/loyalty/program")).body;
  const base = { key: "base", title: "Base", names: {}, fromPoints: 0, multiplierPct: 100, benefits: "" };
  const tiers = [base, { ...base, key: "silver", title: "Silver", fromPoints: 40 }];
  ok(await kitchen.as("admin", "PUT", "/loyalty/program", { ...definition, tiers, returnsMayOverdraw: true }));
  const reward = { title: "A whisk", description: "", pointsCost: 5 };
  ok(await kitchen.as("admin", "PUT", "/loyalty/rewards/whisk", reward));
});
afterAll(() => kitchen.close());

const ok = ({ status, body }: KitchenAnswer): KitchenAnswer["body"] => {
  if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body;
};
const read = async (id: string, what: string) => ok(await kitchen.as("admin", "GET", `/households/${id}${what}`));
async function rowsOf(query: string, ...ids: string[]): Promise<unknown[]> {
  const { rows } = await sql
    .raw(query.replaceAll("$ids", ids.map((id) => `'${id}'`).join(",")))
    .execute(kitchen.base.db);
  return rows;
}

/** What one household says and does before anybody is merged. */
const said = fc.constantFrom(
  "looked",
  "bought",
  "returned",
  "rated",
  "complained",
  "agrees",
  "objects",
  "personal",
  "case",
  "spent",
);
type Said = ReturnType<typeof said.generate>["value"];
/** Household `from` becomes part of `into`, or the merge at `undo` of those that stand is taken back; what is refused changes nothing. */
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ from: fc.nat({ max: 3 }), into: fc.nat({ max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ undo: fc.nat({ max: 5 }) }) },
);

const texts = (all: readonly unknown[]) => all.map((one) => JSON.stringify(one)).toSorted();

/** Four prospects, and somebody with an oven. */
class Yard {
  readonly homes: string[] = [];
  readonly #merges: { id: string; from: number; into: number }[] = [];
  readonly #language: string;
  #orders = 0;

  constructor() {
    yards += 1;
    this.#language = String.fromCodePoint(97 + (Math.floor(yards / 26) % 26), 97 + (yards % 26));
  }

  async open(words: readonly (readonly Said[])[]): Promise<void> {
    for (const [at, each] of words.entries()) {
      if (at === words.length - 1) {
        const oven = `oven-${randomUUID()}`;
        await kitchen.ovens(oven);
        this.homes.push((await kitchen.newOwner(oven)).householdId);
      } else {
        const home = { name: `Prospect ${at}`, locale: "en", timeZone: "Europe/Berlin" };
        const { id } = ok(await kitchen.as("support", "POST", "/households", home));
        this.homes.push(id);
        const email = `p-${randomUUID()}@example.com`;
        ok(await kitchen.as("support", "POST", `/households/${id}/members`, { name: `Pia ${at}`, email }));
        ok(await kitchen.as("support", "POST", `/households/${id}/references`, { kind: "shop", value: id }));
      }
      for (const word of each) await this.#say(at, word);
    }
    // Orders count after two weeks.
    kitchen.clock.forward(15 * dayMs);
    await kitchen.slices.loyalty.tick();
    for (const [at, each] of words.entries()) for (const word of each) await this.#later(at, word);
    await this.#campaign();
  }

  async #say(at: number, word: Said): Promise<void> {
    const id = this.homes[at] ?? "";
    kitchen.clock.forward(1_000);
    const version = await stage.textOf(word === "personal" ? "personalise" : "market");
    const form = { channel: "app", evidence: "A form", locale: "en", version };
    if (word === "looked") await this.#fact(id, "price.checked", { sku: "OX" });
    if (word === "bought") {
      this.#orders += 1;
      await this.#fact(id, "order.placed", { order_id: `${id}-${this.#orders}`, amount_minor: 5_000 });
    }
    if (word === "rated") await this.#fact(id, "feedback.given", { rating: 2 });
    if (word === "complained") await this.#fact(id, "complaint.made", {});
    // What the household itself objected to stands; it is refused then.
    if (word === "agrees")
      await kitchen.as("support", "POST", `/households/${id}/consents`, { ...form, purpose: "market" });
    if (word === "personal")
      ok(await kitchen.as("support", "POST", `/households/${id}/consents`, { ...form, purpose: "personalise" }));
    const objection = { channel: "app", evidence: "A call", purpose: "market" };
    if (word === "objects")
      ok(await kitchen.as("support", "POST", `/households/${id}/consents/withdrawals`, objection));
    if (word === "case") {
      const asked = { householdId: id, severity: "service", cause: "question", title: "How?", text: "How does it go?" };
      // Of one cause one case is open.
      await kitchen.as("support", "POST", "/cases", asked);
    }
  }

  async #later(at: number, word: Said): Promise<void> {
    const id = this.homes[at] ?? "";
    kitchen.clock.forward(1_000);
    if (word === "spent") await kitchen.as("support", "POST", `/households/${id}/redemptions`, { reward: "whisk" });
    // Of who has spent what it earned, the rest is owed.
    if (word === "returned") await this.#fact(id, "order.returned", { order_id: `${id}-${this.#orders}` });
  }

  async #fact(householdId: string, type: string, data: object): Promise<void> {
    const source = type.startsWith("order") ? "shop" : "app";
    const fact = { source, id: randomUUID(), type, atMs: kitchen.clock.nowMs(), householdId, data };
    const { items } = ok(await kitchen.as("facts", "POST", "/facts", { facts: [fact] }));
    if (items[0].outcome !== "accepted") throw new Error(JSON.stringify(items));
  }

  async #campaign(): Promise<void> {
    for (const id of this.homes)
      ok(await kitchen.as("support", "PATCH", `/households/${id}`, { locale: this.#language }));
    const segment = `speaks-${this.#language}`;
    const body = { title: segment, description: "", expression: `language == "${this.#language}"` };
    ok(await kitchen.as("content", "PUT", `/segments/${segment}`, body));
    await kitchen.slices.segments.tick();
    const audience = { kind: "segment", segmentId: segment };
    await stage.run({
      kind: "campaign",
      name: segment,
      audience,
      itemIds: [await stage.message(segment)],
      bestHour: false,
      expiresAtMs: kitchen.clock.nowMs() + 30 * dayMs,
    });
    await stage.tick();
  }

  /** What was done is noted where it was not refused. */
  async go(one: { from: number; into: number } | { undo: number }): Promise<void> {
    kitchen.clock.forward(1_000);
    if ("undo" in one) {
      const merge = this.#merges[one.undo % this.#merges.length];
      if (merge === undefined) return;
      const { status, body } = await kitchen.as("support", "POST", `/households/merges/${merge.id}/undo`, {
        reason: "Two",
      });
      if (status === 200) this.#merges.splice(this.#merges.indexOf(merge), 1);
      else if (body.code !== "household_merged") throw new Error(JSON.stringify(body));
      return;
    }
    const [from, into] = [this.homes[one.from] ?? "", this.homes[one.into] ?? ""];
    const { status, body } = await kitchen.as("support", "POST", `/households/${into}/merges`, { from, reason: "One" });
    if (status === 201) this.#merges.push({ id: body.id, ...one });
    else if (!["household_merged", "same_household", "not_a_prospect"].includes(body.code))
      throw new Error(JSON.stringify(body));
  }

  get standingMerges(): { id: string; from: string }[] {
    return this.#merges.map(({ id, from }) => ({ id, from: this.homes[from] ?? "" }));
  }

  get joined(): number {
    return this.#merges.length;
  }

  /** The households that stand, each as what it is made of: by itself, and by the order in which the others came to it. */
  shapes(): Map<number, string> {
    const shape = (at: number): string =>
      `${at}(${this.#merges
        .filter(({ into }) => into === at)
        .map(({ from }) => shape(from))
        .join(" ")})`;
    const gone = new Set(this.#merges.map(({ from }) => from));
    return new Map([...this.homes.keys()].filter((at) => !gone.has(at)).map((at) => [at, shape(at)]));
  }

  partsOf(at: number): number[] {
    return [at, ...this.#merges.filter(({ into }) => into === at).flatMap(({ from }) => this.partsOf(from))];
  }

  /** What is one household's, row by row: whoever stands for several has the rows of each. */
  async rows(at: number): Promise<Record<string, string[]>> {
    const id = this.homes[at] ?? "";
    const { members } = await read(id, "");
    const { lots, redemptions } = await read(id, "/points");
    const { items: facts } = await read(id, "/facts?limit=100");
    const cases = await rowsOf(
      "SELECT id FROM service_case WHERE household_id IN ($ids) AND opened_by NOT LIKE 'service:%'",
      id,
    );
    const signals = await rowsOf(
      "SELECT source, at_ms, kind FROM lifecycle_signal WHERE household_id IN ($ids) AND kind NOT IN ('tier', 'case_opened')",
      id,
    );
    const acts = await rowsOf("SELECT identity FROM household_act WHERE household_id IN ($ids)", id);
    const devices = await rowsOf("SELECT id FROM device WHERE household_id IN ($ids)", id);
    return {
      members: texts(members.map((one: { id: string }) => one.id)),
      references: texts((await read(id, "/references")).items),
      lots: texts(lots),
      redemptions: texts(redemptions.map((one: { id: string; points: number }) => [one.id, one.points])),
      facts: texts(facts.map((one: { id: string }) => one.id)),
      cases: texts(cases),
      signals: texts(signals),
      acts: texts(acts),
      devices: texts(devices),
    };
  }

  /** What follows for a household from what is its own. */
  async standing(at: number): Promise<Record<string, unknown>> {
    const id = this.homes[at] ?? "";
    const { members } = await read(id, "");
    const { balance, tier, pointsInPeriod } = await read(id, "/points");
    const { standings } = await read(id, "/consents");
    const life = await read(id, "/lifecycle");
    const seen = await read(id, "/segments");
    const { items: decisions } = await read(id, "/decisions");
    const arms = await rowsOf(
      "SELECT campaign_id, arm FROM campaign_member WHERE household_id IN ($ids) AND rests_merge_id IS NULL ORDER BY 1",
      id,
    );
    return {
      roles: members.map((one: { id: string; role: string }) => `${one.id} ${one.role}`).toSorted(),
      balance,
      tier: tier.key,
      tierUntilMs: tier.untilMs,
      pointsInPeriod,
      consents: standings.map(({ receiptId: _copy, ...one }: { receiptId: string }) => JSON.stringify(one)).toSorted(),
      stage: life.stage,
      changes: life.changes.map((one: object) => ({ ...one, daysMedian: null })),
      // Points that only time makes active are seen when the profile is next looked at.
      profile: seen.facts
        .filter(({ name }: { name: string }) => name !== "points")
        .map(({ name, value }: { name: string; value: unknown }) => `${name}: ${JSON.stringify(value)}`),
      segments: seen.segments.map((one: { id: string }) => one.id).toSorted(),
      // What was taken back because one of them objected stays so.
      decisions: decisions.map((one: { id: string }) => one.id).toSorted(),
      arms,
      looked: await rowsOf(
        "SELECT id FROM service_case WHERE coalesce(home_id, household_id) IN ($ids) AND opened_by LIKE 'service:%'",
        id,
      ),
    };
  }
}

/** Of a list, what the other one has and it has not. */
const differing = (wanted: unknown, found: unknown): string =>
  JSON.stringify(
    Array.isArray(found) && Array.isArray(wanted)
      ? found.filter((one) => !wanted.some((two) => isDeepStrictEqual(one, two)))
      : found,
  );

/** What a tier or a case bears on. */
const told = new Set(["tier", "tierUntilMs", "stage", "changes", "profile", "segments", "looked"]);

const joinedRows = (all: readonly Record<string, string[]>[]): Record<string, string[]> =>
  Object.fromEntries(
    Object.keys(all[0] ?? {}).map((name) => [name, [...new Set(all.flatMap((one) => one[name] ?? []))].toSorted()]),
  );

test("whatever became part of what, and in whatever order it is taken apart, every slice has for each household what was its own", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(said, { maxLength: 4 }), { minLength: 5, maxLength: 5 }),
      fc.array(step, { minLength: 3, maxLength: 10 }),
      fc.array(fc.nat(), { minLength: 8, maxLength: 8 }),
      async (words, steps, order) => {
        const yard = new Yard();
        await yard.open(words);
        const own = await Promise.all(
          yard.homes.map(async (_, at) => ({ rows: await yard.rows(at), standing: await yard.standing(at) })),
        );
        const known = new Map<string, Record<string, unknown>>();
        const astray = new Set<string>();
        const changed = new Set<number>();
        const look = async () => {
          for (const [at, shape] of yard.shapes()) {
            const parts = yard.partsOf(at);
            const [rows, standing] = [await yard.rows(at), await yard.standing(at)];
            const before = known.get(shape) ?? standing;
            // A tier that all came to together, and a case because all together are about to leave, are the household's that stood for all.
            if (
              standing.tier !== own[at]?.standing.tier ||
              !isDeepStrictEqual(standing.looked, own[at]?.standing.looked)
            )
              changed.add(at);
            if (own[at]?.standing.tier === "silver" && standing.tier === "base") astray.add(`${shape} lost its tier`);
            const isChanged = parts.some((part) => changed.has(part));
            const wanted: Record<string, unknown> = {
              ...before,
              ...joinedRows(parts.map((part) => own[part]?.rows ?? {})),
            };
            for (const [name, value] of Object.entries({ ...standing, ...rows }))
              if (!isDeepStrictEqual(value, wanted[name]) && !(isChanged && told.has(name)))
                astray.add(
                  `${name} of ${shape}: ${differing(wanted[name], value)}, not ${differing(value, wanted[name])}`,
                );
            known.set(shape, before);
          }
        };
        await look();
        for (const one of steps) {
          await yard.go(one);
          await look();
        }
        for (let at = 0; yard.joined > 0; at += 1) {
          await yard.go({ undo: order[at % order.length] ?? 0 });
          await look();
          if (at > 100) throw new Error("some merge cannot be taken back");
          order[at % order.length] = (order[at % order.length] ?? 0) + 1;
        }
        expect([...astray]).toEqual([]);
        const { ok: isWhole } = ok(await kitchen.as("admin", "GET", "/loyalty/check"));
        expect(isWhole).toBe(true);
      },
    ),
    { numRuns: 6, endOnFailure: true },
  );
}, 300_000);

/** Rows as the version before kept them: the merges that moved each, or of a signal the newest alone. */
const asBefore = (merges: readonly { id: string; from: string }[]) => `
  ALTER TABLE outside_fact RENAME COLUMN home_id TO addressed_id;
  ALTER TABLE loyalty_redemption RENAME COLUMN home_id TO addressed_id;
  ALTER TABLE loyalty_grant RENAME COLUMN home_id TO addressed_id;
  ALTER TABLE service_case RENAME COLUMN home_id TO came_from_id;
  ALTER TABLE decision ADD COLUMN merge_id uuid, ADD COLUMN merges_before uuid[];
  ALTER TABLE campaign_member ADD COLUMN merge_id uuid, ADD COLUMN merges_before uuid[];
  ALTER TABLE household_act ADD COLUMN merges uuid[];
  ALTER TABLE lifecycle_signal ADD COLUMN merge_id uuid, ADD COLUMN merged_from uuid;
  ${merges
    .map(({ from }, at) => {
      const moved = `'{${merges
        .slice(at)
        .map(({ id }) => id)
        .join(",")}}'::uuid[]`;
      const newest = `merge_id = '${merges.at(-1)?.id}'`;
      const theirs = `WHERE home_id = '${from}'`;
      const mark = `${newest}, merges_before = nullif(trim_array(${moved}, 1), '{}') ${theirs}`;
      return `
        UPDATE decision SET ${mark}; UPDATE campaign_member SET ${mark};
        UPDATE household_act SET merges = ${moved} ${theirs};
        UPDATE lifecycle_signal SET ${newest}, merged_from = '${merges.at(-1)?.from}' ${theirs};`;
    })
    .join("")}
  ${["decision", "campaign_member", "household_act", "lifecycle_signal"]
    .map((table) => `ALTER TABLE ${table} DROP COLUMN home_id;`)
    .join("")}
  DROP TABLE lifecycle_aside;
  UPDATE ledger_account SET earned = 7 WHERE kind = 'household';`;

test("a chain of merges that the version before made is taken apart after the upgrade: each has its own", async () => {
  const yard = new Yard();
  await yard.open([["looked", "agrees", "case"], ["looked", "personal"], [], [], ["looked", "objects"]]);
  const all = async (at: number) => ({ ...(await yard.rows(at)), ...(await yard.standing(at)) });
  const own = await Promise.all(yard.homes.map((_, at) => all(at)));
  const earned = () =>
    rowsOf("SELECT household_id, earned FROM ledger_account WHERE household_id IN ($ids) ORDER BY 1", ...yard.homes);
  const before = await earned();
  await yard.go({ from: 0, into: 1 });
  await yard.go({ from: 1, into: 4 });
  await sql.raw(asBefore(yard.standingMerges)).execute(kitchen.base.db);
  for (const name of ["324-homes-of-rows", "325-earned-of-merged"]) {
    const text = await readFile(new URL(`../platform/migrations/${name}.sql`, import.meta.url), "utf8");
    await sql.raw(text).execute(kitchen.base.db);
  }
  await yard.go({ undo: 1 });
  await yard.go({ undo: 0 });
  expect(yard.joined).toBe(0);
  expect(await Promise.all(yard.homes.map((_, at) => all(at)))).toEqual(own);
  expect(await earned()).toEqual(before);
});
