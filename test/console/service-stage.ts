/** Cases on a running service: one that a rule found, one whose owner asked for help, and an incident of many ovens. */
import mqtt, { type MqttClient } from "mqtt";
import { loadModels } from "../../device-sim/models.ts";
import { type RunningService, until } from "../support/service-process.ts";

/** The oven that grows too hot. It answers what it is asked. */
export const hotId = "oven-0001";
/** The oven whose owner asks for help. */
export const helpId = "oven-0002";
/** So many at once are an incident, and not a case each. */
const ovensAtOnce = 24;
/** The oven that tells of an hour ago what it should have told then. It has no household and no trouble. */
export const lateId = "oven-0003";
/** Ovens that grow too hot when a test says so. */
export const spareIds = ["oven-0029", "oven-0030"] as const;
/** What the cases of the stage are about. A rule that a test puts in force may open one of its own for the same oven. */
const [tooHot, askedFor] = ["over_temperature", "help_asked"];
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

export interface ServiceStage {
  hotCaseId: string;
  helpCaseId: string;
  incidentId: string;
  /** Of the household that has the first two. */
  householdId: string;
  /** Has an oven be too hot, or cool again. @returns once its case says so */
  heat(id: string): Promise<string>;
  cool(id: string): Promise<void>;
  leave(): Promise<void>;
}

const round = (value: number) => Math.round(value * 10) / 10;

/** A cook of 40 minutes as readings, 10 s apart; a pure function, so that every run draws the same chart. */
function cook(beganMs: number): { atMs: number; m: Record<string, number> }[] {
  return Array.from({ length: 360 }, (_, step) => {
    const minute = step / 6;
    const warm = minute < 40 ? 200 - 178 * Math.exp(-minute / 4.2) : 22 + 176 * Math.exp(-(minute - 40) / 14);
    const m = { cavity_c: round(warm), setpoint_c: minute < 40 ? 200 : 0, power_w: minute < 40 ? 1_100 : 4 };
    return { atMs: beganMs + step * 10_000, m };
  });
}

/** What grows too hot: past its setpoint, and on, to above 290 °C for a minute. */
const runaway = (endsMs: number) =>
  Array.from({ length: 120 }, (_, step) => ({
    atMs: endsMs - (119 - step) * 5_000,
    m: { cavity_c: round(22 + 283 * (1 - Math.exp(-step / 32))), setpoint_c: 200, power_w: 2_900 },
  }));

const publish = (client: MqttClient, id: string, channel: string, payload: unknown) =>
  client.publishAsync(`hearth/v1/devices/${id}/${channel}`, JSON.stringify(payload), { qos: 1 });

/** Answers commands as an appliance with a worn fan does: a self-test at once, its log where it is told to send it. */
function answerCommands(client: MqttClient, id: string): void {
  client.on("message", (topic, payload) => {
    if (!topic.endsWith("/inbox")) return;
    const delivery = JSON.parse(payload.toString());
    if (delivery.kind !== "command") return;
    const { name, args } = delivery.body;
    const reply = (result: object) =>
      void publish(client, id, "replies", { commandId: delivery.id, atMs: Date.now(), ok: true, result });
    if (name === "self_test") {
      const parts = [
        { part: "heater", ok: true },
        { part: "fan", ok: false },
        { part: "door_switch", ok: true },
      ];
      reply({ passed: false, parts });
    }
    if (name === "send_log") {
      reply({ uploading: true });
      const body = "boot ok\nwifi ssid=Casa psk=hunter2-secret\nfan stalled at 1450 rpm\n";
      void fetch(args.upload.href, { method: "PUT", headers: { "content-type": "text/plain" }, body });
    }
  });
}

async function made<Body>(asked: Promise<{ status: number; body: Body }>): Promise<Body> {
  const { status, body } = await asked;
  if (status >= 300) throw new Error(`${status}: ${JSON.stringify(body)}`);
  return body;
}

