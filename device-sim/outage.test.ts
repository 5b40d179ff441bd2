import { afterEach, expect, test } from "vitest";
import { planFleet } from "./core/fleet-plan.ts";
import { Fleet, type FleetMember, type FleetOptions } from "./fleet.ts";
import { systemClock } from "./platform/clock.ts";
import { type Broker, startBroker } from "./testing/broker.ts";
import { eventually } from "./testing/parts.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const hourMs = 3_600_000;
const device = "sim-0001";

/** One oven whose time stands where the test puts it; the fleet lets it pass an hour a tick. */
async function oven(more: Partial<FleetMember>, options: Partial<FleetOptions> = {}) {
  const startMs = systemClock.nowMs() - 48 * hourMs;
  const clock = { atMs: startMs, nowMs: () => clock.atMs };
  const [planned] = planFleet({ count: 1, seed: 7, prefix: "sim", mix: ["oven-x200"] });
  if (planned === undefined) throw new Error("no plan");
  const broker = await startBroker(new Map([[device, "t"]]));
  ends.push(() => broker.close());
  const appliances = [{ ...planned, persona: "baker" as const, token: "t", ...more }];
  const fleet = new Fleet({ appliances, broker: broker.url, clock, backOff: { msMin: 20, msMax: 100 }, ...options });
  fleet.start();
  ends.push(() => fleet.stop());
  return { fleet, broker, clock, startMs };
}

const readingsOf = (broker: Broker) =>
  broker.of(device, "telemetry").flatMap((one): { atMs: number }[] => (Array.isArray(one) ? one : [one as never]));
const eventsOf = (broker: Broker, type: string) => broker.of(device, "events").filter((one) => one["type"] === type);

test("what it measured and noticed in a day without a network is delivered when it is back, whole, and it says how long it was away", async () => {
  const startMs = systemClock.nowMs() - 48 * hourMs;
  const outage = { fromMs: startMs + 2 * hourMs, toMs: startMs + 20 * hourMs };
  const { fleet, broker, clock } = await oven({ outages: [outage] });
  const reach = async (atMs: number) => {
    clock.atMs = atMs;
    await eventually("time has passed", () => fleet.state(device).atMs > atMs - 2_000);
  };
  await eventually("it is there", () => fleet.counters.connected === 1);
  await reach(outage.fromMs + 1_000);
  await eventually("it is away", () => fleet.counters.connected === 0);
  const before = readingsOf(broker).length;
  await reach(outage.toMs - 1_000);
  expect(readingsOf(broker)).toHaveLength(before);
  await reach(outage.toMs + hourMs);
  await eventually("all is acknowledged", () => fleet.counters.connected === 1 && fleet.counters.unacknowledged === 0);
  const times = readingsOf(broker).map(({ atMs }) => atMs);
  const gaps = times.toSorted((a, b) => a - b).map((atMs, at, all) => atMs - (all[at - 1] ?? atMs));
  expect(Math.max(...gaps)).toBeLessThanOrEqual(60_000);
  expect(eventsOf(broker, "program.started").length).toBeGreaterThan(0);
  const offMs = eventsOf(broker, "network.restored").map(({ data }) => (data as { offMs: number }).offMs);
  expect(offMs).toHaveLength(1);
  expect(offMs[0]).toBeGreaterThanOrEqual(17 * hourMs);
  expect(fleet.counters.droppedReadings).toBe(0);
  expect(eventsOf(broker, "store.overflowed")).toEqual([]);
});

test("a store that is too small drops its oldest, counts them, and says so once", async () => {
  const startMs = systemClock.nowMs() - 48 * hourMs;
  const outage = { fromMs: startMs + hourMs, toMs: startMs + 12 * hourMs };
  const { fleet, broker, clock } = await oven(
    { outages: [outage], persona: "away" },
    { storeBounds: { readings: 2, notable: 50 } },
  );
  await eventually("it is there", () => fleet.counters.connected === 1);
  clock.atMs = outage.fromMs + 1_000;
  await eventually("it is away", () => fleet.counters.connected === 0);
  clock.atMs = outage.toMs - 1_000;
  await eventually("time has passed", () => fleet.state(device).atMs > outage.toMs - 3_000);
  clock.atMs = outage.toMs + hourMs;
  await eventually("it has said so", () => eventsOf(broker, "store.overflowed").length > 0);
  await eventually("all is acknowledged", () => fleet.counters.unacknowledged === 0);
  expect(fleet.counters.droppedReadings).toBeGreaterThan(0);
  expect(eventsOf(broker, "store.overflowed").map(({ data }) => data)).toEqual([
    { readings: fleet.counters.droppedReadings, notable: 0 },
  ]);
  // The newest are there, the oldest are not.
  const inOutage = readingsOf(broker).filter(({ atMs }) => atMs >= outage.fromMs && atMs < outage.toMs);
  expect(inOutage.length).toBeGreaterThanOrEqual(200);
  expect(Math.min(...inOutage.map(({ atMs }) => atMs))).toBeGreaterThan(outage.fromMs + 5 * hourMs);
});
