/** One oven that has been wearing out for a month in somebody's kitchen, and another beside it: what a support agent is called about. */
import mqtt, { type MqttClient } from "mqtt";
import { backfill } from "../../device-sim/history/backfill.ts";
import { loadModels } from "../../device-sim/models.ts";
import { systemRandom } from "../../device-sim/platform/random.ts";
import { systemTimers } from "../../device-sim/platform/timers.ts";
import type { RunningService } from "../support/service-process.ts";
import { until } from "../support/service-process.ts";

export const ailingId = "oven-2041";
export const ailingSerial = "HX-4417-0093";
export const healthyId = "oven-2042";
export const householdName = "Marchetti";
/** Of its household, which bakes enough for the rule to have a baseline before the element wears. */
const seed = 11;
const dayMs = 86_400_000;
const historyMs = 30 * dayMs;

export interface SupportStage {
  householdId: string;
  caseId: string;
  /** The ailing oven, connected. */
  oven: MqttClient;
  /** One reading of the ailing oven at this moment. */
  say(m: Record<string, number | boolean>): void;
  /** Has the healthy oven come, and go and come back so often. */
  flap(times: number): Promise<void>;
  leave(): Promise<void>;
}

async function made(service: RunningService, method: string, path: string, body: unknown) {
  const answer = await service.api(path, { method, body });
  if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** Registers both ovens, gives them their month, and waits until its case is open. */
export async function setSupport(service: RunningService): Promise<SupportStage> {
  const nowMs = Date.now();
  const models = loadModels();
  for (const model of models.values()) {
    const known = { ...model, endOfSupportMs: nowMs + 8 * 365 * dayMs };
    await made(service, "PUT", `/api/v1/models/${model.key}`, known);
  }
  const oven = { model: "oven-x200", soldAtMs: nowMs - 400 * dayMs, warrantyUntilMs: nowMs + 330 * dayMs };
  const { items } = await made(service, "POST", "/api/v1/devices/batch", {
    devices: [
      { ...oven, id: ailingId, serial: ailingSerial },
      { ...oven, id: healthyId, serial: "HX-4417-0094" },
    ],
  });
  const tokens = new Map<string, string>(items.map(({ id, token }: { id: string; token: string }) => [id, token]));
  const household = { name: householdName, locale: "de", timeZone: "Europe/Berlin" };
  const { id: householdId } = await made(service, "POST", "/api/v1/households", household);
  await made(service, "POST", `/api/v1/households/${householdId}/members`, {
    name: "Elena Marchetti",
    email: "elena@marchetti.example",
  });
  await made(service, "PUT", `/api/v1/households/${householdId}/devices/${ailingId}`, undefined);
  await tellMonth(service, tokens, nowMs);
  const client = await connect(service, ailingId, tokens.get(ailingId) ?? "");
  const caseId = await openCase(service, client);
  const flapping: MqttClient[] = [];
  return {
    householdId,
    caseId,
    oven: client,
    say(m) {
      const topic = `hearth/v1/devices/${ailingId}/telemetry`;
      client.publish(topic, JSON.stringify({ atMs: Date.now(), m }), { qos: 1 });
    },
    async flap(times) {
      for (let n = 0; n <= times; n += 1) {
        await flapping.at(-1)?.endAsync();
        flapping.push(await connect(service, healthyId, tokens.get(healthyId) ?? ""));
      }
    },
    async leave() {
      await flapping.at(-1)?.endAsync(true);
      await client.endAsync(true);
    },
  };
}

async function tellMonth(service: RunningService, tokens: ReadonlyMap<string, string>, nowMs: number): Promise<void> {
  const model = loadModels().get("oven-x200");
  if (model === undefined) throw new Error("there is no oven");
  const fromMs = nowMs - historyMs;
  const members = [ailingId, healthyId].map((id, at) => ({
    member: {
      id,
      model: model.key,
      persona: "baker" as const,
      timeZone: "Europe/Berlin",
      locale: "de",
      seed: seed + at,
      token: tokens.get(id) ?? "",
    },
    model,
    ailment: id === ailingId ? { name: "ageing_element" as const, sinceMs: fromMs + 12 * dayMs } : null,
    fromMs,
  }));
  await backfill({
    members,
    toMs: nowMs,
    broker: `mqtt://127.0.0.1:${service.mqttPort}`,
    timers: systemTimers,
    random: systemRandom,
    signal: new AbortController().signal,
  });
}

/** What is known of the fault that the worn element ends in. */
export const faultCode = "E-41";
const knownFault = {
  title: "Heating element worn out",
  fix: "Measure the lower element: above 32 ohms, replace it. The thermostat is sound.",
  part: { number: "HE-2200-3", name: "lower heating element, 2.2 kW" },
  article: { en: { title: "Your oven heats slowly", text: "We will replace the heating element." } },
};

/** The oven says its fault; a case opens by itself, and has its cause and what mends it. */
async function openCase(service: RunningService, oven: MqttClient): Promise<string> {
  await made(service, "PUT", `/api/v1/causes/fault:${faultCode}`, knownFault);
  const event = { id: "fault-1", atMs: Date.now() - 240_000, type: "fault.raised", data: { code: faultCode } };
  await oven.publishAsync(`hearth/v1/devices/${ailingId}/events`, JSON.stringify(event), { qos: 1 });
  let id = "";
  await until("the case is open", async () => {
    const { body } = await service.api(`/api/v1/cases?device=${ailingId}&cause=fault:${faultCode}&limit=1`);
    id = body.items[0]?.id ?? "";
    return id !== "";
  });
  return id;
}

const connect = (service: RunningService, id: string, password: string) =>
  mqtt.connectAsync(`mqtt://127.0.0.1:${service.mqttPort}`, {
    clientId: id,
    username: id,
    password,
    protocolVersion: 4,
    reconnectPeriod: 0,
  });
