import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { CloudMessage } from "#protocol/link/messages.ts";
import { CampaignKitchen, dayMs } from "../../test/support/campaign-kitchen.ts";
import { Kitchen, type Person } from "../../test/support/kitchen.ts";
import { yieldToEvents } from "../platform/clock.ts";
import { Calendar } from "./core/calendar.ts";

let kitchen: Kitchen;
let stage: CampaignKitchen;

beforeAll(async () => {
  kitchen = await Kitchen.open();
  stage = new CampaignKitchen(kitchen);
});
afterAll(async () => {
  await kitchen.close();
});
beforeEach(async () => {
  await stage.policy();
});

const at = (iso: string) => kitchen.clock.forward(Temporal.Instant.from(iso).epochMilliseconds - stage.nowMs);

type Down = Extract<CloudMessage, { kind: "deliver" }>;
const told = (device: string): Down[] =>
  kitchen.told.filter((one): one is Down => one.kind === "deliver" && "deviceId" in one && one.deviceId === device);

/** Titles and commands that went down to an appliance since this was last asked; the gateway answers of each that it is away, or here. */
async function wentDown(device: string, isHere: boolean): Promise<string[]> {
  await kitchen.slices.dispatcher.idle();
  // Whatever was said before this command is here when it is: the road keeps the order.
  const { body } = await kitchen.as("support", "POST", `/devices/${device}/commands`, { name: "identify", args: {} });
  while (!told(device).some(({ payload }) => payload.includes(body.id))) await yieldToEvents();
  const down = told(device);
  for (const one of down) kitchen.told.splice(kitchen.told.indexOf(one), 1);
  for (const { ref } of down) {
    if (isHere) kitchen.slices.linkDeps.onWritten(ref, stage.nowMs);
    else kitchen.slices.linkDeps.onNotWritten(ref, device, "absent");
  }
  await kitchen.slices.dispatcher.idle();
  const names = down.map(({ payload }): string => {
    const { body: said } = JSON.parse(payload);
    return said.title ?? said.name;
  });
  return names.filter((name) => name !== "identify");
}

async function asleepFrom22To7(serial: string): Promise<Person> {
  const person = await stage.household(serial);
  const quiet = { fromMinute: 22 * 60, toMinute: 7 * 60, meanwhile: "hold" };
  const { status } = await kitchen.call(person.key, "PATCH", "/my/household", {
    channels: { order: ["display"], quiet, perWeekMax: null },
  });
  expect(status).toBe(200);
  return person;
}

/** The oven came back, and the gateway granted it its inbox. */
const comesBack = (device: string) => kitchen.slices.linkDeps.onReady(device, ["inbox"]);
const tick = () => kitchen.slices.deliveries.tick(stage.nowMs);

test.each([
  ["an ordinary night", "2026-02-10T15:00:00Z", "2026-02-11T05:59:59Z", "2026-02-11T06:00:00Z"],
  ["the night that loses an hour", "2026-03-28T15:00:00Z", "2026-03-29T04:59:59Z", "2026-03-29T05:00:00Z"],
  ["the night that has one more", "2026-10-24T14:00:00Z", "2026-10-25T05:59:59Z", "2026-10-25T06:00:00Z"],
])(
  "what was decided by day comes to the display of an oven that is back in %s when the household's quiet hours end",
  async (name, day, lastQuiet, end) => {
    at(day);
    const oven = `Q-${name.replaceAll(" ", "-")}`;
    const person = await asleepFrom22To7(oven);
    await stage.run(stage.campaign([await stage.message("Sunday roast")], oven, oven));
    await stage.tick();
    expect(await wentDown(oven, false)).toEqual(["Sunday roast"]);
    kitchen.clock.forward(9 * 3_600_000);
    await stage.run(stage.recall(await stage.message("Door hinge", { class: "recall" }), oven, oven));
    await stage.tick();
    comesBack(oven);
    expect(new Set(await wentDown(oven, true))).toEqual(new Set(["Door hinge"]));
    const roast = async () =>
      (await stage.decisionsOf(person)).find(({ title }: { title: string }) => title === "Sunday roast");
    expect((await roast()).untilMs).toBe(Date.parse(end));
    expect((await roast()).says).toBe(
      `Sent on the appliance's display: you agreed to marketing. It waits until ${end.slice(0, 10)} 07:00: these are the household's quiet hours.`,
    );
    at(lastQuiet);
    comesBack(oven);
    await tick();
    expect(await wentDown(oven, true)).not.toContain("Sunday roast");
    at(end);
    await tick();
    expect(await wentDown(oven, true)).toContain("Sunday roast");
    expect(await roast()).toMatchObject({
      untilMs: null,
      says: "Sent on the appliance's display: you agreed to marketing.",
    });
  },
);

