/** A rollout as a household meets it: told before, with a say in it, and heard by the rollout. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen, type Person } from "./support/kitchen.ts";
import type { ReleaseKit } from "./support/release-kit.ts";

let kitchen: Kitchen;
let kit: ReleaseKit;

beforeAll(async () => {
  kitchen = await Kitchen.open();
  kit = await kitchen.releaseKit();
});
afterAll(() => kitchen.close());

const dayMs = 86_400_000;

async function household(): Promise<{ id: string; owner: Person }> {
  const id = await kitchen.newOven();
  const state = { hardware: "h1", firmware: "1.0.0", releaseCounter: 0, timeZone: "Europe/Berlin" };
  await kitchen.say({ device: id, channel: "reported", payload: { state } });
  const owner = await kitchen.newOwner(id);
  await kitchen.call(owner.key, "PATCH", "/my/household", { locale: "de" });
  return { id, owner };
}

/** Rolls a new release out to all that may have it. */
async function rollOut(over: object): Promise<string> {
  const release = await kit.publish();
  const stages = [{ name: "all", size: { kind: "rest" }, soakMs: 0 }];
  const plan = { name: "Spring", releaseId: release.id, stages, ...over };
  const { status, body } = await kitchen.as("release", "POST", "/rollouts", plan);
  expect([status, body.detail]).toEqual([201, undefined]);
  for (const act of ["submit", "start"])
    expect((await kitchen.as("release", "POST", `/rollouts/${body.id}/${act}`)).status).toBe(200);
  kitchen.clock.forward(1_000);
  for (let turns = 0; turns < 5; turns += 1) await kitchen.slices.rollouts.tick();
  return body.id as string;
}

const membersOf = async (rolloutId: string) =>
  (await kitchen.as("viewer", "GET", `/rollouts/${rolloutId}/devices?limit=100`)).body.items as {
    deviceId: string;
    state: string;
  }[];
const updateOf = async ({ owner }: { owner: Person }) =>
  (await kitchen.call(owner.key, "GET", "/my/updates")).body.items[0];
const say = async ({ owner }: { owner: Person }, word: string, body?: object) => {
  const { id } = await updateOf({ owner });
  return kitchen.call(owner.key, "POST", `/my/updates/${id}/${word}`, body);
};

test("every household is told before in its own words, puts the update off, declines it or lets it come, and the rollout hears it", async () => {
  const [willing, later, unwilling] = [await household(), await household(), await household()];
  const startMs = kitchen.clock.nowMs();
  const rolloutId = await rollOut({ noticeMs: 3 * dayMs, postponeMsMax: 40 * dayMs });
  const update = await updateOf(willing);
  expect(update).toMatchObject({
    can: { agree: true, postpone: true, decline: true },
    next: { code: "waits_for_time", atMs: update.mayBeginAtMs },
  });
  expect(update.mayBeginAtMs).toBeGreaterThan(startMs + 3 * dayMs - 1);
  expect(update.postponeUntilMsMax).toBe(update.mayBeginAtMs + 40 * dayMs);

  const { body: told } = await kitchen.as("viewer", "GET", `/deliveries?device=${willing.id}&kind=message`);
  expect(told.items).toHaveLength(1);
  const message = (await kitchen.as("viewer", "GET", `/deliveries/${told.items[0].id}`)).body;
  expect(message.body).toMatchObject({ locale: "de", text: expect.stringContaining(update.version) });

  expect((await say(willing, "agree")).body).toMatchObject({ mayBeginAtMs: null });
  const untilMs = update.postponeUntilMsMax;
  expect((await say(later, "postpone", { untilMs })).body).toMatchObject({ mayBeginAtMs: untilMs });
  expect((await say(unwilling, "decline")).body).toMatchObject({ phase: "rejected" });

  const states = new Map((await membersOf(rolloutId)).map(({ deviceId, state }) => [deviceId, state]));
  expect([willing, later, unwilling].map(({ id }) => states.get(id))).toEqual(["offered", "offered", "declined"]);

  // Weeks later the one that was put off waits still, and nobody has counted it as failed or tried the declined one again.
  kitchen.clock.forward(35 * dayMs);
  await kitchen.slices.deliveries.tick(kitchen.clock.nowMs());
  await kitchen.slices.rollouts.tick();
  expect(await updateOf(later)).toMatchObject({ phase: "queued", mayBeginAtMs: untilMs });
  expect(await updateOf(unwilling)).toMatchObject({ phase: "rejected", next: { code: "declined" } });

  const titles = async (key: string | null, path: string): Promise<string[]> =>
    (key === null ? await kitchen.as("support", "GET", path) : await kitchen.call(key, "GET", path)).body.items.map(
      ({ title }: { title: string }) => title,
    );
  const seen = await titles(null, `/devices/${unwilling.id}/timeline?limit=100`);
  expect(seen).toContain(`Firmware ${update.version} (Spring): declined by the household`);
  const own = await titles(unwilling.owner.key, `/my/devices/${unwilling.id}/timeline?limit=100`);
  expect(own).toContain(`Firmware ${update.version}: declined by the household`);
});

test("a rollout that asks waits for the household, and goes on once somebody agreed anywhere", async () => {
  const asked = await household();
  await kitchen.as("admin", "PATCH", `/devices/${asked.id}`, { tags: ["asked"] });
  const rolloutId = await rollOut({ target: '"asked" in tags', consent: "ask", postponeMsMax: 0 });
  expect(await updateOf(asked)).toMatchObject({
    consent: "ask",
    postponeUntilMsMax: null,
    can: { agree: true, postpone: false, decline: true },
    next: { code: "waits_for_you" },
  });
  expect((await say(asked, "agree")).body).toMatchObject({ consent: "given", can: { agree: false } });
  const { id: deliveryId } = await updateOf(asked);
  for (const step of ["offered", "confirmed_by_owner", "downloading"])
    await kitchen.say({ device: asked.id, channel: "receipts", payload: { deliveryId, attempt: 1, step } });
  expect((await membersOf(rolloutId)).find(({ deviceId }) => deviceId === asked.id)?.state).toBe("started");
});
