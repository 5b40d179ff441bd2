/** When households are asked how they like their appliance: through the real slices, at a clock that the test sets. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SetClock } from "../../test/support/down-road.ts";
import { Kitchen, type Person } from "../../test/support/kitchen.ts";
import { lifecycleDefinition } from "./core/definition.ts";
import { momentOf } from "./core/feedback-moment.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const clock = new SetClock();
let kitchen: Kitchen;
let ovens = 0;

beforeAll(async () => {
  kitchen = await Kitchen.open({ clock });
  await kitchen.as("content", "PUT", "/loyalty/rewards/mitts", { title: "Oven mitts", pointsCost: 5 });
});
afterAll(() => kitchen.close());

interface Home extends Person {
  oven: string;
}
async function home({ agrees }: { agrees: boolean }): Promise<Home> {
  ovens += 1;
  const oven = `ask-oven-${ovens}`;
  await kitchen.ovens(oven);
  const owner = await kitchen.newOwner(oven);
  if (agrees) {
    const { status } = await kitchen.as("support", "POST", `/households/${owner.householdId}/consents`, {
      purpose: "improve",
      channel: "web",
      evidence: "Form",
      locale: "en",
      version: 1,
    });
    if (status !== 201) throw new Error("the household did not agree");
  }
  return { ...owner, oven };
}
const tick = () => kitchen.slices.lifecycle.tick();
/** Questions that went to its display. */
const asked = async ({ oven }: Home): Promise<string[]> =>
  (await kitchen.as("viewer", "GET", `/deliveries?device=${oven}`)).body.items
    .map(({ label }: { label: string }) => label)
    .filter((label: string) => label.includes("?"));
const redeem = async (one: Home) => {
  await kitchen.event(one.oven, "program.finished");
  const put = await kitchen.call(one.key, "POST", "/my/redemptions", { reward: "mitts" });
  const done = await kitchen.call(one.key, "POST", `/my/redemptions/${put.body.id}/redeem`);
  expect(done.status).toBe(200);
};

test("a household is asked once after its first month, with its consent alone; a reward asks again, and never within a week", async () => {
  const [agreed, silent] = [await home({ agrees: true }), await home({ agrees: false })];
  await tick();
  clock.forward(29 * dayMs);
  await tick();
  expect(await asked(agreed)).toEqual([]);
  clock.forward(dayMs + hourMs);
  await tick();
  await tick();
  expect(await asked(agreed)).toEqual(["How do you like it?"]);
  expect(await asked(silent)).toEqual([]);
  await redeem(agreed);
  clock.forward(2 * dayMs);
  await tick();
  expect(await asked(agreed)).toEqual(["How do you like it?"]);
  clock.forward(6 * dayMs);
  await tick();
  expect((await asked(agreed)).toSorted()).toEqual(["Did you like your reward?", "How do you like it?"]);
  await kitchen.event(agreed.oven, "feedback.given", { rating: 5 });
  const { body } = await kitchen.as("viewer", "GET", `/households/${agreed.householdId}/lifecycle`);
  expect(body.facts.feedback).toMatchObject({ rating: 5 });
  // Nobody remembers after two more weeks: who agrees only then is not asked any more.
  clock.forward(30 * dayMs);
  await tick();
  expect(await asked(silent)).toEqual([]);
});

test("nobody is asked in quiet hours: the question waits for their end", async () => {
  const one = await home({ agrees: true });
  const channels = {
    order: ["display"],
    quiet: { fromMinute: 0, toMinute: 1_439, meanwhile: "hold" },
    perWeekMax: null,
  };
  const set = await kitchen.as("admin", "PATCH", `/households/${one.householdId}`, { channels });
  expect(set.status).toBe(200);
  clock.forward(30 * dayMs + hourMs);
  await tick();
  expect(await asked(one)).toEqual([]);
  for (let minute = 0; minute < 1_440 && (await asked(one)).length === 0; minute += 30) {
    clock.forward(30 * 60_000);
    await tick();
  }
  // The one minute that is not quiet was passed between two looks, so the question goes on waiting.
  expect(await asked(one)).toEqual([]);
  await kitchen.as("admin", "PATCH", `/households/${one.householdId}`, { channels: { ...channels, quiet: null } });
  clock.forward(dayMs);
  await tick();
  expect(await asked(one)).toEqual(["How do you like it?"]);
});

