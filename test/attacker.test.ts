/**
 * The broker and the API key in an attacker's hand. The broker here says whatever it likes; the service is the real one, with the admin's
 * key. No message heats an oven, and no order outlives its deadline.
 */
import { randomUUIDv7 } from "node:crypto";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { feeds } from "#protocol/topics.ts";
import { request } from "../device-sim/api.ts";
import { planFleet, type PlannedMember } from "../device-sim/core/fleet-plan.ts";
import { Fleet } from "../device-sim/fleet.ts";
import { AcceleratedClock, systemClock } from "../device-sim/platform/clock.ts";
import { register } from "../device-sim/register.ts";
import { loadModels } from "../device-sim/models.ts";
import { messagesFor } from "../device-sim/testing/attacks.ts";
import { type Broker, startBroker } from "../device-sim/testing/broker.ts";
import { eventually, ManualClock } from "../device-sim/testing/parts.ts";
import { approvedContent } from "./support/approved-content.ts";
import { preparedDataDir } from "./support/prepared-data-dir.ts";
import { removeDataDir, startServiceProcess, stopServiceProcess, until } from "./support/service-process.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const models = ["oven-x200", "oven-s80", "dishwasher-d4"];
const hourMs = 3_600_000;
/** For what takes seconds, on a machine that has others to serve. */

/** One appliance of each model, whose people are away: nobody but a message could start anything. */
const lonely = (prefix: string): PlannedMember[] =>
  planFleet({ count: models.length, seed: 5, prefix, mix: models }).map((one) => ({
    ...one,
    persona: "away",
    locale: "de",
  }));

/** They hear a broker that obeys the attacker, in a time that the test moves. */
async function hearTheAttacker() {
  const members = lonely("lonely").map((one) => ({ ...one, token: `token-${one.id}` }));
  const broker = await startBroker(new Map(members.map(({ id, token }) => [id, token])));
  ends.push(() => broker.close());
  const clock = new ManualClock();
  const fleet = new Fleet({
    appliances: members,
    broker: broker.url,
    clock,
    real: clock,
    // Its links lead nowhere.
    fetch: () => Promise.reject(new Error("no network")),
  });
  fleet.start();
  ends.push(() => fleet.stop());
  await eventually("all are connected", () => fleet.counters.connected === members.length);
  return { members, broker, clock, fleet };
}

const orderOf = (clock: ManualClock, name: string, args: Record<string, unknown>, expiresInMs: number) => ({
  id: randomUUIDv7(),
  kind: "command",
  attempt: 1,
  createdAtMs: clock.nowMs() - 60_000,
  expiresAtMs: clock.nowMs() + expiresInMs,
  priority: 9,
  // Higher than any that was made up before: an order must not be refused for being old-fashioned.
  generation: 1_000_000,
  body: { name, args },
});

const replyTo = (broker: Broker, deviceId: string, commandId: string) =>
  broker.of(deviceId, "replies").find((reply) => reply["commandId"] === commandId);

/** Sends an order that is always answered, and waits for the answer: all that was sent before has arrived by then. */
async function allHeard(broker: Broker, clock: ManualClock, deviceId: string): Promise<void> {
  const order = orderOf(clock, "send_log", {}, hourMs);
  await broker.publish(`hearth/v1/devices/${deviceId}/inbox`, order);
  await eventually("the order is answered", () => replyTo(broker, deviceId, order.id) !== undefined);
}

/** Lets their time pass, and waits until it has. */
async function pass(fleet: Fleet, clock: ManualClock, ms: number): Promise<void> {
  clock.pass(ms);
  await eventually("their time has passed", () =>
    fleet.ids.every((id) => fleet.state(id).atMs > clock.nowMs() - 2_000),
  );
}

function expectCold(fleet: Fleet, deviceId: string): void {
  const { heating, operation, hot, metrics } = fleet.state(deviceId);
  expect({ heating, operation, hot }, deviceId).toEqual({ heating: false, operation: "idle", hot: false });
  expect(Number(metrics["power_w"])).toBeLessThan(10);
}