/** Registers the ovens and connects them. */
async function fleet(service: RunningService): Promise<{ id: string; client: MqttClient }[]> {
  for (const model of loadModels().values()) {
    await made(service.api(`/api/v1/models/${model.key}`, { method: "PUT", body: model }));
  }
  const devices = Array.from({ length: ovensAtOnce + 4 + spareIds.length }, (_, at) => ({
    id: `oven-${String(at + 1).padStart(4, "0")}`,
    model: "oven-x200",
    serial: `SN-73400${String(at).padStart(2, "0")}`,
    country: at % 2 === 0 ? "DE" : "SE",
    soldAtMs: Date.now() - 300 * 24 * hourMs,
    warrantyUntilMs: Date.now() + 430 * 24 * hourMs,
  }));
  const batch = await made(service.api("/api/v1/devices/batch", { method: "POST", body: { devices } }));
  const items: { id: string; token: string }[] = batch.items;
  return Promise.all(
    items.map(async ({ id, token }, at) => {
      const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${service.mqttPort}`, {
        clientId: id,
        username: id,
        password: token,
        protocolVersion: 4,
        reconnectPeriod: 0,
      });
      await publish(client, id, "reported", {
        atMs: Date.now(),
        state: { firmware: at % 3 === 0 ? "2.4.1" : "2.5.0", hardware: "x200-r1", locale: "en-GB", operation: "idle" },
      });
      return { id, client };
    }),
  );
}

/** It is hot in no reading that comes in time, and was so in one that comes after them. */
async function tellLate(service: RunningService, client: MqttClient): Promise<void> {
  const nowMs = Date.now();
  await publish(client, lateId, "telemetry", { atMs: nowMs, m: { cavity_c: 22 } });
  const stored = async () => (await service.api(`/api/v1/devices/${lateId}/messages`)).body;
  await until("it is heard", async () => JSON.stringify(await stored()).includes("cavity_c"));
  await publish(client, lateId, "telemetry", { atMs: nowMs - hourMs, m: { cavity_c: 295 } });
  await publish(client, lateId, "telemetry", { atMs: nowMs + 1_000, m: { cavity_c: 22 } });
}

/** Lets the ovens do and say it all, and waits until the service has made of it what it makes. */
export async function setServiceStage(service: RunningService): Promise<ServiceStage> {
  const clients = await fleet(service);
  const clientOf = (id: string): MqttClient => {
    const found = clients.find((one) => one.id === id);
    if (found === undefined) throw new Error(`${id} is not connected`);
    return found.client;
  };
  const household = await made(
    service.api("/api/v1/households", {
      method: "POST",
      body: { name: "Lindqvist", locale: "en-GB", timeZone: "Europe/Stockholm" },
    }),
  );
  for (const id of [hotId, helpId]) {
    await made(service.api(`/api/v1/households/${household.id}/devices/${id}`, { method: "PUT" }));
  }
  // Without it a back-test of the fleet leaves its ovens out.
  const agreed = { purpose: "improve", channel: "phone", evidence: "Call 11", locale: "en", version: 1 };
  await made(service.api(`/api/v1/households/${household.id}/consents`, { method: "POST", body: agreed }));
  const nowMs = Date.now();
  const hot = clientOf(hotId);
  answerCommands(hot, hotId);
  await hot.subscribeAsync(`hearth/v1/devices/${hotId}/inbox`, { qos: 1 });
  for (const [at, hours] of [60, 34, 10].entries()) {
    const beganMs = nowMs - hours * hourMs;
    await publish(hot, hotId, "telemetry", cook(beganMs));
    const event = { id: `cook-${at}`, atMs: beganMs, type: "program.started", data: { program: "HotAir" } };
    await publish(hot, hotId, "events", event);
  }
  await publish(hot, hotId, "telemetry", runaway(nowMs - 2_000));
  await tellLate(service, clientOf(lateId));
  await publish(clientOf(helpId), helpId, "events", {
    id: "help-1",
    atMs: nowMs,
    type: "help.requested",
    data: { text: "The door does not close any more.", wantsHuman: true },
  });
  for (const { id, client } of clients.slice(4, 4 + ovensAtOnce)) {
    await publish(client, id, "events", { id: "f-1", atMs: Date.now(), type: "fault.raised", data: { code: "E42" } });
  }
  const caseOf = async (deviceId: string, cause: string): Promise<string> => {
    const { body } = await service.api(`/api/v1/cases?device=${deviceId}`);
    return body.items.find((one: { cause: string }) => one.cause === cause)?.id ?? "";
  };
  await until("the rule has found what is too hot, with its evidence", async () => {
    const { body } = await service.api(`/api/v1/cases/${await caseOf(hotId, tooHot)}`);
    return body?.evidence?.series?.length > 0;
  });
  // Its past has a sensor that was stuck for a while, which nobody saw then.
  await until("somebody has seen it", async () => {
    const { body } = await service.api("/api/v1/cases/queue");
    const stuck = body.items.filter(({ cause }: { cause: string }) => cause === "sensor_frozen");
    for (const { id } of stuck) await service.api(`/api/v1/cases/${id}/acknowledge`, { method: "POST" });
    return stuck.length === 0;
  });
  await until("the owner is heard", async () => (await caseOf(helpId, askedFor)) !== "");
  const incidents = async () => (await service.api("/api/v1/incidents")).body.items;
  await until("the many are one incident", async () => (await incidents())[0]?.members === ovensAtOnce);
  return {
    hotCaseId: await caseOf(hotId, tooHot),
    helpCaseId: await caseOf(helpId, askedFor),
    incidentId: (await incidents())[0].id,
    householdId: household.id,
    async heat(id) {
      await publish(clientOf(id), id, "telemetry", runaway(Date.now() - 2_000));
      await until("its case is open", async () => (await caseOf(id, tooHot)) !== "");
      return caseOf(id, tooHot);
    },
    async cool(id) {
      await publish(clientOf(id), id, "telemetry", { atMs: Date.now(), m: { cavity_c: 60 } });
      await until("its case says that the cause is gone", async () => {
        const { body } = await service.api(`/api/v1/cases/${await caseOf(id, tooHot)}`);
        return body.causeGoneAtMs !== null;
      });
    },
    leave: async () => {
      await Promise.all(clients.map(({ client }) => client.endAsync(true)));
    },
  };
}
