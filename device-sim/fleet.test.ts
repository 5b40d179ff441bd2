import { createHash, randomBytes, randomUUIDv7 } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { receipt } from "#protocol/delivery.ts";
import { deviceEvent } from "#protocol/device-event.ts";
import { telemetry } from "#protocol/reading.ts";
import { reported } from "#protocol/state.ts";
import { planFleet } from "./core/fleet-plan.ts";
import { recordingReadings } from "./core/recorded-cook.ts";
import { Fleet, type FleetOptions, type TokenMember } from "./fleet.ts";
import { AcceleratedClock, systemClock } from "./platform/clock.ts";
import { Replay } from "./replay.ts";
import { type Broker, startBroker } from "./testing/broker.ts";
import { bytesOf, eventually } from "./testing/parts.ts";
import { newRig } from "./testing/update-rig.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const hourMs = 3_600_000;

async function start(
  count: number,
  more: Partial<FleetOptions> & { hoursAgo?: number; speed?: number; mix?: string[] } = {},
) {
  const { hoursAgo = 0, speed = 1, mix = ["oven-x200", "oven-s80", "dishwasher-d4"], ...options } = more;
  const planned = planFleet({ count, seed: 7, prefix: "sim", mix });
  const appliances: TokenMember[] = planned.map((one) => ({
    ...one,
    persona: "away",
    locale: "de",
    token: `token-${one.id}`,
  }));
  const broker = await startBroker(new Map(appliances.map(({ id, token }) => [id, token])));
  ends.push(() => broker.close());
  const clock = new AcceleratedClock({ real: systemClock, startMs: systemClock.nowMs() - hoursAgo * hourMs, speed });
  const fleet = new Fleet({
    appliances,
    broker: broker.url,
    clock,
    backOff: { msMin: 20, msMax: 100 },
    ...options,
  });
  fleet.start();
  ends.push(() => fleet.stop());
  return { fleet, broker, clock, appliances };
}

const deliveryOf = (kind: string, body: unknown, more = {}) => ({
  id: randomUUIDv7(),
  kind,
  attempt: 1,
  createdAtMs: systemClock.nowMs(),
  expiresAtMs: systemClock.nowMs() + hourMs,
  priority: 5,
  generation: 1,
  body,
  ...more,
});
const steps = (broker: Broker, deviceId: string, deliveryId: string) =>
  broker
    .of(deviceId, "receipts")
    .filter((one) => one["deliveryId"] === deliveryId)
    .map((one) => one["step"]);
const types = (broker: Broker, deviceId: string) => broker.of(deviceId, "events").map((one) => one["type"]);
const first = "sim-0001";
const tip = (locale: string, id: string) => ({ kind: "tip", id, version: 1, locale, title: "T", text: "x" });

test("appliances log in, subscribe to their own topics and their model's feeds, boot, report, and measure: all in the contract's shapes", async () => {
  const { broker, fleet } = await start(6, { hoursAgo: 2, speed: 600 });
  await eventually("all have measured", () =>
    fleet.ids.every((id) => broker.of(id, "telemetry").length > 0 && broker.of(id, "reported").length > 0),
  );
  expect(broker.subscriptions.get(first)).toEqual([
    "hearth/v1/devices/sim-0001/inbox",
    "hearth/v1/devices/sim-0001/desired",
    "hearth/v1/content/oven-x200/de/#",
  ]);
  expect(broker.of(first, "reported")[0]).toMatchObject({
    state: { firmware: "1.0.0", hardware: expect.stringMatching(/^x200-r/), locale: "de", operation: "idle" },
  });
  expect(types(broker, first)[0]).toBe("boot");
  const shapes = { telemetry, events: deviceEvent, reported, receipts: receipt };
  for (const one of broker.said) {
    expect(one.qos).toBe(1);
    expect(one.retain).toBe(false);
    expect(shapes[one.channel as keyof typeof shapes].safeParse(one.json).success).toBe(true);
  }
});

