/** Households among all slices: appliances speak through the real up road, people through the real API. */
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CampaignKitchen } from "../../test/support/campaign-kitchen.ts";
import { Kitchen } from "../../test/support/kitchen.ts";

let kitchen: Kitchen;
const dayMs = 86_400_000;

beforeAll(async () => {
  kitchen = await Kitchen.open();
  await kitchen.ovens("oven-2", "oven-3", "oven-4", "oven-5", "oven-6", "oven-7");
});
afterAll(() => kitchen.close());

const lifeOf = async (householdId: string) =>
  (await kitchen.as("viewer", "GET", `/households/${householdId}/lifecycle`)).body;
const stageOf = async (householdId: string) => (await lifeOf(householdId)).stage;
const casesOf = async (householdId: string) =>
  (await kitchen.as("support", "GET", `/cases?household=${householdId}&limit=50`)).body.items;

/** Cooks once a day for so many days. */
async function cook(device: string, days: number): Promise<void> {
  for (let day = 0; day < days; day += 1) {
    kitchen.clock.forward(dayMs);
    await kitchen.event(device, "program.finished", { program: "HotAir" });
  }
}

const toldOf = async (householdId: string) => {
  const { rows } = await sql<{ data: { from: string | null; to: string } }>`
    SELECT data FROM outbox WHERE type = 'hearth.lifecycle.changed' AND subject = ${`household:${householdId}`}
    ORDER BY id`.execute(kitchen.base.db);
  return rows.map(({ data }) => data);
};

/** Tiers that a few programs reach. */
const quickTiers = [
  { key: "base", title: "Base", fromPoints: 0 },
  { key: "gold", title: "Gold", fromPoints: 30 },
];

test("a household in the top tier with two faults in thirty days and a score of 1 is disengaged on that event, promotions stop, and a person gets a case", async () => {
  const campaigns = new CampaignKitchen(kitchen);
  await campaigns.policy();
  const { definition } = (await kitchen.as("viewer", "GET", "/loyalty/program")).body;
  await kitchen.as("admin", "PUT", "/loyalty/program", { ...definition, tiers: quickTiers });
  const owner = await campaigns.household("oven-1");
  await cook("oven-1", 4);
  expect(await stageOf(owner.householdId)).toBe("loyalty");
  const promote = async (title: string) => {
    await campaigns.run(campaigns.campaign([await campaigns.message(title)], "oven-1", "oven-1"));
    await campaigns.tick();
    return (await campaigns.decisionsOf(owner))[0];
  };
  expect(await promote("Roast on Sunday")).toMatchObject({ answer: "send", class: "promotional" });
  await kitchen.event("oven-1", "fault.raised", { code: "E-17" });
  kitchen.clock.forward(8 * dayMs);
  await kitchen.event("oven-1", "program.finished");
  kitchen.clock.forward(60_000);
  await kitchen.event("oven-1", "fault.raised", { code: "E-18" });
  kitchen.clock.forward(60_000);
  expect(await stageOf(owner.householdId)).toBe("loyalty");
  const before = new Set((await casesOf(owner.householdId)).map(({ id }: { id: string }) => id));
  await kitchen.event("oven-1", "feedback.given", { rating: 1 });
  const life = await lifeOf(owner.householdId);
  expect(life).toMatchObject({ stage: "disengaged", sinceMs: kitchen.clock.nowMs() });
  expect(life.changes[0]).toMatchObject({ from: "loyalty", to: "disengaged" });
  expect(life.changes[0].causes.map(({ text }: { text: string }) => text)).toEqual(
    expect.arrayContaining(["Rated us 1 of 5", "2 faults within 30 days: E-17, E-18"]),
  );
  expect(life.changes[0].causes.map(({ text }: { text: string }) => text)).not.toContain(
    "Has an open case: “About to leave: call them”",
  );
  expect((await toldOf(owner.householdId)).at(-1)).toMatchObject({ from: "loyalty", to: "disengaged" });
  const fresh = (await casesOf(owner.householdId)).filter(({ id }: { id: string }) => !before.has(id));
  expect(fresh).toMatchObject([{ title: "About to leave: call them", householdId: owner.householdId, deviceId: null }]);
  expect(await promote("Bread on Monday")).toMatchObject({ answer: "suppress", reason: "disengaged" });
  // Said again it is the same, and nobody is called twice.
  await kitchen.event("oven-1", "feedback.given", { rating: 1 });
  expect((await casesOf(owner.householdId)).length).toBe(before.size + 1);
  // What made them angry is settled: they are back where they were.
  await kitchen.as("support", "POST", `/cases/${fresh[0].id}/resolve`, { note: "Called, and sent a technician" });
  kitchen.clock.forward(60_000);
  await kitchen.event("oven-1", "feedback.given", { rating: 4 });
  expect(await stageOf(owner.householdId)).toBe("loyalty");
  await kitchen.as("admin", "PUT", "/loyalty/program", definition);
});

test("a household that goes silent is disengaged by the clock alone, at the moment when it is due", async () => {
  const owner = await kitchen.newOwner("oven-2");
  await cook("oven-2", 5);
  expect(await stageOf(owner.householdId)).toBe("engagement");
  const lastMs = kitchen.clock.nowMs();
  kitchen.clock.forward(9 * dayMs);
  await kitchen.slices.lifecycle.tick();
  expect(await stageOf(owner.householdId)).toBe("engagement");
  kitchen.clock.forward(dayMs);
  await kitchen.slices.lifecycle.tick();
  const life = await lifeOf(owner.householdId);
  // Three times three days: a household that cooks daily may be away for a long weekend.
  expect(life).toMatchObject({ stage: "disengaged", sinceMs: lastMs + 9 * dayMs + 1 });
  expect(life.changes[0].causes).toMatchObject([
    { kind: "silent", days: 9, text: "Silent for 9 days; usually uses an appliance every 3 days" },
  ]);
  await kitchen.event("oven-2", "program.finished");
  expect(await stageOf(owner.householdId)).toBe("engagement");
});

