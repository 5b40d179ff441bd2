import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { copyFile, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectAsync } from "mqtt";
import { developmentMaterial, issueDevice, newKey } from "../cloud/pki/pki.ts";
import {
  newDataDir,
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "./support/service-process.ts";

let dataDir = "";
let folder = "";
let service: RunningService;
/** What `npm run ca` said, step by step. */
let made: { code: number; out: string; err: string }[] = [];
const ours = (name: string) => join(folder, "ca", name);

/** Runs `npm run ca`'s command. */
function runCa(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const file = join(import.meta.dirname, "../cloud/cli/ca.ts");
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [file, ...args, "--dir", join(folder, "ca")], (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });
}

const production = (changed: Record<string, string> = {}) => ({
  HEARTH_ENV: "production",
  HEARTH_PUBLIC_URL: "https://localhost",
  HEARTH_MQTT_PORT: "",
  HEARTH_TLS_CERT: ours("server.pem"),
  HEARTH_TLS_KEY: ours("server.key"),
  HEARTH_FLEET_CA_CERT: ours("fleet-ca.pem"),
  HEARTH_FLEET_CA_KEY: ours("fleet-ca.key"),
  ...changed,
});

const oven = {
  key: "oven",
  version: 1,
  brand: "Oven makers",
  name: "Oven",
  kind: "oven",
  hardwareIds: ["rev-a"],
  locales: ["en"],
  capabilities: {},
  metrics: [{ name: "cavity_c", label: "Cavity", unit: "°C" }],
};

/** What every appliance is built to believe, and all that this client believes. */
const root = () => readFile(ours("root.pem"), "utf8");

async function ask(path: string, key = ""): Promise<{ status: number; headers: object; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; headers: object; text: string }>();
  const headers = { authorization: `Bearer ${key}` };
  const sent = request(service.https + path, { ca: await root(), headers, agent: false }, (reply) => {
    let text = "";
    reply.on("data", (piece: Buffer) => (text += piece.toString()));
    reply.once("end", () => resolve({ status: reply.statusCode ?? 0, headers: reply.headers, text }));
  });
  sent.once("error", reject).end();
  return promise;
}

const httpsPort = () => Number(new URL(service.https).port);

/** Of the certificate that people and devices are met with. */
async function serialNumbersServed(): Promise<string[]> {
  const ca = await root();
  return Promise.all(
    [httpsPort(), service.mqttsPort].map(async (port) => {
      const socket = connect({ port, host: "localhost", ca });
      await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    }),
  );
}

const serialNumberIn = async (name: string) => new X509Certificate(await readFile(ours(name))).serialNumber;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hearth-production-"));
  dataDir = await newDataDir();
  made = [
    await runCa("new", "--name", "Oven makers, Inc."),
    await runCa("intermediate"),
    await runCa("server", "localhost", "127.0.0.1"),
  ];
  // As it says: the root goes offline before anything runs.
  await rename(ours("root.key"), join(folder, "safe.key"));
  service = await startServiceProcess({ dataDir, env: production() });
});
afterAll(async () => {
  await stopServiceProcess(service, "SIGKILL");
  await removeDataDir(dataDir);
  await rm(folder, { recursive: true, force: true });
});

test("production starts with what `npm run ca` made, and a client that trusts the root alone connects", async () => {
  expect(made.map(({ code, err }) => [code, err])).toEqual(made.map(() => [0, ""]));
  expect(made[0]?.out).toMatch(/root\.key[^]*take [^\n]*root\.key away/);
  const { status, headers, text } = await ask("/api/v1/health");
  expect([status, JSON.parse(text).problems]).toEqual([200, []]);
  expect(headers).toMatchObject({ "strict-transport-security": expect.stringContaining("max-age=") });
  expect((await ask("/api/v1/me", service.key)).status).toBe(200);
  expect((await ask("/api/v1/me", "wrong")).status).toBe(401);
  expect((await ask("/api/v1/pki/root.pem")).text).toBe(await root());
});