test("in accelerated time readings travel together, and none lies in the future", async () => {
  const { broker, fleet } = await start(2, { hoursAgo: 3, speed: 3_600 });
  await eventually("the present is reached", () => fleet.counters.readings >= 2 * 180);
  await eventually("all is acknowledged", () => fleet.counters.unacknowledged === 0);
  const messages = broker.said.filter(({ channel }) => channel === "telemetry");
  const readings = messages.flatMap(({ json }) => (Array.isArray(json) ? json : [json])) as { atMs: number }[];
  expect(readings.length).toBeGreaterThan(5 * messages.length);
  await fleet.stop(5_000);
  expect(fleet.counters.unacknowledged).toBe(0);
  for (const { atMs } of readings) expect(atMs).toBeLessThanOrEqual(systemClock.nowMs());
});

test("what got no PUBACK goes again after the connection is back, and events keep their ids", async () => {
  const { broker, fleet } = await start(3);
  await eventually("all are there", () => fleet.counters.connected === 3 && fleet.counters.unacknowledged === 0);
  for (let round = 0; round < 5; round += 1) {
    broker.refusePublishes = 2;
    for (const id of fleet.ids) fleet.openDoor(id, 0);
    if (round % 2 === 0) broker.cutAll();
    else fleet.cutNetwork(first);
    await eventually(
      "back and acknowledged",
      () => fleet.counters.connected === 3 && fleet.counters.unacknowledged === 0,
    );
    // The door closes with the next tick.
    await eventually("closed", () => fleet.ids.every((id) => fleet.state(id).metrics["door_open"] === false));
  }
  for (const id of fleet.ids) {
    const opened = broker.of(id, "events").filter(({ type }) => type === "door.opened");
    expect(new Set(opened.map((one) => one["id"])).size).toBe(5);
  }
  expect(fleet.counters.resent).toBeGreaterThan(0);
});

test("a wrong token is refused and asked again with patience; the others are not disturbed", async () => {
  const { broker, fleet } = await start(2, {
    appliances: [
      {
        id: "good",
        token: "token-good",
        model: "oven-x200",
        locale: "de",
        timeZone: "Europe/Berlin",
        persona: "away",
        seed: 1,
      },
      {
        id: first,
        token: "wrong",
        model: "oven-x200",
        locale: "de",
        timeZone: "Europe/Berlin",
        persona: "away",
        seed: 2,
      },
      {
        id: "sim-0002",
        token: "token-sim-0002",
        model: "oven-s80",
        locale: "de",
        timeZone: "Europe/Berlin",
        persona: "away",
        seed: 2,
      },
    ],
  });
  await eventually("refused more than once", () => fleet.counters.refused >= 4);
  expect(fleet.state("sim-0002").connected).toBe(true);
  expect(fleet.state(first).connected).toBe(false);
  expect(broker.of(first, "events")).toEqual([]);
});

test("a message is stored, shown when the household looks, and answered; a recipe is opened, cooked, and told step by step", async () => {
  const { broker, fleet } = await start(1, { hoursAgo: 12, speed: 1_200 });
  await eventually("it is there", () => fleet.counters.connected === 1);
  const inbox = `hearth/v1/devices/${first}/inbox`;
  const message = deliveryOf("message", {
    kind: "message",
    id: "hello",
    version: 1,
    locale: "de",
    title: "Hallo",
    text: "Da",
  });
  const machine = { program: "HotAir", setpoint_c: 90, duration_s: 120 };
  const recipe = deliveryOf("recipe", {
    kind: "recipe",
    id: "pie",
    version: 1,
    locale: "de",
    title: "Pie",
    steps: [{ text: "Bake", machine }, { text: "Rest" }, { text: "Brown", machine: { ...machine, setpoint_c: 110 } }],
  });
  await broker.publish(inbox, message);
  await broker.publish(inbox, recipe);
  await eventually("both are stored", () => steps(broker, first, recipe.id).length === 1);
  expect(fleet.state(first).operation).toBe("idle");
  fleet.look(first);
  expect(fleet.startPreloaded(first, "pie")).toEqual({ kind: "started" });
  await eventually("it is cooked", () => steps(broker, first, recipe.id).includes("cooked"));
  expect(steps(broker, first, recipe.id)).toEqual(["stored", "opened", "cooked"]);
  expect(steps(broker, first, message.id).slice(0, 2)).toEqual(["stored", "shown"]);
  const told = types(broker, first).filter((type) => String(type).startsWith("recipe."));
  expect(told).toEqual(["recipe.started", "recipe.step_finished", "recipe.step_finished", "recipe.finished"]);
});

