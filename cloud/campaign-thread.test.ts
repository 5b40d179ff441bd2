import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { expect, test } from "vitest";
import { campaignKitchen } from "../test/support/campaign-kitchen.ts";
import { comesTrue } from "../test/support/comes-true.ts";
import { hobModel } from "../test/support/kitchen.ts";
import { SharedClock } from "../test/support/shared-clock.ts";
import { transaction } from "./platform/database.ts";

const { kitchen, stage } = await campaignKitchen({ clock: new SharedClock(), campaignsInThread: true });
const { db } = kitchen.base;
const thread = kitchen.campaigns;
if (thread === null) throw new Error("there is no thread");
let ranges = 0;

/** Households of a range of serial numbers that no other test uses, and a campaign for them that runs. */
async function running(count: number, title = "Roast on Sunday", more: Record<string, unknown> = {}) {
  ranges += 1;
  const head = `H${ranges}`;
  const people = [];
  for (let n = 0; n < count; n += 1) people.push(await stage.household(`${head}-${n}`));
  const item = await stage.message(title, more);
  return { people, head, id: await stage.run(stage.campaign([item], `${head}-0`, `${head}-9`)) };
}

/** Has what a page writes wait while `work` goes on. */
const whilePagesWait = <T>(work: () => Promise<T>): Promise<T> =>
  transaction(db, async (tx) => {
    await sql`LOCK TABLE decision_context IN SHARE MODE`.execute(tx);
    return work();
  });

/** Resolves once a page is held up there. */
const pageWaits = () =>
  comesTrue(async () => {
    const { rows } =
      await sql`SELECT FROM pg_locks WHERE relation = 'decision_context'::regclass AND NOT granted`.execute(db);
    expect(rows).toHaveLength(1);
  });

const decided = async (id: string) => (await stage.read(id)).funnel.decided;

test("the thread begins with the first campaign, and what it sends goes down by the road that the main thread has", async () => {
  expect(await stage.tick()).toBe(0);
  expect(thread.workers).toHaveLength(0);
  const { head, id } = await running(2);
  expect(await stage.tick()).toBe(2);
  expect(await stage.tick()).toBe(0);
  expect(thread.workers).toHaveLength(1);
  expect((await stage.read(id)).funnel).toMatchObject({ members: 2, decided: 2, queued: 2 });
  await comesTrue(() => {
    const down = kitchen.told.flatMap((message) => (message.kind === "deliver" ? [message.deviceId] : []));
    expect(down.toSorted()).toEqual([`${head}-0`, `${head}-1`]);
  });
});

test("a thread that dies in a page leaves nothing of it, and the next one decides about everybody, once", async () => {
  const { people, head, id } = await running(3);
  const before = thread.workers.length;
  await whilePagesWait(async () => {
    const ticking = stage.tick();
    const [outcome] = await Promise.allSettled([ticking, pageWaits().then(() => thread.workers.at(-1)?.terminate())]);
    expect(outcome).toMatchObject({ reason: new Error("the campaigns' thread ended with code 1") });
  });
  expect(await decided(id)).toBe(0);
  expect(await stage.tick()).toBe(3);
  expect(await stage.tick()).toBe(0);
  expect(thread.workers).toHaveLength(before + 1);
  for (const [n, person] of people.entries()) {
    expect(await stage.decisionsOf(person)).toHaveLength(1);
    expect(await stage.inbox(`${head}-${n}`)).toHaveLength(1);
  }
});

test("a page that fails is told, and the same thread carries on with the next call", async () => {
  const { id } = await running(1);
  const before = thread.workers.length;
  await sql`ALTER TABLE campaign RENAME TO campaign_away`.execute(db);
  await expect(thread.carryOut()).rejects.toThrow(/relation "campaign" does not exist/);
  await sql`ALTER TABLE campaign_away RENAME TO campaign`.execute(db);
  expect(await stage.tick()).toBe(1);
  expect([thread.workers.length, await decided(id)]).toEqual([before, 1]);
});

