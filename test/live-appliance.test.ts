/** Watching a simulated appliance through the whole service: it samples faster while somebody looks, and falls back by itself. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { planFleet } from "../device-sim/core/fleet-plan.ts";
import { Fleet } from "../device-sim/fleet.ts";
import { loadModels } from "../device-sim/models.ts";
import { AcceleratedClock, systemClock } from "../device-sim/platform/clock.ts";
import { register } from "../device-sim/register.ts";
import { readStream } from "./support/server-sent.ts";
import { preparedDataDir } from "./support/prepared-data-dir.ts";
import {
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "./support/service-process.ts";

type Told =
  | { event: "readings"; data: { readings: { deviceId: string; atMs: number }[] } }
  | { event: "sampling"; data: { sampling: "fast" | "usual"; reason: string | null } };

/** Of the appliance's time: half a minute of its passes in a second and a half. */
const speed = 20;
/** At rest it measures once a minute. */
const usualMs = 60_000;

let service: RunningService;
let fleet: Fleet;
let id = "";
beforeAll(async () => {
  service = await startServiceProcess({ dataDir: await preparedDataDir() });
  const plan = planFleet({ count: 1, seed: 5, prefix: "watched", mix: ["oven-x200"] });
  // Its people are away: it measures once a minute, whatever the hour.
  const planned = plan.map((one) => ({ ...one, persona: "away" as const }));
  const members = await register({ url: service.http, key: service.key, fetch }, planned, loadModels());
  id = members[0]?.id ?? "";
  fleet = new Fleet({
    appliances: members,
    broker: `mqtt://127.0.0.1:${service.mqttPort}`,
    clock: new AcceleratedClock({ real: systemClock, startMs: systemClock.nowMs() - 24 * 3_600_000, speed }),
  });
  fleet.start();
  await until("it is connected", () => fleet.counters.connected === 1);
});
afterAll(async () => {
  await fleet.stop();
  await stopServiceProcess(service);
  await removeDataDir(service.dataDir);
});

const watch = (faster: boolean) =>
  readStream<Told>(`${service.http}/api/v1/telemetry/live?device=${id}&faster=${faster}`, service.key);
const timesOf = (told: readonly Told[]) =>
  told.flatMap((word) => (word.event === "readings" ? word.data.readings.map(({ atMs }) => atMs) : []));
/** How far apart the readings are, in the appliance's time. */
const pausesOf = (told: readonly Told[]) => timesOf(told).map((atMs, at, all) => atMs - (all[at - 1] ?? atMs));

test("an appliance measures once a second while somebody watches, and as usual by itself when nobody does any more; its timeline has one command", async () => {
  const witness = await watch(false);
  const reader = await watch(true);
  await until("it says that it samples fast", () =>
    reader.told.some((word) => word.event === "sampling" && word.data.sampling === "fast"),
  );
  await until("it measures once a second", () => pausesOf(reader.told).filter((ms) => ms === 1_000).length >= 5);
  await reader.leave();
  const before = timesOf(witness.told).length;
  await until("it measures as usual", () =>
    pausesOf(witness.told)
      .slice(before)
      .some((ms) => ms > usualMs / 2),
  );
  const { body } = await service.api(`/api/v1/deliveries?device=${id}`);
  expect(body.items).toMatchObject([{ subject: "sample_faster", phase: "done" }]);
  await witness.leave();
});
