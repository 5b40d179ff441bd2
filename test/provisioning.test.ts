import { execFileSync, spawnSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type MqttClient } from "mqtt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { provisioningReply } from "#protocol/provisioning.ts";
import { FolderDeviceStore } from "../device-sim/agent/device-store.ts";
import { OwnCertificate } from "../device-sim/agent/own-certificate.ts";
import { planFleet } from "../device-sim/core/fleet-plan.ts";
import { Fleet } from "../device-sim/fleet.ts";
import { firstContact } from "../device-sim/link/first-contact.ts";
import { RawDevice } from "../gateway/testing/raw-device.ts";
import { loadModels } from "../device-sim/models.ts";
import { AcceleratedClock, systemClock } from "../device-sim/platform/clock.ts";
import { systemTimers } from "../device-sim/platform/timers.ts";
import { preparedDataDir } from "./support/prepared-data-dir.ts";
import {
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "./support/service-process.ts";

const batch = "2026-41";
const model = "oven-x200";
const serials = ["sn-1", "sn-2", "sn-3"];
let service: RunningService;
let broker: string;
let ca: string;
let secret: string;
let report: unknown;
let fleet: Fleet;

/** What sn-1 has held, one after another: it may have renewed more than once before a test looks. */
const heldInTurn: ReturnType<typeof held>[] = [];
let watching: NodeJS.Timeout;

const fleetDir = () => join(service.dataDir, "fleet");
const held = (serial: string) => {
  const own = new FolderDeviceStore(join(fleetDir(), serial)).loadIdentity()?.held;
  if (!own) throw new Error(`${serial} holds no certificate`);
  return own;
};
async function importTable(body: string): Promise<unknown> {
  const response = await fetch(`${service.http}/api/v1/devices/import`, {
    method: "POST",
    headers: { authorization: `Bearer ${service.key}`, "content-type": "text/csv" },
    body,
  });
  return response.json();
}

const fingerprintOf = (pem: string) => createHash("sha256").update(new X509Certificate(pem).raw).digest("hex");

beforeAll(async () => {
  // So short a life that a certificate is in the last third of it when it comes: it counts from an hour before.
  const env = { HEARTH_DEVICE_CERTIFICATE_DAYS: "0.01" };
  service = await startServiceProcess({ dataDir: await preparedDataDir(), env });
  broker = `mqtts://127.0.0.1:${service.mqttsPort}`;
  ca = readFileSync(join(service.dataDir, "pki", "root.pem"), "utf8");
  await service.api(`/api/v1/models/${model}`, { method: "PUT", body: loadModels().get(model) });
  const made = await service.api("/api/v1/batches", {
    method: "POST",
    body: { key: batch, model, quota: 2 },
  });
  secret = made.body.secret;
  report = await importTable(
    `serial,model,batch\n${serials.map((serial) => `${serial},${model},${batch}\n`).join("")}`,
  );
  fleet = new Fleet({
    appliances: planFleet({ count: 1, seed: 1, prefix: "x", mix: [model] }).map((one) => ({
      ...one,
      id: "sn-1",
      claim: { batch, secret },
    })),
    broker,
    ca,
    clock: new AcceleratedClock({ real: systemClock, startMs: Date.now() - 60_000, speed: 10 }),
    dataDir: fleetDir(),
    backOff: { msMin: 20, msMax: 500 },
    askAgainMs: 200,
  });
  watching = setInterval(() => {
    const own = new FolderDeviceStore(join(fleetDir(), "sn-1")).loadIdentity()?.held;
    if (own && own.certificate !== heldInTurn.at(-1)?.certificate) heldInTurn.push(own);
  }, 10);
  fleet.start();
});
afterAll(async () => {
  clearInterval(watching);
  await fleet.stop();
  await stopServiceProcess(service);
  await removeDataDir(service.dataDir);
});

test("an appliance out of the box gets its own certificate over TLS, connects with it, and its readings arrive", async () => {
  expect(report).toEqual({ imported: 3, unchanged: 0, errors: [], errorsMore: 0 });
  await until("it is connected", () => fleet.counters.connected === 1);
  await until("a reading is there", async () => {
    const { body } = await service.api("/api/v1/devices/sn-1/telemetry/latest");
    return JSON.stringify(body).includes('"cavity_c"');
  });
  const { body: device } = await service.api("/api/v1/devices/sn-1");
  expect(device).toMatchObject({ id: "sn-1", serial: "sn-1", credentials: { tokens: [] } });
  const { body: connections } = await service.api("/api/v1/devices/sn-1/connections");
  expect(connections.items[0]).toMatchObject({ via: "tls", login: "certificate" });
});

test("it renews its certificate by itself, with a new key, and connects with that", async () => {
  await until("it holds another", () => heldInTurn.length > 1);
  const [first, second] = heldInTurn;
  if (first === undefined) throw new Error("it never held any");
  expect(second?.privateKey).not.toBe(first.privateKey);
  await until("it is connected again", () => fleet.counters.connected === 1);
  const { body } = await service.api("/api/v1/devices/sn-1/certificates");
  expect(body.items.length).toBeGreaterThan(1);
  expect(body.items.every((one: { revokedAtMs: number | null }) => one.revokedAtMs === null)).toBe(true);
  expect(body.items.map((one: { batch: string | null }) => one.batch)).toEqual([
    ...Array.from({ length: body.items.length - 1 }, () => null),
    batch,
  ]);
  // Until its end the one before counts: an appliance must not be locked out in between. The appliance itself may come back at the same
  // moment, and of two under one name the later stays.
  await until("the one before counts", async () => {
    const old = await asDevice("sn-1", first).catch(() => null);
    await old?.endAsync();
    return old !== null;
  });
});

/** Connects with a certificate. Rejects where that is refused, in the handshake or after CONNECT. */
function asDevice(
  clientId: string,
  { certificate, chain, privateKey }: { certificate: string; chain: string; privateKey: string },
): Promise<MqttClient> {
  const login = { ca, cert: certificate + chain, key: privateKey, clientId };
  const client = connect(broker, { ...login, protocolVersion: 4, reconnectPeriod: 0 });
  return new Promise((resolve, reject) => {
    client.once("connect", () => resolve(client));
    client.once("error", reject);
    client.once("close", () => reject(new Error("it was closed")));
  });
}

const claimAgain = async (serial: string, own = new OwnCertificate(serial, memory())) => {
  const payload = await own.request(Date.now());
  const contact = { broker, ca, claim: { batch, secret }, serial, payload, timers: systemTimers };
  const reply = await firstContact({ ...contact, signal: new AbortController().signal });
  return { reply: provisioningReply.parse(reply), own };
};
const memory = () => ({ loadIdentity: () => null, saveIdentity() {} });
const ruleOf = async (asked: ReturnType<typeof claimAgain>) => {
  const { reply } = await asked;
  return reply.kind === "refused" ? reply.rule : reply.kind;
};

test("the claim credential enrols nobody twice, nobody unknown and not too many, and says the same of each", async () => {
  expect(await ruleOf(claimAgain("sn-1"))).toBe("not_allowed");
  expect(await ruleOf(claimAgain("sn-9"))).toBe("not_allowed");
  const { reply, own } = await claimAgain("sn-2");
  expect(reply.kind).toBe("issued");
  expect(await ruleOf(claimAgain("sn-3"))).toBe("quota_used_up");
  // The answer may have been lost: the same key is let in again, and no other.
  expect(own.take((await claimAgain("sn-2", own)).reply)).toBe("held");
  expect(await ruleOf(claimAgain("sn-2"))).toBe("quota_used_up");
});

test("a certificate is its own device's: another's client id is refused, and that one stays connected", async () => {
  const own = held("sn-1");
  await expect(asDevice("sn-2", own)).rejects.toThrow("Identifier rejected");
  await until("it stays connected", () => fleet.counters.connected === 1);
});

test("a revoked certificate ends its connection within seconds and lets nobody back in, also by TLS resumption", async () => {
  await fleet.stop();
  const own = held("sn-1");
  const client = await asDevice("sn-1", own);
  let isClosed = false;
  client.once("close", () => (isClosed = true));
  const tls = { ca, cert: own.certificate + own.chain, key: own.privateKey };
  const before = await RawDevice.openTls(service.mqttsPort, tls);
  let session: Buffer | undefined;
  await until("there is a TLS session", () => (session = before.socket.getSession()) !== undefined);
  const { body } = await service.api(`/api/v1/certificates/${fingerprintOf(own.certificate)}/revoke`, {
    method: "POST",
    body: { reason: "key_compromise" },
  });
  await until("it is cut off", () => isClosed);
  await expect(asDevice("sn-1", own)).rejects.toThrow(/closed|refused|ECONNRESET|Not authorized/);
  const resumed = await RawDevice.openTls(service.mqttsPort, { ...tls, ...(session && { session }) });
  resumed.connect("sn-1");
  await resumed.waitClosed();
  expect(resumed.all("connack").filter(({ returnCode }) => returnCode === 0)).toEqual([]);
  const list = await fetch(`${service.http}/api/v1/pki/fleet.crl`);
  const der = Buffer.from(await list.arrayBuffer());
  expect(der.includes(Buffer.from(body.serialNumber, "hex"))).toBe(true);
});

test("what was refused stands with its exact reason in the list of what bears on security", async () => {
  const wanted = ["already_enrolled", "quota_used_up", "unknown_serial"];
  let reasons: string[] = [];
  await until("all is noted", async () => {
    const { body } = await service.api("/api/v1/security/events?kind=claim_refused");
    reasons = body.items.map(({ reason }: { reason: string }) => reason);
    return reasons.length >= wanted.length;
  });
  expect([...new Set(reasons)].toSorted()).toEqual(wanted);
});

test("no log line holds a secret", () => {
  const [, keyLine = ""] = held("sn-1").privateKey.split("\n");
  for (const hidden of [secret, keyLine]) expect(service.output().includes(hidden)).toBe(false);
});

const hasOpenssl = spawnSync("openssl", ["version"]).error === undefined;

test.skipIf(!hasOpenssl)(
  "OpenSSL reads the list of revoked certificates and finds it signed by the fleet CA",
  async () => {
    const list = await fetch(`${service.http}/api/v1/pki/fleet.crl`);
    const der = Buffer.from(await list.arrayBuffer());
    const said = execFileSync(
      "openssl",
      ["crl", "-inform", "DER", "-noout", "-text", "-CAfile", join(service.dataDir, "pki", "fleet-ca.pem")],
      { input: der, encoding: "utf8", stdio: ["pipe", "pipe", "pipe"] },
    );
    expect(said).toContain("Revoked Certificates");
    expect(said).toContain("Key Compromise");
  },
);

test.skipIf(!hasOpenssl)("a board whose key OpenSSL made gets its certificate by `npm run enrol`", async () => {
  const made = await service.api("/api/v1/batches", { method: "POST", body: { key: "desk", model, quota: 1 } });
  await importTable("serial,model,batch\ndesk-1,oven-x200,desk\n");
  const folder = join(service.dataDir, "fleet");
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "desk-1.key");
  openssl("req", "-new", "-key", "desk-1.key", "-subj", "/CN=desk-1", "-out", "desk-1.csr");
  const file = new URL("../device-sim/enrol.ts", import.meta.url).pathname;
  const line = `--batch desk --serial desk-1 --csr desk-1.csr --broker ${broker} --ca ../pki/root.pem`.split(" ");
  const enrol = (claimSecret: string) => {
    const env = { ...process.env, HEARTH_CLAIM_SECRET: claimSecret };
    return spawnSync(process.execPath, [file, ...line], { cwd: folder, encoding: "utf8", env });
  };
  const refused = enrol("wrong");
  expect([refused.status, refused.stdout]).toEqual([1, ""]);
  expect(refused.stderr).toMatch(/gave no answer: Connection refused: Not authorized/);
  const { status, stdout: certificate } = enrol(made.body.secret);
  expect([status, new X509Certificate(certificate).subject]).toEqual([0, "CN=desk-1"]);
  const privateKey = readFileSync(join(folder, "desk-1.key"), "utf8");
  const client = await asDevice("desk-1", { certificate, chain: "", privateKey });
  await client.endAsync();
});
