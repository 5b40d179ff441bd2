/** A small fleet on a running service: enough of everything that the console shows. */
import { loadModels } from "../../device-sim/models.ts";
import mqtt, { type MqttClient } from "mqtt";
import type { RunningService } from "../support/service-process.ts";
import { until } from "../support/service-process.ts";

/** The appliance that has a history. */
export const starId = "oven-0001";
/** The appliance that can be made to say too much. */
export const babblerId = "oven-0002";
export const deviceCount = 64;
/** Of these, how many connect. */
export const connectedCount = 12;

const modelOf = (at: number) => (at % 8 === 7 ? "dishwasher-d4" : at % 3 === 2 ? "oven-s80" : "oven-x200");
const idOf = (at: number) =>
  `${modelOf(at).startsWith("oven") ? "oven" : "dishwasher"}-${String(at + 1).padStart(4, "0")}`;

const minuteMs = 60_000;
/** A cook: heat up, hold with the thermostat's saw, a door opened in between, and cooling down. */
const cookMs = 50 * minuteMs;

const round = (value: number) => Math.round(value * 10) / 10;

/** What the star measures so long after its cook began; a pure function, so that every run draws the same chart. */
export function ovenAt(elapsedMs: number): Record<string, number | boolean> {
  const minute = elapsedMs / minuteMs;
  const cooking = minute >= 0 && minute < 40;
  const warm = cooking ? 200 - 178 * Math.exp(-minute / 4.2) : 22 + 176 * Math.exp(-(minute - 40) / 14);
  const saw = cooking && minute > 12 ? 4 * Math.sin(minute * 2.4) : 0;
  const open = cooking && minute > 22 && minute < 22.7;
  const dip = cooking && minute > 22 ? -38 * Math.exp(-(minute - 22) / 1.6) : 0;
  const probe = cooking ? 6 + 62 / (1 + Math.exp(-(minute - 22) / 6)) : 67 - (minute - 40) * 0.4;
  return {
    cavity_c: round(minute < 0 ? 22 : warm + saw + dip),
    setpoint_c: cooking ? 200 : 0,
    ...(minute > 3 && minute < 46 ? { probe1_c: round(probe) } : {}),
    power_w: cooking ? (minute < 11 ? 2_850 : 900 + 700 * Math.sign(Math.sin(minute * 2.4))) : 4,
    energy_wh: round(Math.max(0, Math.min(minute, 40)) * 24),
    fan_rpm: cooking ? 1_450 : 0,
    door_open: open,
  };
}

export interface Stage {
  /** One live reading of each appliance that is connected. */
  beat(): void;
  /** The babbler says far more at once than it may. */
  babble(): void;
  /** Connects one that was not there; the test sees to its end. */
  visit(id: string): Promise<MqttClient>;
  leave(): Promise<void>;
}

async function register(service: RunningService): Promise<Map<string, string>> {
  for (const model of loadModels().values()) {
    const { status } = await service.api(`/api/v1/models/${model.key}`, { method: "PUT", body: model });
    if (status !== 200) throw new Error(`model ${model.key}: ${status}`);
  }
  const devices = Array.from({ length: deviceCount }, (_, at) => ({
    id: idOf(at),
    model: modelOf(at),
    serial: `SN-${(7_340_021 + at * 37).toString(36).toUpperCase()}`,
  }));
  const { body } = await service.api("/api/v1/devices/batch", { method: "POST", body: { devices } });
  const items: { id: string; token: string }[] = body.items;
  return new Map(items.map(({ id, token }) => [id, token]));
}

const publish = (client: MqttClient, id: string, channel: string, payload: unknown) =>
  client.publishAsync(
    `hearth/v1/devices/${id}/${channel}`,
    typeof payload === "string" ? payload : JSON.stringify(payload),
    { qos: 1 },
  );

/** The star belongs to somebody, so that what it does earns points. */
async function giveHome(service: RunningService): Promise<void> {
  const { body } = await service.api("/api/v1/households", {
    method: "POST",
    body: { name: "Lindqvist", locale: "de", timeZone: "Europe/Berlin" },
  });
  const { status } = await service.api(`/api/v1/households/${body.id}/devices/${starId}`, { method: "PUT" });
  if (status >= 300) throw new Error(`the household takes no appliance: ${status}`);
}

