/** What rules do to households: points and content, through the slices that own them. */
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { comesTrue } from "../../test/support/comes-true.ts";
import { Kitchen, type Person } from "../../test/support/kitchen.ts";
import { hotOvenRule } from "../../test/support/ovens.ts";

const [minute, day] = [60_000, 86_400_000];
const points = 25;
let kitchen: Kitchen;
let made = 0;

beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

interface Home extends Person {
  oven: string;
}

async function home(): Promise<Home> {
  const oven = `effects-${(made += 1)}`;
  await kitchen.ovens(oven);
  const owner = await kitchen.newOwner(oven);
  kitchen.clock.forward(1_000);
  return { ...owner, oven };
}

const definition = (actions: object[], more: object = {}) => ({
  ...hotOvenRule(`hot_${(made += 1)}`, actions),
  ...more,
});
const award = { kind: "award_points", points, title: "Your oven is well used" };

const rule = async (actions: object[], more: object = {}) => {
  const { status, body } = await kitchen.as("admin", "POST", "/service/rules", definition(actions, more));
  expect(status).toBe(201);
  return body.id as string;
};
const off = (id: string) => kitchen.as("admin", "POST", `/service/rules/${id}/mode`, { mode: "off" });
const live = (id: string) => kitchen.as("admin", "POST", `/service/rules/${id}/mode?confirm=true`, { mode: "live" });

const measure = (oven: string, cavity_c: number, atMs = kitchen.clock.nowMs()) =>
  kitchen.say({ device: oven, channel: "telemetry", payload: { atMs, m: { cavity_c } } });
async function next(oven: string, cavity_c: number): Promise<number> {
  kitchen.clock.forward(minute);
  await measure(oven, cavity_c);
  return kitchen.clock.nowMs();
}
const tick = () => kitchen.slices.service.tickRules();
const earned = async (who: Person, ruleId: string): Promise<number> => {
  const { items } = (await kitchen.as("support", "GET", `/households/${who.householdId}/ledger?limit=100`)).body;
  return items
    .filter((entry: { rule: string; kind: string }) => entry.rule === `service:${ruleId}` && entry.kind === "earning")
    .reduce((sum: number, entry: { points: number }) => sum + entry.points, 0);
};
const doneOf = async (id: string) =>
  (await kitchen.as("support", "GET", `/service/firings?rule=${id}`)).body.items
    .toReversed()
    .filter(({ kind }: { kind: string }) => kind === "raise")
    .map(({ done }: { done: { outcome: string }[] }) => done.map(({ outcome }) => outcome));

test("what a rule finds earns once, however often it is told, looked at, or found again", async () => {
  const there = await home();
  const id = await rule([award]);
  const atMs = await next(there.oven, 250);
  await Promise.all([tick(), tick(), tick()]);
  expect(await earned(there, id)).toBe(points);
  // Told again in another batch, and looked at again.
  await measure(there.oven, 250, atMs);
  await tick();
  expect(await earned(there, id)).toBe(points);
  // A rule that is switched off and on finds anew what still stands.
  await off(id);
  await live(id);
  await next(there.oven, 255);
  await tick();
  expect(await doneOf(id)).toEqual([["earned"], ["stood_already"]]);
  expect(await earned(there, id)).toBe(points);
  // As a backup has it that was taken between the firing and what follows from it.
  const todo = JSON.stringify([award]);
  await sql`UPDATE rule_firing SET todo = ${todo}::jsonb WHERE rule_id = ${id} AND kind = 'raise'`.execute(
    kitchen.base.db,
  );
  await tick();
  expect(await doneOf(id)).toEqual([["earned_already"], ["stood_already"]]);
  expect(await earned(there, id)).toBe(points);
  // It went, and came: that is another time.
  await next(there.oven, 150);
  await next(there.oven, 250);
  await tick();
  expect(await earned(there, id)).toBe(2 * points);
  await off(id);
});

