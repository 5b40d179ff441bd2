/** A small desk on a running service: two colleagues, a family that writes to them, and a fault that a release mends. */
import { createHash, randomBytes } from "node:crypto";
import mqtt, { type MqttClient } from "mqtt";
import { loadModels } from "../../device-sim/models.ts";
import { overHttp, ReleaseKit } from "../support/release-kit.ts";
import { type RunningService, until } from "../support/service-process.ts";

type Answered = Promise<{ status: number; body: any }>; // oxlint-disable-line typescript/no-explicit-any -- tests look into answers freely

export interface DeskStage {
  /** Of the family. */
  householdId: string;
  /** The owner's own calls, under `/my`. */
  my: (method: string, path: string, body?: object) => Answered;
  /** What a colleague called Rosa signs in with, and who she is. */
  rosa: { key: string; principal: string };
  /** Has the appliance confirm a release. */
  confirm: (release: { version: string; releaseCounter: number }) => Promise<void>;
  release: { version: string; releaseCounter: number };
  leave(): Promise<void>;
}

export const deskOven = "oven-0001";

export async function setDeskStage(service: RunningService): Promise<DeskStage> {
  const made = async (method: string, path: string, body?: object) => {
    const answer = await service.api(`/api/v1${path}`, { method, ...(body === undefined ? {} : { body }) });
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const model = "oven-x200";
  await made("PUT", `/models/${model}`, loadModels().get(model));
  const { token } = await made("POST", "/devices", { id: deskOven, model });
  const { key, secret } = await made("POST", "/staff/keys", { name: "Rosa", role: "support" });
  const client: MqttClient = await mqtt.connectAsync(`mqtt://127.0.0.1:${service.mqttPort}`, {
    clientId: deskOven,
    username: deskOven,
    password: token,
    protocolVersion: 4,
    reconnectPeriod: 0,
  });
  const say = (channel: string, payload: object) =>
    client.publishAsync(`hearth/v1/devices/${deskOven}/${channel}`, JSON.stringify(payload), { qos: 1 });
  const report = (firmware: string, releaseCounter: number) =>
    say("reported", { atMs: Date.now(), state: { firmware, releaseCounter, hardware: "x200-r1", locale: "en-GB" } });
  await report("2.4.1", 0);
  const code = "C0DE0001";
  const codeSha256 = createHash("sha256").update(code).digest("hex");
  await say("events", {
    id: "pair-1",
    atMs: Date.now(),
    type: "pairing.opened",
    data: { codeSha256, validMs: 600_000 },
  });
  const asOwner = async (ownerKey: string | null, method: string, path: string, body?: object): Answered => {
    const response = await fetch(`${service.http}/api/v1/my${path}`, {
      method,
      headers: {
        ...(ownerKey === null ? {} : { authorization: `Bearer ${ownerKey}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  };
  let paired: Awaited<Answered> = { status: 0, body: {} };
  // The gateway takes what is said before the service knows of it.
  await until("the appliance is paired", async () => {
    paired = await asOwner(null, "POST", "/pair", { code, name: "Ada" });
    return paired.status === 201;
  });
  const kit = await ReleaseKit.open(overHttp(service.http, service.key), [model]);
  const release = await kit.publish(randomBytes(2_000), { model, version: "2.6.0", hardwareIds: ["x200-r1"] });
  return {
    householdId: paired.body.household.id,
    my: (method, path, body) => asOwner(paired.body.secret, method, path, body),
    rosa: { key: secret, principal: `staff:${key.id}` },
    release: { version: release.version, releaseCounter: release.releaseCounter },
    async confirm({ version, releaseCounter }) {
      await report(version, releaseCounter);
    },
    leave: () => client.endAsync(true),
  };
}