test("a question that waits for the end of quiet hours is asked as soon as they are lifted, and one that is not due yet is not", async () => {
  const [early, due] = [await home({ agrees: true }), await home({ agrees: true })];
  const channels = { order: ["display"], perWeekMax: null };
  const quiet = (one: Home, hours: object | null) =>
    kitchen.call(one.key, "PATCH", "/my/household", { channels: { ...channels, quiet: hours } });
  clock.forward(29 * dayMs);
  await quiet(early, { fromMinute: 0, toMinute: 1_439, meanwhile: "hold" });
  await quiet(early, null);
  await tick();
  expect(await asked(early)).toEqual([]);
  await quiet(due, { fromMinute: 0, toMinute: 1_439, meanwhile: "hold" });
  clock.forward(dayMs + hourMs);
  await tick();
  expect(await asked(due)).toEqual([]);
  await quiet(due, null);
  await tick();
  expect(await asked(due)).toEqual(["How do you like it?"]);
});

test("what is asked after a closed case waits for the end of quiet hours too", async () => {
  const one = await home({ agrees: false });
  const channels = {
    order: ["display"],
    quiet: { fromMinute: 0, toMinute: 1_439, meanwhile: "hold" },
    perWeekMax: null,
  };
  await kitchen.as("admin", "PATCH", `/households/${one.householdId}`, { channels });
  const help = { topic: "cleaning", text: "How?", wantsHuman: true };
  const { id } = (await kitchen.call(one.key, "POST", `/my/devices/${one.oven}/help`, help)).body;
  await kitchen.as("support", "POST", `/cases/${id}/resolve`, { note: "done" });
  await kitchen.slices.service.feedback.tick();
  expect(await asked(one)).toEqual([]);
  await kitchen.as("admin", "PATCH", `/households/${one.householdId}`, { channels: { ...channels, quiet: null } });
  await kitchen.slices.service.feedback.tick();
  expect(await asked(one)).toEqual(["Did we help?"]);
});

test("moments are data of the definition: whatever it says, a switched off moment asks nobody", () => {
  const base = {
    gap: { daysUsual: 7, daysMin: 3, daysMax: 60 },
    activation: { programs: 3, days: 30 },
    engagement: { gaps: 2 },
    satisfaction: { ratingMin: 4, firstAnswerCounts: true },
    loyalty: { days: 180, tierCounts: true },
    advocacy: { days: 180 },
    disengaged: { gaps: 3, ratingMax: 2, faults: 2, faultDays: 30, complaintDays: 90 },
  };
  const days = fc.option(fc.integer({ min: 7, max: 365 }));
  fc.assert(
    fc.property(days, fc.boolean(), fc.nat(1e12), (afterDays, afterReward, atMs) => {
      const definition = lifecycleDefinition.parse({ ...base, feedback: { afterDays, afterReward } });
      const data = { householdId: "h" };
      const paired = momentOf({ type: "hearth.household.device_joined", atMs, data }, definition);
      const rewarded = momentOf({ type: "hearth.reward.redeemed", atMs, data }, definition);
      expect(paired?.dueAtMs ?? null).toBe(afterDays === null ? null : atMs + afterDays * dayMs);
      expect(rewarded !== null).toBe(afterReward);
      for (const ask of [paired, rewarded]) if (ask !== null) expect(ask.untilMs).toBeGreaterThan(ask.dueAtMs);
    }),
  );
  expect(lifecycleDefinition.parse(base).feedback).toEqual({ afterDays: 30, afterReward: true });
});
