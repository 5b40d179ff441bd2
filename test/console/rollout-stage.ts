/** Releases and rollouts on a running service: one under way, one that its gate halted, one that is a draft, and a freeze. */
import { randomBytes } from "node:crypto";
import type { MqttClient } from "mqtt";
import { overHttp, ReleaseKit } from "../support/release-kit.ts";
import { type RunningService, until } from "../support/service-process.ts";

export interface RolloutStage {
  runningId: string;
  haltedId: string;
  draftId: string;
  releaseId: string;
}

const dayMs = 86_400_000;

/** A parts list with a component that everybody has heard of. */
const sbom = (version: string) => ({
  bomFormat: "CycloneDX",
  specVersion: "1.5",
  version: 1,
  components: [
    { type: "library", name: "mbedtls", version },
    { type: "library", name: "lwip", version: "2.2.0" },
  ],
});

const stage = (name: string, size: object, gate: object | null, soakMs = 3_600_000) => ({ name, size, soakMs, gate });

/** Takes the offer to the end, or to where it breaks. */
function takeOffers(client: MqttClient, id: string, ends: { step: string; reason?: string }): void {
  client.on("message", (topic, payload) => {
    if (!topic.endsWith("/inbox")) return;
    const delivery = JSON.parse(payload.toString());
    if (delivery.kind !== "firmware") return;
    const say = (step: string, more: object = {}) =>
      client.publish(
        `hearth/v1/devices/${id}/receipts`,
        JSON.stringify({ deliveryId: delivery.id, attempt: delivery.attempt, atMs: Date.now(), step, ...more }),
        { qos: 1 },
      );
    for (const step of ["offered", "downloading"]) say(step);
    const { step, ...more } = ends;
    if (step !== "downloading") say(step, more);
  });
}

async function made<Body>(asked: Promise<{ status: number; body: Body }>): Promise<Body> {
  const { status, body } = await asked;
  if (status >= 300) throw new Error(`${status}: ${JSON.stringify(body)}`);
  return body;
}

/**
 * Publishes, plans and begins.
 *
 * @param clients those that are connected: the ovens of the first model update well, those of the second fail
 */
export async function setRollouts(
  service: RunningService,
  clients: readonly { id: string; model: string; client: MqttClient }[],
): Promise<RolloutStage> {
  const api = (path: string, body?: object, method = "POST") =>
    made(service.api(`/api/v1${path}`, { method, ...(body === undefined ? {} : { body }) }));
  const kit = await ReleaseKit.open(overHttp(service.http, service.key), ["oven-x200", "oven-s80"]);
  const image = randomBytes(2_000);
  const before = await kit.publish(image, {
    model: "oven-x200",
    version: "2.4.1",
    hardwareIds: ["x200-r1", "x200-r2"],
    supportEndsAtMs: Date.now() + 90 * dayMs,
  });
  await api(`/firmware/releases/${before.id}/sbom`, sbom("3.5.0"), "PUT");
  const good = await kit.publish(randomBytes(2_000), {
    model: "oven-x200",
    version: "2.5.0",
    hardwareIds: ["x200-r1", "x200-r2"],
    kind: "security",
    notes: "Mends a hole in TLS. The fan runs quieter.",
  });
  await api(`/firmware/releases/${good.id}/sbom`, sbom("3.6.2"), "PUT");
  const bad = await kit.publish(randomBytes(2_000), { model: "oven-s80", version: "1.9.0", hardwareIds: ["s80-r1"] });
  const ends = ["confirmed", "confirmed", "downloading"];
  for (const [at, { id, model, client }] of clients.entries()) {
    if (model === "oven-s80") takeOffers(client, id, { step: "rolled_back", reason: "health_check_failed" });
    else takeOffers(client, id, { step: ends[at % ends.length] ?? "confirmed" });
  }
  const gate = { failureShareMax: 0.05, failuresMax: null, timeoutShareMax: 0.1, sampleMin: 3, metric: null };
  const running = await api("/rollouts", {
    name: "Oven X200 2.5.0",
    releaseId: good.id,
    stages: [
      stage("Ring 0", { kind: "tag", tag: "internal" }, gate, 60_000),
      stage("A tenth", { kind: "share", share: 0.1 }, gate),
      stage("Everybody", { kind: "rest" }, gate),
    ],
  });
  const halted = await api("/rollouts", {
    name: "Oven S80 1.9.0",
    releaseId: bad.id,
    stages: [stage("All", { kind: "rest" }, { ...gate, failuresMax: 1, sampleMin: 2 })],
  });
  const draft = await api("/rollouts", {
    name: "Slowly, at night",
    releaseId: good.id,
    target: 'country == "DE" && last_seen_days < 30',
    windows: [{ weekdays: [1, 2, 3, 4, 5], from: "01:00", to: "05:00" }],
    stages: [stage("Everybody", { kind: "rest" }, null)],
    approval: "second_person",
  }).catch(() => null);
  await api("/freezes", {
    countries: ["DE", "AT"],
    fromMs: Date.now() + 3 * dayMs,
    toMs: Date.now() + 6 * dayMs,
    reason: "Christmas",
  });
  for (const { id } of [running, halted]) {
    await api(`/rollouts/${id}/submit`, {});
    await api(`/rollouts/${id}/start`, {});
  }
  await until("the bad rollout has halted", async () => {
    const { body } = await service.api(`/api/v1/rollouts/${halted.id}`);
    return body.state.kind === "halted";
  });
  await until("some of the good one are done", async () => {
    const { body } = await service.api(`/api/v1/rollouts/${running.id}`);
    return body.funnel.done > 0;
  });
  return { runningId: running.id, haltedId: halted.id, draftId: draft?.id ?? "", releaseId: good.id };
}