test("a feed is what its index lists, the household sees each item once, and another locale brings another feed", async () => {
  const { broker, fleet } = await start(1);
  const publishFeed = async (locale: string, ids: string[]) => {
    const base = `hearth/v1/content/oven-x200/${locale}/tips`;
    for (const id of ids) await broker.publish(`${base}/${id}`, tip(locale, id), true);
    const items = ids.map((id) => ({
      id,
      version: 1,
      sha256: createHash("sha256")
        .update(bytesOf(tip(locale, id)))
        .digest("hex"),
    }));
    await broker.publish(base, { feed: "tips", version: ids.length, items }, true);
  };
  await publishFeed("de", ["a", "b"]);
  await publishFeed("fr", ["c"]);
  await eventually("the feed is there", () => fleet.state(first).feeds["tips"]?.length === 2);
  fleet.look(first);
  fleet.look(first);
  await eventually("told", () => fleet.counters.unacknowledged === 0);
  const shown = broker.of(first, "events").filter(({ type }) => type === "content.shown");
  expect(shown.map(({ data }) => (data as { itemId: string }).itemId)).toEqual(["a", "b"]);
  await broker.publish(`hearth/v1/devices/${first}/desired`, { version: 1, state: { locale: "fr", heater: true } });
  await eventually("the other feed", () => fleet.state(first).feeds["tips"]?.[0] === "c");
  expect(fleet.state(first).settings.locale).toBe("fr");
});

const eventsOf = (broker: Broker, type: string) => broker.of(first, "events").filter((event) => event["type"] === type);

test("a person asks for a code, and the appliance says its hash; without a connection it shows none", async () => {
  const { broker, fleet } = await start(1);
  expect(fleet.openPairing(first)).toEqual({ kind: "refused", rule: "not_connected" });
  await eventually("it is there", () => fleet.counters.connected === 1);
  const outcome = fleet.openPairing(first, 60_000);
  const code = outcome.kind === "opened" ? outcome.shown.code : "";
  expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/);
  expect(fleet.state(first).pairing).toMatchObject({ code });
  const codeSha256 = createHash("sha256").update(code.replace("-", "")).digest("hex");
  await eventually("it is said", () => eventsOf(broker, "pairing.opened").length === 1);
  expect(eventsOf(broker, "pairing.opened")).toMatchObject([{ data: { codeSha256, validMs: 60_000 } }]);
  fleet.closePairing(first);
  await eventually("that too", () => eventsOf(broker, "pairing.closed").length === 1);
  expect(fleet.state(first).pairing).toBeNull();
});

/** Lets people leave traces: a message, a recipe, a setting, a program that runs. */
async function leaveTraces(broker: Broker, fleet: Fleet) {
  await eventually("it is there", () => fleet.counters.connected === 1);
  const inbox = `hearth/v1/devices/${first}/inbox`;
  await broker.publish(inbox, deliveryOf("message", { ...tip("de", "hello"), kind: "message" }));
  const pie = { ...tip("de", "pie"), kind: "recipe", steps: [{ text: "Bake", machine: { program: "HotAir" } }] };
  await broker.publish(inbox, deliveryOf("recipe", pie));
  await broker.publish(`hearth/v1/devices/${first}/desired`, { version: 7, state: { locale: "fr", childLock: true } });
  await eventually("all of it is stored", () => {
    const { deliveries, preloaded, settings } = fleet.state(first);
    return deliveries.length === 2 && preloaded.length === 1 && settings.childLock && settings.locale === "fr";
  });
}

