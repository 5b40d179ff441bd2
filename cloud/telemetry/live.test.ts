import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen } from "../../test/support/kitchen.ts";
import { ovenModel } from "../../test/support/ovens.ts";
import { readStream } from "../../test/support/server-sent.ts";
import { createSliceHttp } from "../../test/support/slice-http.ts";
import { until } from "../../test/support/service-process.ts";
import type { LiveEvent, LiveReading, Sampling } from "./core/live-queue.ts";
import { liveRoutes } from "./live-routes.ts";
import { FasterSampling, LiveTails } from "./telemetry.ts";

type Told =
  | { event: "metrics"; data: { devices: { deviceId: string; metrics: object[] }[] } }
  | { event: "readings"; data: { readings: LiveReading[] } }
  | { event: "events"; data: { events: LiveEvent[] } }
  | { event: "sampling"; data: Sampling }
  | { event: "missed"; data: { readings: number; events: number } };

let kitchen: Kitchen;
let address = "";
beforeAll(async () => {
  kitchen = await Kitchen.open();
  const metrics = ovenModel.metrics.map((metric) => ({ ...metric, min: 0, max: 4_000 }));
  await kitchen.as("admin", "PUT", "/models/oven", { ...ovenModel, version: 2, metrics });
  address = await kitchen.app.listen({ port: 0, host: "127.0.0.1" });
});
afterAll(async () => {
  await kitchen.slices.tails.stop();
  await kitchen.slices.sampling.stop();
  await kitchen.close();
});

const watch = (key: string, query: string, path = "/telemetry/live") =>
  readStream<Told>(`${address}/api/v1${path}?${query}`, key);
const readingsOf = (told: readonly Told[]) =>
  told.flatMap((word) => (word.event === "readings" ? word.data.readings : []));
const eventsOf = (told: readonly Told[]) => told.flatMap((word) => (word.event === "events" ? word.data.events : []));
const samplingOf = (told: readonly Told[]) => told.flatMap((word) => (word.event === "sampling" ? [word.data] : []));

const measure = (device: string, m: object, atMs = kitchen.clock.nowMs()) =>
  kitchen.say({ device, channel: "telemetry", payload: { atMs, m } });

test("staff sees readings and events of the appliances that they name, flagged as they are, and it is on record who watched", async () => {
  await kitchen.ovens("l-1", "l-2", "l-3");
  const reader = await watch(kitchen.staffKey("viewer"), "device=l-1&device=l-2&metric=cavity_c&metric=odd");
  const whole = await watch(kitchen.staffKey("support"), "device=l-1&events=false&faster=false");
  await measure("l-3", { cavity_c: 20 });
  await measure("l-1", { cavity_c: 5_000, power_w: 1, odd: true });
  await measure("l-2", { power_w: 1 });
  const ahead = kitchen.clock.nowMs() + 86_400_000;
  await measure("l-2", { cavity_c: 20 }, ahead);
  await kitchen.event("l-1", "boot");
  await until("all is told", () => eventsOf(reader.told).length === 1 && readingsOf(whole.told).length === 1);
  const nowMs = kitchen.clock.nowMs();
  expect(readingsOf(reader.told)).toEqual([
    {
      deviceId: "l-1",
      atMs: nowMs,
      receivedAtMs: nowMs,
      metrics: { cavity_c: 5_000, odd: true },
      outside: ["cavity_c"],
      undeclared: ["odd"],
      clockSuspect: false,
    },
    {
      deviceId: "l-2",
      atMs: ahead,
      receivedAtMs: nowMs,
      metrics: { cavity_c: 20 },
      outside: [],
      undeclared: [],
      clockSuspect: true,
    },
  ]);
  // Before anything else: what the numbers are of.
  const cavity = { metric: "cavity_c", unit: "°C", min: 0, max: 4_000 };
  const [first] = reader.told;
  expect(first?.event === "metrics" && first.data.devices).toMatchObject([
    { deviceId: "l-1", metrics: [cavity] },
    { deviceId: "l-2", metrics: [cavity] },
  ]);
  expect(eventsOf(reader.told)).toMatchObject([{ deviceId: "l-1", type: "boot" }]);
  expect(readingsOf(whole.told)[0]?.metrics).toEqual({ cavity_c: 5_000, power_w: 1, odd: true });
  expect(eventsOf(whole.told)).toEqual([]);
  const { body } = await kitchen.as("admin", "GET", "/audit?subject=device:l-1");
  expect(body.items.filter(({ action }: { action: string }) => action === "device.live_opened")).toHaveLength(2);
  await Promise.all([reader.leave(), whole.leave()]);
  await until("both are closed", () => kitchen.slices.tails.count === 0);
});

test("an event that comes twice is told once, and a pairing code is told to nobody", async () => {
  await kitchen.ovens("l-4");
  const reader = await watch(kitchen.staffKey("support"), "device=l-4");
  const id = randomUUID();
  await kitchen.event("l-4", "boot", {}, { id });
  await kitchen.event("l-4", "boot", {}, { id });
  await kitchen.showCode("l-4");
  await until("the code's event is told", () => eventsOf(reader.told).length >= 2);
  expect(eventsOf(reader.told).map(({ type }) => type)).toEqual(["boot", "pairing.opened"]);
  expect(JSON.stringify(reader.told)).not.toContain("codeSha256");
  await reader.leave();
});