test("whatever comes in which order, there are points for each time that it came, and for nothing else", async () => {
  const step = fc.constantFrom("hot", "cold", "again", "off_and_on", "tick");
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
      const there = await home();
      const id = await rule([award]);
      let [stands, came] = [false, 0];
      let last: { atMs: number; cavity_c: number } | null = null;
      for (const one of steps) {
        if (one === "tick") await tick();
        else if (one === "again") {
          if (last !== null) await measure(there.oven, last.cavity_c, last.atMs);
        } else if (one === "off_and_on") {
          await off(id);
          await live(id);
        } else {
          const cavity_c = one === "hot" ? 250 : 150;
          last = { atMs: await next(there.oven, cavity_c), cavity_c };
          if (one === "hot" && !stands) came += 1;
          stands = one === "hot";
        }
      }
      await tick();
      expect(await earned(there, id)).toBe(came * points);
      await off(id);
    }),
    { numRuns: 12 },
  );
});

test("what goes after its rule was switched off and on is told, and its next time is another time", async () => {
  const there = await home();
  const id = await rule([award]);
  await next(there.oven, 250);
  await off(id);
  await live(id);
  // Neither beyond the limit nor back: it still stands.
  await next(there.oven, 220);
  await next(there.oven, 250);
  await off(id);
  await live(id);
  await next(there.oven, 150);
  await next(there.oven, 250);
  await tick();
  expect(await doneOf(id)).toEqual([["earned"], ["stood_already"], ["earned"]]);
  await off(id);
});

test("in its shadow a rule gives nothing and sends nothing, and says nothing of it", async () => {
  const there = await home();
  const itemId = await item();
  const id = await rule([award, { kind: "send_content", itemId }], { mode: "shadow" });
  await next(there.oven, 250);
  await tick();
  expect(await earned(there, id)).toBe(0);
  expect(await sentTo(there.oven)).toEqual([]);
  expect(await doneOf(id)).toEqual([[]]);
  await off(id);
});

test("who has an appliance now earns nothing with what it did under another, or under nobody", async () => {
  const oven = `effects-${(made += 1)}`;
  await kitchen.ovens(oven);
  const id = await rule([award]);
  kitchen.clock.forward(minute);
  const beforeMs = kitchen.clock.nowMs();
  kitchen.clock.forward(minute);
  const owner = await kitchen.newOwner(oven);
  await measure(oven, 250, beforeMs);
  await tick();
  expect(await doneOf(id)).toEqual([["nobody_had_it"]]);
  expect(await earned(owner, id)).toBe(0);
  await off(id);
});

async function item(): Promise<string> {
  const text = { title: `A gentle bread ${(made += 1)}`, steps: [{ text: "Bake it at less." }] };
  const draft = { kind: "recipe", locales: { en: text } };
  const { body } = await kitchen.as("admin", "POST", "/content/items", draft);
  const to = { models: ["oven"], feed: "recipes" };
  await kitchen.as("admin", "POST", `/content/items/${body.id}/submit`, {});
  await kitchen.as("content", "POST", `/content/items/${body.id}/approve`, {});
  expect((await kitchen.as("admin", "POST", `/content/items/${body.id}/publish`, to)).status).toBe(200);
  return body.id;
}
const sentTo = async (oven: string): Promise<string[]> => {
  const { items } = (await kitchen.as("support", "GET", `/deliveries?device=${oven}&limit=100`)).body;
  return items.map(({ label }: { label: string }) => label);
};

test("content is sent once for each time that it came, and not about what is over or stood already", async () => {
  const there = await home();
  const id = await rule([{ kind: "send_content", itemId: await item() }]);
  await next(there.oven, 250);
  await Promise.all([tick(), tick()]);
  expect(await sentTo(there.oven)).toHaveLength(1);
  await off(id);
  await live(id);
  await next(there.oven, 250);
  await tick();
  // It came and went before anybody looked.
  await next(there.oven, 150);
  await next(there.oven, 250);
  await next(there.oven, 150);
  await tick();
  expect(await doneOf(id)).toEqual([["sent"], ["stood_already"], ["cleared"]]);
  expect(await sentTo(there.oven)).toHaveLength(1);
  // An appliance that was away tells of it only now.
  await measure(there.oven, 250, kitchen.clock.nowMs() + 1);
  kitchen.clock.forward(8 * day);
  await tick();
  expect((await doneOf(id)).at(-1)).toEqual(["too_old"]);
  await off(id);
});