test("a factory reset takes all that was people's, ends what runs, and is said; identity and firmware stay", async () => {
  const { broker, fleet } = await start(1);
  await leaveTraces(broker, fleet);
  fleet.cook(first, { program: "HotAir", setpoint_c: 180 });
  fleet.openPairing(first);
  const { firmware } = fleet.state(first);
  broker.refusePublishes = 1;
  expect(fleet.factoryReset(first)).toEqual({ kind: "reset" });
  expect(fleet.state(first)).toMatchObject({
    operation: "idle",
    deliveries: [],
    preloaded: [],
    pairing: null,
    firmware,
    settings: { locale: "de", childLock: false },
  });
  await eventually("it is said, though once in vain", () => eventsOf(broker, "factory.reset").length > 0);
  await eventually("everything is acknowledged", () => fleet.counters.unacknowledged === 0);
  expect(new Set(eventsOf(broker, "factory.reset").map(({ id }) => id)).size).toBe(1);
  // It knows of no household now: what is wanted of it counts again from the first word.
  await broker.publish(`hearth/v1/devices/${first}/desired`, { version: 1, state: { childLock: true }, tenure: 4 });
  await eventually("it listens", () => fleet.state(first).settings.childLock);
});

test("a reset that nobody acknowledged is said again after a power cut, as the same event", async () => {
  const folder = await mkdtemp(join(tmpdir(), "hearth-sim-"));
  ends.push(() => rm(folder, { recursive: true }));
  const one = await start(1, { dataDir: folder });
  await eventually("it is there", () => one.fleet.counters.connected === 1);
  one.broker.refusePublishes = 1_000;
  one.fleet.factoryReset(first);
  await one.fleet.stop();
  expect(eventsOf(one.broker, "factory.reset")).toEqual([]);
  for (const [resets, expected] of [
    ["said", 1],
    ["not said again", 0],
  ] as const) {
    const next = await start(1, { dataDir: folder });
    await eventually("it boots", () => types(next.broker, first).includes("boot"));
    await eventually("everything is acknowledged", () => next.fleet.counters.unacknowledged === 0);
    expect([resets, eventsOf(next.broker, "factory.reset").length]).toEqual([resets, expected]);
    await next.fleet.stop();
  }
});

test("told that a household has left, the appliance forgets its people and lets what runs go on", async () => {
  const { broker, fleet } = await start(1);
  await leaveTraces(broker, fleet);
  fleet.cook(first, { program: "HotAir", setpoint_c: 180 });
  const desired = `hearth/v1/devices/${first}/desired`;
  await broker.publish(desired, { version: 8, state: {}, tenure: 1 });
  await eventually("it forgets", () => fleet.state(first).deliveries.length === 0);
  expect(fleet.state(first)).toMatchObject({
    preloaded: [],
    settings: { locale: "de", childLock: false },
    operation: "preheating",
  });
  // The same household's next wish takes nothing away.
  const inbox = `hearth/v1/devices/${first}/inbox`;
  await broker.publish(inbox, deliveryOf("message", { ...tip("de", "welcome"), kind: "message" }));
  await broker.publish(desired, { version: 9, state: { childLock: true }, tenure: 1 });
  await eventually("it listens", () => fleet.state(first).settings.childLock);
  expect(fleet.state(first).deliveries).toHaveLength(1);
});