test("an owner sees their own appliance and from the moment on that it is theirs; whoever it leaves sees no further reading", async () => {
  await kitchen.ovens("l-5", "l-6");
  const early = kitchen.clock.nowMs();
  kitchen.clock.forward(60_000);
  const ada = await kitchen.newOwner("l-5");
  const others = await watch(ada.key, "device=l-5&device=l-6", "/my/telemetry/live");
  const nobodys = await watch(ada.key, "device=l-5&device=nobody", "/my/telemetry/live");
  const staffs = await watch(kitchen.staffKey("admin"), "device=l-5", "/my/telemetry/live");
  expect([others.status, others.code]).toEqual([404, "device_not_found"]);
  expect([nobodys.status, nobodys.code]).toEqual([404, "device_not_found"]);
  expect([staffs.status, (await watch(ada.key, "device=l-5")).status]).toEqual([403, 403]);

  const reader = await watch(ada.key, "device=l-5", "/my/telemetry/live");
  kitchen.clock.forward(1_000);
  await measure("l-5", { cavity_c: 1 }, early);
  await measure("l-5", { cavity_c: 2 });
  await kitchen.event("l-5", "boot", {}, { atMs: early });
  await until("the later one is told", () => readingsOf(reader.told).length === 1);
  expect(readingsOf(reader.told)[0]?.metrics).toEqual({ cavity_c: 2 });

  const witness = await watch(kitchen.staffKey("viewer"), "device=l-5");
  const handedOver = await kitchen.call(ada.key, "POST", "/my/devices/l-5/hand-over");
  expect(handedOver.status).toBeLessThan(300);
  kitchen.clock.forward(1_000);
  await measure("l-5", { cavity_c: 3 });
  await until("staff sees it", () => readingsOf(witness.told).some(({ metrics }) => metrics["cavity_c"] === 3));
  expect([readingsOf(reader.told).length, eventsOf(reader.told).length]).toEqual([1, 0]);
  await Promise.all([reader.leave(), witness.leave()]);
});

test("an appliance that is watched is asked to sample faster: one delivery and one line in the audit log, and quiet renewals whose replies nobody sets aside", async () => {
  await kitchen.ovens("l-7");
  const reader = await watch(kitchen.staffKey("support"), "device=l-7");
  await until("it is said that it is away", () => samplingOf(reader.told).some(({ reason }) => reason === "offline"));
  const asked = () =>
    kitchen.told.flatMap((message) =>
      message.kind === "deliver" && message.deviceId === "l-7" ? [JSON.parse(message.payload)] : [],
    );
  expect(asked()).toEqual([]);

  const presence = { bootId: randomUUID(), connectionId: 1, state: "connected" };
  await kitchen.slices.linkDeps.onBoot("main", presence.bootId);
  await kitchen.say({ device: "l-7", channel: "presence" as "events", payload: presence });
  await until("it is asked", () => asked().length === 1);
  const answer = (commandId: string) =>
    kitchen.say({ device: "l-7", channel: "replies", payload: { commandId, ok: true } });
  await answer(asked()[0].id);
  await until("it is said to sample fast", () => samplingOf(reader.told).at(-1)?.sampling === "fast");
  kitchen.clock.forward(15_000);
  await until("it is asked again", () => asked().length === 2);
  await answer(asked()[1].id);
  expect(asked()[1]).toMatchObject({
    generation: asked()[0].generation,
    body: { name: "sample_faster", args: { every_ms: 1_000, for_s: 30 } },
  });

  const { body: deliveries } = await kitchen.as("viewer", "GET", "/deliveries?device=l-7");
  expect(deliveries.items).toMatchObject([{ kind: "command", subject: "sample_faster", phase: "done" }]);
  const { body: set } = await kitchen.as("support", "GET", "/quarantine?device=l-7");
  expect(set.items).toEqual([]);
  const { body: audit } = await kitchen.as("admin", "GET", "/audit?subject=device:l-7");
  expect(audit.items.filter(({ action }: { action: string }) => action === "command.sent")).toHaveLength(1);
  await reader.leave();
});

test("one key has a bounded number of views, all keys together too, and a key that is revoked sees no further", async () => {
  const oven = { key: 1, id: "oven-1", model: "oven", householdId: null, householdSinceMs: null };
  const clock = { nowMs: () => Date.now() };
  const layout = { positions: new Map<string, number>(), size: 0, declared: new Map() };
  const limits = { tailsMax: 3, tailsPerKeyMax: 2, recheckMs: 50 };
  const tails = new LiveTails({ clock, layoutOf: () => layout, limits });
  const sampling = new FasterSampling({
    clock,
    online: async () => new Set(),
    begin: async () => null,
    again: () => "",
    tell() {},
    onError() {},
  });
  let isTheirs = true;
  const app = await createSliceHttp((server) =>
    liveRoutes(server, {
      tails,
      sampling,
      seenBy: async () => (isTheirs ? { device: oven } : null),
      agreedToImprove: async () => new Set(),
      mayAsk: () => false,
      opened: async () => {},
    }),
  );
  const at = await app.listen({ port: 0, host: "127.0.0.1" });
  const open = (key: string) => readStream<Told>(`${at}/api/v1/telemetry/live?device=oven-1`, key);
  const readers = [await open("viewer"), await open("viewer")];
  const third = await open("viewer");
  expect([third.status, third.code]).toEqual([429, "too_many_tails_of_key"]);
  readers.push(await open("support"));
  const last = await open("admin");
  expect([last.status, last.code]).toEqual([503, "too_many_tails"]);
  isTheirs = false;
  await until("all have ended", () => readers.every((reader) => reader.hasEnded()));
  await until("their places are free", () => tails.count === 0);
  await sampling.stop();
  await app.close();
});
