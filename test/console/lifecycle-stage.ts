/** Households in several stages on a running service: their ovens told weeks of their past, and some people said how they like them. */
import mqtt from "mqtt";
import { loadModels } from "../../device-sim/models.ts";
import { type RunningService, until } from "../support/service-process.ts";

const dayMs = 86_400_000;

export interface LifecycleStage {
  /** By what became of them. */
  ids: Record<"prospect" | "steady" | "content" | "silent" | "angry" | "new" | "displeased" | "faulty", string>;
}

interface Past {
  device: string;
  /** Days ago on which it cooked. */
  cooked: number[];
  said?: [daysAgo: number, type: string, data: object][];
}

const every = (step: number, from: number, to: number) =>
  Array.from({ length: Math.floor((from - to) / step) + 1 }, (_, index) => from - index * step);

const pasts: Record<Exclude<keyof LifecycleStage["ids"], "prospect">, Past> = {
  steady: { device: "oven-0001", cooked: every(3, 40, 1) },
  content: { device: "oven-0002", cooked: every(2, 38, 0), said: [[12, "feedback.given", { rating: 5 }]] },
  silent: { device: "oven-0003", cooked: every(2, 39, 15) },
  angry: {
    device: "oven-0004",
    cooked: every(2, 38, 0),
    said: [
      [9, "fault.raised", { code: "E-17" }],
      [8, "fault.cleared", { code: "E-17" }],
      [4, "fault.raised", { code: "E-18" }],
      [1, "feedback.given", { rating: 1 }],
    ],
  },
  new: { device: "oven-0005", cooked: [2, 1] },
  displeased: { device: "oven-0007", cooked: every(2, 38, 0), said: [[2, "feedback.given", { rating: 1 }]] },
  faulty: {
    device: "oven-0006",
    cooked: every(2, 38, 0),
    said: [
      [9, "fault.raised", { code: "E-17" }],
      [8, "fault.cleared", { code: "E-17" }],
      [4, "fault.raised", { code: "E-18" }],
    ],
  },
};

async function tellPast(service: RunningService, token: string, { device, cooked, said = [] }: Past): Promise<void> {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${service.mqttPort}`, {
    clientId: device,
    username: device,
    password: token,
    protocolVersion: 4,
    reconnectPeriod: 0,
  });
  const nowMs = Date.now();
  const events: [daysAgo: number, type: string, data: object][] = [
    ...cooked.map((daysAgo): [number, string, object] => [daysAgo, "program.finished", { program: "HotAir" }]),
    ...said,
  ];
  for (const [place, [daysAgo, type, data]] of events.entries()) {
    const event = { id: `past-${place}`, atMs: Math.round(nowMs - daysAgo * dayMs), type, data };
    await client.publishAsync(`hearth/v1/devices/${device}/events`, JSON.stringify(event), { qos: 1 });
  }
  await client.endAsync();
}

async function made(asked: ReturnType<RunningService["api"]>) {
  const { status, body } = await asked;
  if (status >= 300) throw new Error(`${status}: ${JSON.stringify(body)}`);
  return body;
}

export async function setLifecycleStage(service: RunningService): Promise<LifecycleStage> {
  for (const model of loadModels().values()) {
    await made(service.api(`/api/v1/models/${model.key}`, { method: "PUT", body: model }));
  }
  const devices = Object.values(pasts).map(({ device }) => ({ id: device, model: "oven-x200" }));
  const batch = await made(service.api("/api/v1/devices/batch", { method: "POST", body: { devices } }));
  const items: { id: string; token: string }[] = batch.items;
  const tokens = new Map(items.map(({ id, token }) => [id, token]));
  const household = async (name: string): Promise<string> => {
    const body = { name, locale: "en", timeZone: "Europe/Berlin" };
    return (await made(service.api("/api/v1/households", { method: "POST", body }))).id;
  };
  const ids: Record<string, string> = { prospect: await household("Prospect") };
  for (const [name, past] of Object.entries(pasts)) {
    const id = await household(`The ${name}`);
    await made(service.api(`/api/v1/households/${id}/devices/${past.device}`, { method: "PUT" }));
    await tellPast(service, tokens.get(past.device) ?? "", past);
    ids[name] = id;
  }
  const { prospect = "", steady = "", content = "", silent = "", angry = "", displeased = "", faulty = "" } = ids;
  const stageOf = async (id: string) => (await service.api(`/api/v1/households/${id}/lifecycle`)).body.stage;
  await until("everybody is in their stage", async () => {
    const found = await Promise.all([steady, content, silent, angry, displeased, faulty].map(stageOf));
    return found.join() === "engagement,satisfaction,disengaged,disengaged,engagement,engagement";
  });
  await until("two are at risk, and the fault of one of them has a case", async () => {
    const { body } = await service.api("/api/v1/lifecycle/at-risk");
    return body.households === 2 && body.byKind.length === 3;
  });
  return { ids: { prospect, steady, content, silent, angry, new: ids["new"] ?? "", displeased, faulty } };
}