test("an injected fault is raised while it cooks, and cleared by the repair", async () => {
  const { broker, fleet } = await start(1, { hoursAgo: 12, speed: 1_200 });
  fleet.inject(first, "over_temperature");
  expect(fleet.cook(first, { program: "HotAir", setpoint_c: 250 })).toEqual({ kind: "started" });
  await eventually("raised", () => types(broker, first).includes("program.aborted"));
  fleet.repair(first, "over_temperature");
  await eventually("cleared", () => types(broker, first).includes("fault.cleared"));
  const codes = broker.of(first, "events").filter(({ type }) => String(type).startsWith("fault."));
  expect(codes.map(({ data }) => (data as { code: string }).code)).toEqual(["over_temperature", "over_temperature"]);
});

test("firmware comes over HTTP, the appliance reboots into it, and reports its version", async () => {
  const rig = await newRig(systemClock);
  ends.push(() => rig.close());
  const { broker, fleet } = await start(1, { hoursAgo: 24, speed: 600, factory: rig.factory });
  await eventually("it is there", () => fleet.counters.connected === 1);
  fleet.inject(first, "update_cut");
  const made = rig.maker.release(
    { hardwareIds: ["x200-r1", "x200-r2"], releaseCounter: 5 },
    { image: randomBytes(120_000) },
  );
  const offer = { ...rig.offer(made, { consent: "ask" }, first), expiresAtMs: systemClock.nowMs() + 3_600_000 };
  await broker.publish(`hearth/v1/devices/${first}/inbox`, offer);
  await eventually("confirmed", () => steps(broker, first, offer.id).includes("confirmed"));
  expect([...new Set(steps(broker, first, offer.id))]).toEqual([
    "offered",
    "confirmed_by_owner",
    "downloading",
    "downloaded",
    "verified",
    "installing",
    "rebooting",
    "confirmed",
  ]);
  expect(fleet.state(first).firmware).toEqual({ version: "2.0.0", releaseCounter: 5, update: "none" });
  const versions = broker.of(first, "reported").map(({ state }) => (state as { firmware?: string }).firmware);
  expect(versions.filter((version) => version !== undefined)).toEqual(["1.0.0", "2.0.0"]);
  expect(types(broker, first).filter((type) => type === "boot")).toHaveLength(2);
});

test("a recording is played whole, each row once, and every reading has its PUBACK at the end", async () => {
  const broker = await startBroker(new Map([["thermo", "secret"]]));
  ends.push(() => broker.close());
  const rows = Array.from({ length: 2_000 }, (_none, at) => ({
    atMs: 1_700_000_000_000 + at * 3_000,
    probe: 1 + (at % 3),
    temperature_c: at / 20,
  }));
  const readings = recordingReadings(rows, systemClock.nowMs());
  const clock = new AcceleratedClock({ real: systemClock, startMs: readings[0]?.atMs ?? 0, speed: 100_000 });
  const device = { id: "thermo", token: "secret", locale: "de", timeZone: "Europe/Berlin" };
  const replay = new Replay({ device, readings, broker: broker.url, clock });
  ends.push(() => replay.stop());
  replay.start();
  await eventually("a part is there", () => broker.said.length > 3);
  broker.cutAll();
  await replay.done;
  const played = broker.said
    .filter(({ channel }) => channel === "telemetry")
    .flatMap(({ json }) => (Array.isArray(json) ? json : [json])) as typeof readings;
  const byTime = new Map(played.map((one) => [one.atMs, one.m]));
  expect(byTime.size).toBe(readings.length);
  for (const { atMs, m } of readings) expect(byTime.get(atMs)).toEqual(m);
});

test("a broker off this machine is refused unless it is allowed", () => {
  const options = { appliances: [], clock: systemClock };
  for (const broker of ["mqtt://192.0.2.1:1883", "mqtt://broker.example", "nonsense", "mqtt://localhost.example"])
    expect(() => new Fleet({ ...options, broker })).toThrow("allowRemote");
  for (const broker of ["mqtt://127.0.0.1:1883", "mqtt://localhost", "mqtt://[::1]:1883"])
    expect(() => new Fleet({ ...options, broker })).not.toThrow();
});