test("what staff change while the thread runs counts with its next page", async () => {
  await kitchen.as("admin", "PUT", "/models/hob", hobModel);
  const dueOf = async (title: string) => {
    // It is for other appliances than theirs, and there is no mail: a person tells them.
    await running(1, title, { class: "service", models: ["hob"] });
    await stage.tick();
    const { items } = (await kitchen.as("support", "GET", "/cases/queue?limit=100")).body;
    const found = items.find((one: { title: string }) => one.title === `Tell them: ${title}`);
    return found.promise.resolveDueAtMs - kitchen.clock.nowMs();
  };
  const { policy } = (await kitchen.as("admin", "GET", "/cases/policy")).body;
  expect(await dueOf("Descale it")).toBe(policy.service.resolveMs);
  const service = { ...policy.service, firstAnswerMs: 60_000, resolveMs: 120_000 };
  expect((await kitchen.as("admin", "PUT", "/cases/policy", { ...policy, service })).status).toBe(200);
  expect(await dueOf("Clean the filter")).toBe(120_000);
});

test("who comes into a segment, and when a profile is to be looked at again, is told there as in the main thread", async () => {
  for (const [id, expression] of [
    ["helped", "open_cases > 0"],
    ["settled", "days_since_paired >= 30"],
  ])
    await kitchen.as("content", "PUT", `/segments/${id}`, { title: id, expression });
  const { people } = await running(1, "Look at the seal", { class: "service", models: ["hob"] });
  await kitchen.slices.segments.tick();
  const dueDay = async () => {
    const { rows } =
      await sql`SELECT due_day FROM household_profile WHERE household_id = ${people[0]?.householdId}`.execute(db);
    return rows;
  };
  const before = await dueDay();
  await stage.tick();
  const seen = await kitchen.slices.segments.household(people[0]?.householdId ?? "");
  expect(seen?.segments.map(({ id }) => id)).toEqual(["helped"]);
  expect(await dueDay()).toEqual(before);
});

/** Devices that something went down to since. */
const toldOf = (from: number) =>
  kitchen.told.slice(from).flatMap((message) => (message.kind === "deliver" ? [message.deviceId] : []));

test("what a thread made that died before it told of it goes down all the same, to appliances that stay connected", async () => {
  const { head, id } = await running(2);
  const from = kitchen.told.length;
  thread.dies("beforeItTells");
  await expect(stage.tick()).rejects.toThrow("ended with code 1");
  thread.dies("never");
  expect(await stage.tick()).toBe(0);
  expect([await decided(id), toldOf(from)]).toEqual([2, []]);
  await kitchen.slices.deliveries.tick(kitchen.clock.nowMs());
  await comesTrue(() => expect(toldOf(from).toSorted()).toEqual([`${head}-0`, `${head}-1`]));
});

test("a thread that dies again and again as it starts rests longer each time, which health says; then campaigns go on", async () => {
  await thread.workers.at(-1)?.terminate();
  const { id } = await running(1);
  thread.dies("asItStarts");
  const before = thread.workers.length;
  const outcomes = [];
  for (let calls = 0; calls < 12; calls += 1)
    outcomes.push(
      await stage.tick().catch((error: Error) => (error.message.includes("dies of a test") ? "died" : error)),
    );
  // The death by force in the beginning was the first.
  expect(outcomes).toEqual(["died", 0, "died", 0, 0, 0, "died", 0, 0, 0, 0, 0]);
  expect(thread.workers).toHaveLength(before + 3);
  const health = await kitchen.as("viewer", "GET", "/health");
  expect([health.status, health.body.problems.join()]).toEqual([
    503,
    expect.stringContaining("Campaigns stand still: Error: this thread dies of a test"),
  ]);
  thread.dies("never");
  await comesTrue(async () => expect(await stage.tick()).toBe(1));
  expect(await decided(id)).toBe(1);
  expect((await kitchen.as("viewer", "GET", "/health")).body.problems.join()).not.toContain("Campaigns");
});

// The last: what is stopped stays so.
test("it ends in the middle of a page, which is not there then, and is asked for nothing more", async () => {
  const { id } = await running(2);
  await whilePagesWait(async () => {
    const ticking = stage.tick();
    await pageWaits();
    await thread.stop();
    expect(await ticking).toBe(0);
  });
  await sleep(0);
  expect([await decided(id), await stage.tick()]).toEqual([0, 0]);
});