test("what an appliance tells late counts as if it had come in time, and the world hears of the difference once", async () => {
  const owner = await kitchen.newOwner("oven-3");
  await cook("oven-3", 4);
  const cooked = [2, 4, 6, 8, 10, 12].map((day) => ({
    device: "oven-3",
    channel: "events" as const,
    payload: { id: `late-${day}`, type: "program.finished", data: {}, atMs: kitchen.clock.nowMs() + day * dayMs },
  }));
  kitchen.clock.forward(12.5 * dayMs);
  await kitchen.slices.lifecycle.tick();
  expect(await stageOf(owner.householdId)).toBe("disengaged");
  await kitchen.say(...cooked);
  await kitchen.say(...cooked);
  const life = await lifeOf(owner.householdId);
  expect(life.stage).toBe("engagement");
  expect(life.changes.map(({ to }: { to: string }) => to)).toEqual(["engagement", "activation"]);
  expect((await toldOf(owner.householdId)).map(({ to }) => to)).toEqual([
    "activation",
    "engagement",
    "disengaged",
    "engagement",
  ]);
});

test("a case that is solved at its first answer satisfies, and one that took two does not", async () => {
  const owner = await kitchen.newOwner("oven-4");
  await cook("oven-4", 4);
  const solve = async (answers: number) => {
    const { body } = await kitchen.as("support", "POST", "/cases", {
      deviceId: "oven-4",
      severity: "info",
      title: `Rattles, ${answers}`,
    });
    for (let answer = 0; answer < answers; answer += 1) {
      await kitchen.as("support", "POST", `/cases/${body.id}/messages`, { text: "Tighten the screw" });
    }
    await kitchen.as("support", "POST", `/cases/${body.id}/resolve`, { note: "They did" });
  };
  await solve(2);
  expect(await stageOf(owner.householdId)).toBe("engagement");
  // Later, so that the same trouble is another case.
  await cook("oven-4", 8);
  await solve(1);
  expect(await stageOf(owner.householdId)).toBe("satisfaction");
});

test("an owner's word through the app counts like a touch at the appliance", async () => {
  const owner = await kitchen.newOwner("oven-7");
  await cook("oven-7", 4);
  await kitchen.call(owner.key, "POST", "/my/devices/oven-7/help", { text: "It beeps" });
  const [mine] = (await kitchen.call(owner.key, "GET", "/my/cases")).body.items;
  kitchen.clock.forward(60_000);
  for (const text of ["Press it", "And hold"])
    await kitchen.as("support", "POST", `/cases/${mine.id}/messages`, { text });
  await kitchen.as("support", "POST", `/cases/${mine.id}/resolve`, { note: "They did" });
  expect(await stageOf(owner.householdId)).toBe("engagement");
  kitchen.clock.forward(60_000);
  expect((await kitchen.call(owner.key, "POST", `/my/cases/${mine.id}/feedback`, { rating: 5 })).status).toBe(200);
  expect(await stageOf(owner.householdId)).toBe("satisfaction");
});

test("a prospect's acquisition is the household's once they are one, and its own again when that is taken back", async () => {
  const { body: prospect } = await kitchen.as("admin", "POST", "/households", {
    name: "Prospect",
    locale: "en",
    timeZone: "Europe/Berlin",
  });
  expect(await stageOf(prospect.id)).toBe("acquisition");
  const knownAtMs = (await lifeOf(prospect.id)).sinceMs;
  kitchen.clock.forward(dayMs);
  const owner = await kitchen.newOwner("oven-5");
  expect((await lifeOf(owner.householdId)).changes.map(({ to }: { to: string }) => to)).not.toContain("acquisition");
  const merged = await kitchen.as("admin", "POST", `/households/${owner.householdId}/merges`, {
    from: prospect.id,
    reason: "They said so",
  });
  expect(merged.status).toBeLessThan(300);
  expect((await lifeOf(owner.householdId)).changes).toMatchObject([
    { to: "activation", from: "acquisition" },
    { to: "acquisition", from: null, atMs: knownAtMs },
  ]);
  const undone = await kitchen.as("admin", "POST", `/households/merges/${merged.body.id}/undo`, {
    reason: "They are not",
  });
  expect(undone.status).toBeLessThan(300);
  expect((await lifeOf(owner.householdId)).changes.map(({ to }: { to: string }) => to)).not.toContain("acquisition");
  expect((await lifeOf(prospect.id)).changes).toMatchObject([{ to: "acquisition", atMs: knownAtMs }]);
});

test("an erased household leaves nothing here, whatever is said of it on the way", async () => {
  const owner = await kitchen.newOwner("oven-6");
  await cook("oven-6", 3);
  expect((await kitchen.call(owner.key, "DELETE", "/my/household")).status).toBeLessThan(300);
  for (const table of ["lifecycle_household", "lifecycle_signal", "lifecycle_change"]) {
    const { rows } = await sql`SELECT 1 FROM ${sql.id(table)} WHERE household_id = ${owner.householdId}`.execute(
      kitchen.base.db,
    );
    expect(rows, table).toEqual([]);
  }
});