test("what a reconnect would repeat waits too, and what expires before the quiet hours end has expired and never comes", async () => {
  at("2026-11-10T15:00:00Z");
  const oven = "Q-lost";
  await asleepFrom22To7(oven);
  const expiresAtMs = Temporal.Instant.from("2026-11-11T02:00:00Z").epochMilliseconds;
  await stage.run(stage.campaign([await stage.message("Repeated")], oven, oven));
  await stage.run(stage.campaign([await stage.message("Tonight alone")], oven, oven, { expiresAtMs }));
  await stage.tick();
  at("2026-11-10T20:59:59Z");
  comesBack(oven);
  // Written, and no word that it came.
  expect(new Set(await wentDown(oven, true))).toEqual(new Set(["Repeated", "Tonight alone"]));
  at("2026-11-10T21:00:00Z");
  comesBack(oven);
  expect(await wentDown(oven, true)).toEqual([]);
  at("2026-11-11T02:00:00Z");
  await tick();
  const phases = async () =>
    Object.fromEntries((await stage.inbox(oven)).map(({ label, phase }) => [label, phase] as const));
  expect(await phases()).toMatchObject({ Repeated: "queued", "Tonight alone": "expired" });
  at("2026-11-11T06:00:00Z");
  await tick();
  expect(await wentDown(oven, true)).toEqual(["Repeated"]);
  expect(await phases()).toMatchObject({ Repeated: "sent" });
});

test("it is asked again when they end: who made them longer meanwhile is left in peace until then", async () => {
  at("2026-11-20T15:00:00Z");
  const oven = "Q-longer";
  const person = await stage.household(oven);
  const until = (toMinute: number) =>
    kitchen.call(person.key, "PATCH", "/my/household", {
      channels: { order: ["display"], quiet: { fromMinute: 1_320, toMinute, meanwhile: "hold" }, perWeekMax: null },
    });
  await until(420);
  await stage.run(stage.campaign([await stage.message("Brunch")], oven, oven));
  await stage.tick();
  expect(await wentDown(oven, false)).toEqual(["Brunch"]);
  at("2026-11-20T22:00:00Z");
  comesBack(oven);
  expect(await wentDown(oven, true)).toEqual([]);
  await until(540);
  at("2026-11-21T06:00:00Z");
  await tick();
  expect(await wentDown(oven, true)).toEqual([]);
  at("2026-11-21T08:00:00Z");
  await tick();
  expect(await wentDown(oven, true)).toEqual(["Brunch"]);
});

/** What the workers do each second, but for the deliveries' own clock. */
async function aSecond(): Promise<void> {
  await stage.tick();
  await kitchen.slices.engagement.tickLetters();
  kitchen.slices.dispatcher.tick(stage.nowMs);
  await kitchen.slices.dispatcher.idle();
}

const quietUntil = (by: Person | "support", person: Person, quiet: { fromMinute: number; toMinute: number } | null) => {
  const channels = {
    order: ["display"],
    quiet: quiet === null ? null : { ...quiet, meanwhile: "hold" },
    perWeekMax: null,
  };
  return by === "support"
    ? kitchen.as("support", "PATCH", `/households/${person.householdId}`, { channels })
    : kitchen.call(by.key, "PATCH", "/my/household", { channels });
};