/** What the star did in the last hours: three cooks with silence between, and what belongs to them. */
async function tellHistory(client: MqttClient, nowMs: number): Promise<void> {
  const cooks = [nowMs - 26 * 60 * minuteMs, nowMs - 5 * 60 * minuteMs, nowMs - 55 * minuteMs];
  for (const [at, beganMs] of cooks.entries()) {
    const readings = Array.from({ length: cookMs / 5_000 }, (_, step) => ({
      atMs: beganMs + step * 5_000,
      m: ovenAt(step * 5_000),
    }));
    for (let from = 0; from < readings.length; from += 500) {
      await publish(client, starId, "telemetry", readings.slice(from, from + 500));
    }
    const happened: [number, string, Record<string, unknown>][] = [
      [0, "program.started", { program: "HotAir", setpoint_c: 200 }],
      [11.5, "preheat.finished", { program: "HotAir" }],
      [22, "door.opened", {}],
      [40, "program.finished", { program: "HotAir" }],
    ];
    for (const [minute, type, data] of happened) {
      const event = { id: `cook-${at}-${type}`, atMs: beganMs + minute * minuteMs, type, data };
      await publish(client, starId, "events", event);
    }
  }
  await publish(client, starId, "events", {
    id: "fault-1",
    atMs: nowMs - 30 * minuteMs,
    type: "fault.raised",
    data: { code: "E-17", text: "Fan slower than asked for" },
  });
}

const connect = (service: RunningService, id: string, token = "") =>
  mqtt.connectAsync(`mqtt://127.0.0.1:${service.mqttPort}`, {
    clientId: id,
    username: id,
    password: token,
    protocolVersion: 4,
    reconnectPeriod: 0,
  });

/** Registers the fleet, connects a part of it, and lets it tell its history. */
export async function setStage(service: RunningService): Promise<Stage> {
  const tokens = await register(service);
  await giveHome(service);
  const ids = [...tokens.keys()].slice(0, connectedCount);
  const clients = await Promise.all(
    ids.map(async (id) => {
      const client = await connect(service, id, tokens.get(id));
      await publish(client, id, "reported", {
        atMs: Date.now(),
        state: { firmware: "2.4.1", locale: "de-DE", timeZone: "Europe/Berlin", operation: "idle" },
      });
      return { id, client };
    }),
  );
  const star = clients.find(({ id }) => id === starId);
  if (star === undefined) throw new Error("the star is not connected");
  await star.client.subscribeAsync(`hearth/v1/devices/${starId}/inbox`, { qos: 1 });
  const nowMs = Date.now();
  await tellHistory(star.client, nowMs);
  await publish(star.client, starId, "telemetry", "{ this is no JSON");
  for (const name of ["identify", "self_test"]) {
    await service.api(`/api/v1/devices/${starId}/commands`, { method: "POST", body: { name, args: {} } });
  }
  const beat = () => {
    const atMs = Date.now();
    for (const { id, client } of clients) {
      const m = id.startsWith("oven")
        ? ovenAt(atMs - nowMs + 55 * minuteMs + Number(id.slice(-4)) * minuteMs)
        : { water_c: 48, power_w: 1_900, salt_pct: 62 };
      void publish(client, id, "telemetry", { atMs, m });
    }
  };
  beat();
  await until("everything told is stored", async () => {
    const { body } = await service.api("/api/v1/overview");
    return body.devices.online === connectedCount && body.quarantined > 0 && body.readingsCommitted >= 1_800;
  });
  return {
    beat,
    babble() {
      const pingreq = Buffer.from([0xc0, 0]);
      const stream = clients.find(({ id }) => id === babblerId)?.client.stream;
      stream?.write(Buffer.concat(Array.from({ length: 3_000 }, () => pingreq)));
    },
    visit: (id) => connect(service, id, tokens.get(id)),
    async leave() {
      await Promise.all(clients.map(({ client }) => client.endAsync(true)));
    },
  };
}
