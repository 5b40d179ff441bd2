/**
 * Signed firmware through the whole service into appliances that believe nothing but what they were made with: the cloud's own metadata,
 * statements and links against the reference client.
 */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readFactoryTrust } from "../device-sim/agent/factory-trust.ts";
import { planFleet } from "../device-sim/core/fleet-plan.ts";
import { Fleet, type TokenMember } from "../device-sim/fleet.ts";
import { loadModels } from "../device-sim/models.ts";
import { systemClock } from "../device-sim/platform/clock.ts";
import { register } from "../device-sim/register.ts";
import { overHttp, ReleaseKit, type ReleaseView } from "./support/release-kit.ts";
import { preparedDataDir } from "./support/prepared-data-dir.ts";
import {
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "./support/service-process.ts";

const model = "oven-x200";
const hardwareIds = loadModels().get(model)?.hardwareIds ?? [];

let service: RunningService;
let kit: ReleaseKit;
let fleet: Fleet;
let members: TokenMember[];
const ids = (): string[] => members.map(({ id }) => id);

beforeAll(async () => {
  service = await startServiceProcess({ dataDir: await preparedDataDir() });
  kit = await ReleaseKit.open(overHttp(service.http, service.key), [model]);
  const api = { url: service.http, key: service.key, fetch };
  members = await register(api, planFleet({ count: 6, seed: 3, prefix: "fw", mix: [model] }), loadModels());
  const { body: jwks } = await service.api("/api/v1/firmware/director.jwks");
  fleet = new Fleet({
    appliances: members.map((member) => ({ ...member, persona: "away" as const })),
    broker: `mqtt://127.0.0.1:${service.mqttPort}`,
    clock: systemClock,
    factory: readFactoryTrust(kit.factoryRoot, JSON.stringify(jwks)),
    backOff: { msMin: 20, msMax: 100 },
    updateLimits: { rebootMs: 200, retryMsMin: 50, retryMsMax: 200 },
  });
  fleet.start();
  await until("all are connected", () => fleet.counters.connected === members.length);
});
afterAll(async () => {
  await fleet.stop();
  await stopServiceProcess(service);
  await removeDataDir(service.dataDir);
});

const send = (release: ReleaseView) =>
  service.api(`/api/v1/firmware/releases/${release.id}/send`, { method: "POST", body: { deviceIds: ids() } });

async function firmwareDeliveries(): Promise<
  { deviceId: string; phase: string; step: string; reason: string | null }[]
> {
  return (await service.api("/api/v1/deliveries?kind=firmware&limit=100")).body.items;
}

test("a release that was signed offline reaches appliances that were made with its root, and counts once they have booted it", async () => {
  const image = randomBytes(300_000);
  fleet.inject(ids()[1] ?? "", "update_cut");
  const release = await kit.publish(image, { model, hardwareIds, version: "2.1.0", notes: "Crisper bread" });
  expect((await send(release)).body).toEqual({ deliveries: 6 });
  await until("all run it", () => ids().every((id) => fleet.state(id).firmware.version === "2.1.0"));
  await until("the cloud knows", async () => (await firmwareDeliveries()).every(({ phase }) => phase === "done"));
  expect(fleet.state(ids()[0] ?? "").firmware).toMatchObject({
    releaseCounter: release.releaseCounter,
    update: "none",
  });
});

test("an image for other hardware is refused by the appliance itself, whatever the cloud sends it", async () => {
  const [listed = "", ...others] = hardwareIds;
  expect(others.length).toBeGreaterThan(0);
  const mine = ids().filter((_id, at) => hardwareIds[(members[at]?.seed ?? 0) % hardwareIds.length] === listed);
  expect([mine.length > 0, mine.length < members.length]).toEqual([true, true]);
  const release = await kit.publish(randomBytes(50_000), { model, hardwareIds: [listed], version: "2.2.0" });
  await send(release);
  await until("those that it is for run it", () => mine.every((id) => fleet.state(id).firmware.version === "2.2.0"));
  await until("nothing is open any more", async () =>
    (await firmwareDeliveries()).every(({ phase }) => phase === "done" || phase === "rejected"),
  );
  for (const id of ids().filter((one) => !mine.includes(one)))
    expect(fleet.state(id).firmware).toMatchObject({ version: "2.1.0", update: "none" });
});
