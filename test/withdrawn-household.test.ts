/** A household that withdrew everything it could: what still reaches it, because no consent is asked for that. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { comesTrue } from "./support/comes-true.ts";
import { Kitchen, type Person } from "./support/kitchen.ts";
import type { ReleaseKit } from "./support/release-kit.ts";

let kitchen: Kitchen;
let kit: ReleaseKit;

beforeAll(async () => {
  kitchen = await Kitchen.open();
  kit = await kitchen.releaseKit();
});
afterAll(() => kitchen.close());

async function household(oven: string): Promise<Person> {
  await kitchen.ovens(oven);
  const state = { hardware: "h1", firmware: "1.0.0", releaseCounter: 0 };
  await kitchen.say({ device: oven, channel: "reported", payload: { state } });
  return kitchen.newOwner(oven);
}

const choices = ["improve", "personalise", "market"];

/** Says no to everything, and that nothing but what must be may be sent. */
async function withdrawEverything(owner: Person): Promise<void> {
  for (const purpose of choices) {
    kitchen.clock.forward(1);
    const answer = await kitchen.call(owner.key, "POST", "/my/consents/withdrawals", { purpose });
    expect(answer.status).toBe(201);
  }
  const channels = { order: [], quiet: { fromMinute: 0, toMinute: 1_439, meanwhile: "skip" }, perWeekMax: 0 };
  expect((await kitchen.call(owner.key, "PATCH", "/my/household", { channels })).status).toBe(200);
}

/** What went down to an appliance's inbox, by kind. */
const sentTo = (oven: string, kind: string) =>
  kitchen.told.flatMap((message) => {
    if (message.kind !== "deliver" || message.deviceId !== oven || message.channel !== "inbox") return [];
    const delivery = JSON.parse(Buffer.from(message.payload).toString());
    return delivery.kind === kind ? [delivery] : [];
  });

test("a security update reaches and is installed by a household that withdrew everything, as by one that agreed to everything", async () => {
  const [unwilling, willing] = [await household("oven-no"), await household("oven-yes")];
  await withdrawEverything(unwilling);
  for (const purpose of choices) {
    const given = { purpose, locale: "en", version: 1 };
    expect((await kitchen.call(willing.key, "POST", "/my/consents", given)).status).toBe(201);
  }
  const held = await kitchen.slices.consent.agreed(kitchen.base.db, [unwilling.householdId, willing.householdId]);
  expect([...(held.get(unwilling.householdId) ?? [])]).toEqual(["run"]);
  expect(held.get(willing.householdId)?.size).toBe(4);

  const release = await kit.publish(undefined, { kind: "security" });
  const stages = [{ name: "all", size: { kind: "rest" }, soakMs: 0 }];
  const { body } = await kitchen.as("release", "POST", "/rollouts", { name: "Mend", releaseId: release.id, stages });
  for (const act of ["submit", "start"])
    expect((await kitchen.as("release", "POST", `/rollouts/${body.id}/${act}`)).status).toBe(200);
  kitchen.clock.forward(1_000);
  for (let turns = 0; turns < 5; turns += 1) await kitchen.slices.rollouts.tick();

  for (const oven of ["oven-no", "oven-yes"]) {
    kitchen.slices.dispatcher.onReady(oven);
    await comesTrue(() => expect(sentTo(oven, "firmware")).toHaveLength(1));
    const { id: deliveryId } = sentTo(oven, "firmware")[0];
    const steps = ["offered", "downloading", "downloaded", "verified", "installing", "rebooting", "confirmed"];
    for (const step of steps)
      await kitchen.say({ device: oven, channel: "receipts", payload: { deliveryId, attempt: 1, step } });
  }
  const members = (await kitchen.as("viewer", "GET", `/rollouts/${body.id}/devices?limit=10`)).body.items;
  expect(
    members.map(({ deviceId, state }: { deviceId: string; state: string }) => [deviceId, state]).toSorted(),
  ).toEqual([
    ["oven-no", "done"],
    ["oven-yes", "done"],
  ]);
});