test("thousands of messages of a broker that the attacker owns heat nothing", async () => {
  const { members, broker, clock, fleet } = await hearTheAttacker();
  const rounds = 10;
  let sent = 0;
  for (let round = 0; round < rounds; round += 1) {
    for (const { id, model, locale } of members) {
      for (const { channel, value } of fc.sample(messagesFor(model), { numRuns: 120, seed: round })) {
        await broker.publish(`hearth/v1/devices/${id}/${channel}`, value);
        sent += 1;
      }
      for (const value of fc.sample(fc.oneof(messagesFor(model), fc.jsonValue()), { numRuns: 15, seed: round })) {
        const feed = feeds[sent % feeds.length];
        const item = sent % 2 === 0 ? "" : "/pie";
        await broker.publish(`hearth/v1/content/${model}/${locale}/${feed}${item}`, value, sent % 3 === 0);
        sent += 1;
      }
      await allHeard(broker, clock, id);
      expectCold(fleet, id);
    }
    await pass(fleet, clock, 20 * 60_000);
    for (const { id } of members) expectCold(fleet, id);
  }
  expect(sent).toBeGreaterThan(4_000);
  for (const { id } of members) {
    const events = broker.of(id, "events").map(({ type }) => type);
    expect(events).not.toContain("program.started");
    expect(events).not.toContain("recipe.started");
  }
  // The messages did arrive, and what they loaded waits: a person's hand is all that was missing.
  const [oven] = members;
  const id = oven?.id ?? "";
  expect(fleet.state(id).preloaded.length).toBeGreaterThan(0);
  const order = orderOf(clock, "load_program", { program: "HotAir", setpoint_c: 200 }, hourMs);
  await broker.publish(`hearth/v1/devices/${id}/inbox`, order);
  await allHeard(broker, clock, id);
  expectCold(fleet, id);
  expect(fleet.startPreloaded(id)).toEqual({ kind: "started" });
  await pass(fleet, clock, 60_000);
  expect(fleet.state(id)).toMatchObject({ heating: true, operation: "preheating" });
});

test("an order past its deadline is never obeyed, whoever says it how often", async () => {
  const { broker, clock, fleet, members } = await hearTheAttacker();
  const id = members[0]?.id ?? "";
  const topic = `hearth/v1/devices/${id}/inbox`;
  expect(fleet.cook(id, { program: "HotAir", setpoint_c: 180, duration_s: 7_200 })).toEqual({ kind: "started" });
  await pass(fleet, clock, 60_000);
  const dead = [
    orderOf(clock, "stop", {}, -1),
    orderOf(clock, "stop", {}, 0),
    orderOf(clock, "load_program", { program: "HotAir" }, -hourMs),
    orderOf(clock, "identify", { for_s: 60 }, -1),
    orderOf(clock, "sample_faster", { every_ms: 1_000 }, -1),
  ];
  for (const order of [...dead, ...dead]) await broker.publish(topic, order);
  // The same order again with a deadline that was moved: it was answered once, and that answer stands.
  for (const order of dead) await broker.publish(topic, { ...order, expiresAtMs: clock.nowMs() + hourMs });
  await allHeard(broker, clock, id);
  expect(fleet.state(id)).toMatchObject({ operation: "preheating", preloaded: [], identifying: false });
  for (const { id: commandId } of dead) {
    expect(replyTo(broker, id, commandId)).toBeUndefined();
    const steps = broker.of(id, "receipts").filter(({ deliveryId }) => deliveryId === commandId);
    expect(new Set(steps.map(({ step }) => step))).toEqual(new Set(["expired"]));
  }
  // One that is in time is obeyed: the oven does listen.
  const alive = orderOf(clock, "stop", {}, 30_000);
  await broker.publish(topic, alive);
  await eventually("it has stopped", () => fleet.state(id).operation === "idle");
  await eventually("it has said so", () => replyTo(broker, id, alive.id) !== undefined);
  expect(replyTo(broker, id, alive.id)).toMatchObject({ ok: true, result: { stopped: true } });
});

const recipe = (program: string) => {
  const step = { text: "Go", machine: { program } };
  return { kind: "recipe", locales: { de: { title: "Hot", steps: [step, step] } } };
};