test("a device that trusts the root alone connects over TLS, with its token or a certificate of the fleet CA", async () => {
  await service.api("/api/v1/models/oven", { method: "PUT", body: oven });
  const { body } = await service.api("/api/v1/devices", { method: "POST", body: { id: "oven-1", model: "oven" } });
  const { privateKey: key, publicKey } = newKey();
  const fleet = {
    certificate: await readFile(ours("fleet-ca.pem"), "utf8"),
    privateKey: await readFile(ours("fleet-ca.key"), "utf8"),
  };
  const term = { nowMs: Date.now(), validMs: 86_400_000 };
  const { certificate: cert } = await issueDevice(fleet, { deviceId: "oven-1", publicKey, ...term });
  for (const proof of [
    { username: "oven-1", password: body.token },
    { cert, key },
  ]) {
    const device = await connectAsync(`mqtts://localhost:${service.mqttsPort}`, {
      clientId: "oven-1",
      ca: await root(),
      reconnectPeriod: 0,
      ...proof,
    });
    const payload = JSON.stringify({
      id: `boot-${Object.keys(proof).join("-")}`,
      atMs: Date.now(),
      type: "boot",
      data: {},
    });
    await device.publishAsync("hearth/v1/devices/oven-1/events", payload, { qos: 1 });
    await device.endAsync();
  }
  const events = async (): Promise<unknown[]> =>
    (await service.api("/api/v1/devices/oven-1/timeline?kinds=event")).body.items;
  await until("both were heard", async () => (await events()).length === 2);
  expect(await events()).toHaveLength(2);
});

test("in production there is no plain MQTT and no development CA; plain HTTP answers probes on loopback", async () => {
  expect(service.mqttPort).toBeNaN();
  expect(service.output()).not.toContain("mqtt://");
  await expect(readFile(join(dataDir, "pki", "root.pem"))).rejects.toThrow("ENOENT");
  expect(service.http).toMatch(/^http:\/\/127\.0\.0\.1:/);
  expect((await service.api("/api/v1/health")).status).toBe(200);
});

test("a new certificate is taken up without a restart, and a key that does not fit changes nothing", async () => {
  const before = await serialNumberIn("server.pem");
  expect(await serialNumbersServed()).toEqual([before, before]);
  await copyFile(ours("server.key"), ours("kept.key"));
  await copyFile(ours("fleet-ca.key"), ours("server.key"));
  await until("it says so", () => service.output().includes("HEARTH_TLS_KEY"));
  expect(await serialNumbersServed()).toEqual([before, before]);
  await copyFile(ours("kept.key"), ours("server.key"));
  expect((await runCa("server", "localhost", "127.0.0.1")).code).toBe(0);
  const wanted = await serialNumberIn("server.pem");
  expect(wanted).not.toBe(before);
  const isServed = async () => (await serialNumbersServed()).every((served) => served === wanted);
  await until("people and devices meet the new one", isServed);
  expect((await service.api("/api/v1/health")).status).toBe(200);
});

test("what signs for many years is never written over, and what cannot be made is said in a sentence", async () => {
  const before = await root();
  expect(await runCa("new")).toMatchObject({ code: 1, err: expect.stringContaining("root.pem is there already") });
  expect(await runCa("intermediate")).toMatchObject({
    code: 1,
    err: expect.stringContaining("fleet-ca.pem is there already"),
  });
  expect(await root()).toBe(before);
  await rename(ours("fleet-ca.pem"), join(folder, "fleet-ca.pem"));
  await rename(ours("fleet-ca.key"), join(folder, "fleet-ca.key"));
  expect(await runCa("intermediate")).toMatchObject({
    code: 1,
    err: expect.stringMatching(/root\.key cannot be read[^\n]+\.\n$/),
  });
  await rename(join(folder, "fleet-ca.pem"), ours("fleet-ca.pem"));
  await rename(join(folder, "fleet-ca.key"), ours("fleet-ca.key"));
  for (const args of [
    ["server"],
    ["server", "two words"],
    ["server", "a", "--days", "0"],
    ["server", "--dayz", "1"],
    [],
  ]) {
    const { code, out } = await runCa(...args);
    expect([code, out]).toEqual([1, ""]);
  }
});

test("production refuses a development CA that somebody copied, before it makes anything", async () => {
  const [developing, fresh] = [await newDataDir(), await newDataDir()];
  await developmentMaterial(developing, ["localhost"], Date.now());
  const copied = (name: string) => join(developing, "pki", name);
  const own = {
    HEARTH_TLS_CERT: copied("server.pem"),
    HEARTH_TLS_KEY: copied("server.pem"),
    HEARTH_FLEET_CA_CERT: copied("fleet-ca.pem"),
    HEARTH_FLEET_CA_KEY: copied("fleet-ca.key"),
  };
  const refused = await startServiceProcess({ dataDir: fresh, env: production(own) }).then(
    () => "it started",
    (error: Error) => error.message,
  );
  expect(refused).toMatch(/cannot start: HEARTH_TLS_CERT [^\n]+development CA[^\n]+\nHEARTH_FLEET_CA_CERT /);
  expect(await readdir(fresh)).toEqual([]);
  await removeDataDir(developing);
  await removeDataDir(fresh);
});

test("asked to end, it ends in order with TLS connections open", async () => {
  const socket = connect({ port: httpsPort(), host: "localhost", ca: await root() });
  await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => {}).resume();
  expect(await stopServiceProcess(service)).toBe(0);
  await closed;
});