test("what is withdrawn, or has become something to sell, is not sent, and the firing says so", async () => {
  const there = await home();
  const [gone, sold] = [await item(), await item()];
  const id = await rule([
    { kind: "send_content", itemId: gone },
    { kind: "send_content", itemId: sold },
  ]);
  await kitchen.as("admin", "POST", `/content/items/${gone}/withdraw`);
  await sql`UPDATE content_version SET class = 'promotional' WHERE item_id = ${sold}`.execute(kitchen.base.db);
  await next(there.oven, 250);
  await tick();
  expect(await doneOf(id)).toEqual([["not_sendable", "class_not_allowed"]]);
  expect(await sentTo(there.oven)).toEqual([]);
  await off(id);
});

test("what a rule may not send is refused when it is kept, with its place", async () => {
  const [fine, sold] = [await item(), await item()];
  await sql`UPDATE content_version SET class = 'promotional' WHERE item_id = ${sold}`.execute(kitchen.base.db);
  const nobody = "01890000-0000-7000-8000-00000000dead";
  const keep = async (itemId: string, method: "POST" | "PUT", path: string) => {
    const actions = [
      { kind: "send_content", itemId: fine },
      { kind: "send_content", itemId },
    ];
    const { status, body } = await kitchen.as("admin", method, path, definition(actions, { cause: "hot_kept" }));
    return [status, body.code, body.detail?.slice(0, 17)];
  };
  for (const [itemId, code] of [
    [sold, "service_rule_content_class"],
    [nobody, "service_rule_content_unknown"],
  ] as const)
    expect(await keep(itemId, "POST", "/service/rules")).toEqual([409, code, "actions[1].itemId"]);
  const id = await rule([award], { cause: "hot_kept", mode: "off" });
  expect(await keep(sold, "PUT", `/service/rules/${id}`)).toEqual([
    409,
    "service_rule_content_class",
    "actions[1].itemId",
  ]);
  const twice = await kitchen.as("admin", "POST", "/service/rules", definition([award, award]));
  expect(twice.body.errors).toMatchObject([{ pointer: "/body/actions/1" }]);
});

test("a back-test says what would have followed, and nothing does", async () => {
  const there = await home();
  // Who did not agree is left out of it.
  const agreed = { purpose: "improve", locale: "en", version: 1 };
  expect((await kitchen.call(there.key, "POST", "/my/consents", agreed)).status).toBe(201);
  kitchen.clock.forward(1);
  const fromMs = kitchen.clock.nowMs();
  for (const cavity_c of [250, 150, 250, 150]) await next(there.oven, cavity_c);
  const asked = {
    definition: definition([award, { kind: "send_content", itemId: await item() }]),
    fromMs,
    toMs: kitchen.clock.nowMs() + 1,
    filter: { deviceIds: [there.oven] },
  };
  const { body } = await kitchen.as("admin", "POST", "/service/rules/backtest", asked);
  const found = await comesTrue(async () => {
    const { body: now } = await kitchen.as("admin", "GET", `/service/backtests/${body.id}`);
    expect(now.status).toBe("done");
    return now;
  });
  expect(found.wouldBe).toMatchObject([
    { kind: "award_points", times: 2, points: 2 * points },
    { kind: "send_content", times: 2 },
  ]);
  await tick();
  expect(await sentTo(there.oven)).toEqual([]);
  const { items } = (await kitchen.as("support", "GET", `/households/${there.householdId}/ledger`)).body;
  expect(items.filter((entry: { rule: string }) => entry.rule.startsWith("service:"))).toEqual([]);
});