/** The service itself, and the same appliances on it; their time lies in the past, as in a demo. */
async function ownTheService() {
  const dataDir = await preparedDataDir();
  ends.push(() => removeDataDir(dataDir));
  const service = await startServiceProcess({ dataDir });
  ends.push(() => stopServiceProcess(service));
  const api = { url: service.http, key: service.key, fetch };
  const members = await register(api, lonely("real"), loadModels());
  const startMs = systemClock.nowMs() - 24 * hourMs;
  const fleet = new Fleet({
    appliances: members,
    broker: `mqtt://127.0.0.1:${service.mqttPort}`,
    clock: new AcceleratedClock({ real: systemClock, startMs, speed: 1_000 }),
    updateLimits: { emptyTriesMax: 1 },
  });
  ends.push(() => fleet.stop());
  return { service, api, members, fleet };
}

test("with the admin's key and every way of the API down to an appliance, nothing heats", async () => {
  const { service, api, members, fleet } = await ownTheService();
  fleet.start();
  await eventually("all are connected", () => fleet.counters.connected === members.length);
  let accepted = 0;
  for (const { id, model } of members) {
    const { programs, setpoint_c_max } = loadModels().get(model)?.capabilities ?? { programs: [] };
    for (const program of programs) {
      const setting = setpoint_c_max === undefined ? {} : { setpoint_c: setpoint_c_max };
      const args = { program, ...setting, duration_s: 3_600, start: true, remoteStartAllowed: true };
      await request(api, "POST", `/devices/${id}/commands`, { name: "load_program", args, lifeMs: 300_000 });
      accepted += 1;
      const itemId = await approvedContent(service, recipe(program));
      await request(api, "POST", `/content/items/${itemId}/send`, { deviceIds: [id] });
      await request(api, "POST", `/content/items/${itemId}/publish`, { models: [model], feed: "recipes" });
      accepted += 2;
    }
    for (const state of [{ operation: "preheating" }, { remoteStartAllowed: true, program: "HotAir", heater: true }]) {
      await request(api, "PUT", `/devices/${id}/desired`, { state });
      accepted += 1;
    }
    for (const name of ["self_test", "identify", "sample_faster", "send_log"]) {
      await request(api, "POST", `/devices/${id}/commands`, { name, args: { start: true, program: "HotAir" } });
      accepted += 1;
    }
  }
  // A name off the list is refused by the API already.
  for (const name of ["start", "start_program", "preheat", "remote_start"])
    expect(
      (await service.api(`/api/v1/devices/${members[0]?.id}/commands`, { method: "POST", body: { name } })).status,
    ).toBe(400);
  expect(accepted).toBeGreaterThan(40);
  const open = async () =>
    (await service.api("/api/v1/deliveries?phase=queued&limit=500")).body.items.length +
    (await service.api("/api/v1/deliveries?phase=sent&limit=500")).body.items.length;
  await until("every delivery was answered", async () => (await open()) === 0);
  for (const { id } of members) {
    expect(fleet.state(id).preloaded.length).toBeGreaterThan(0);
    expectCold(fleet, id);
    const { body } = await service.api(`/api/v1/devices/${id}/timeline?kinds=event&limit=500`);
    const titles = JSON.stringify(body.items);
    expect(titles).toContain("boot");
    expect(titles).not.toContain("program.started");
  }
});

test("a command for an oven that is away expires, and is never sent when it returns", async () => {
  const { service, api, members, fleet } = await ownTheService();
  const id = members[0]?.id ?? "";
  const order = { name: "load_program", args: { program: "HotAir", setpoint_c: 200 }, lifeMs: 1_000 };
  const { id: commandId } = (await request(api, "POST", `/devices/${id}/commands`, order)) as { id: string };
  const phase = async () => (await service.api(`/api/v1/deliveries/${commandId}`)).body.phase;
  await until("the command has expired", async () => (await phase()) === "expired");
  fleet.start();
  await eventually("it is connected", () => fleet.state(id).connected);
  // A later order has gone down the same road and was obeyed: what was to come before it would have come.
  await request(api, "POST", `/devices/${id}/commands`, { name: "identify", args: {} });
  await eventually("the later order is obeyed", () =>
    fleet.state(id).deliveries.some(({ kind }) => kind === "command"),
  );
  expect(fleet.state(id).deliveries.map((one) => one.id)).not.toContain(commandId);
  expect(fleet.state(id).preloaded).toEqual([]);
  expect(await phase()).toBe("expired");
});