test.each(["the household", "staff"])(
  "what longer quiet hours held comes within a second of %s lifting or shortening them: on its way to the display, and not yet decided",
  async (who) => {
    at(who === "staff" ? "2026-12-02T15:00:00Z" : "2026-12-01T15:00:00Z");
    const oven = `Q-shorter-${who.replaceAll(" ", "-")}`;
    const person = await asleepFrom22To7(oven);
    const by = who === "staff" ? "support" : person;
    await stage.run(stage.campaign([await stage.message("On its way")], oven, oven));
    await stage.tick();
    expect(await wentDown(oven, false)).toEqual(["On its way"]);
    kitchen.clock.forward(9 * 3_600_000);
    comesBack(oven);
    await stage.run(stage.campaign([await stage.message("Not decided")], oven, oven));
    await aSecond();
    expect(await wentDown(oven, true)).toEqual([]);
    // Shorter, and it is quiet all the same: both wait for the new end.
    expect((await quietUntil(by, person, { fromMinute: 1_320, toMinute: 360 })).status).toBe(200);
    await aSecond();
    expect(await wentDown(oven, true)).toEqual([]);
    const ends = (await stage.decisionsOf(person)).map(({ untilMs }: { untilMs: number }) => untilMs % dayMs);
    expect(ends).toEqual([5 * 3_600_000, 5 * 3_600_000]);
    expect((await quietUntil(by, person, { fromMinute: 1_320, toMinute: 1_350 })).status).toBe(200);
    await aSecond();
    expect(new Set(await wentDown(oven, true))).toEqual(new Set(["On its way", "Not decided"]));
    expect(await stage.decisionsOf(person)).toMatchObject([{ untilMs: null }, { untilMs: null }]);
  },
);

test("what staff send to their own test appliance comes at once, in the quiet hours of where it stands", async () => {
  at("2026-12-03T23:00:00Z");
  const oven = "Q-bench";
  await asleepFrom22To7(oven);
  await kitchen.as("content", "PUT", `/content/test-devices/${oven}`);
  await stage.run(stage.campaign([await stage.message("Held")], oven, oven));
  await stage.tick();
  const id = await stage.message("Tried out");
  const { status } = await kitchen.as("content", "POST", `/content/items/${id}/test`, { deviceIds: [oven] });
  expect(status).toBe(200);
  expect(await wentDown(oven, true)).toEqual(["Tried out"]);
});

const isQuiet = (quiet: { fromMinute: number; toMinute: number } | null) =>
  quiet !== null && new Calendar(stage.nowMs).quietUntilMs("Europe/Berlin", { ...quiet, meanwhile: "hold" }) !== null;

test("whatever the hours are changed to, what may wait is on the display after the next second just where it is not quiet then", async () => {
  let rounds = 0;
  const minute = fc.integer({ min: 0, max: 1_439 });
  const hours = fc.option(fc.record({ fromMinute: minute, toMinute: minute }));
  const home = fc.record({ first: hours, later: hours, isUnderWay: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(home, { minLength: 6, maxLength: 6 }), async (given) => {
      rounds += 1;
      const range = `Q-any-${rounds}`;
      const homes: (typeof home extends fc.Arbitrary<infer T> ? T & { oven: string; person: Person } : never)[] = [];
      for (const [index, one] of given.entries()) {
        const oven = `${range}-${index}`;
        const person = await stage.household(oven);
        // Decided by day for an oven that is away, and held when it comes back; or not decided yet.
        await quietUntil(person, person, one.isUnderWay ? null : one.first);
        homes.push({ ...one, oven, person });
      }
      await stage.run(stage.campaign([await stage.message("Anything")], `${range}-0`, `${range}-9`));
      await aSecond();
      for (const { oven, person, first, later, isUnderWay } of homes) {
        expect((await wentDown(oven, false)).length > 0).toBe(isUnderWay || !isQuiet(first));
        await quietUntil(person, person, first);
        comesBack(oven);
        expect((await wentDown(oven, true)).length > 0).toBe(!isQuiet(first));
        await quietUntil(person, person, later);
      }
      await aSecond();
      for (const { oven, first, later } of homes)
        expect((await wentDown(oven, true)).length > 0).toBe(isQuiet(first) && !isQuiet(later));
    }),
    { numRuns: 2 },
  );
});
