import { type ConnectionOptions, type TLSSocket } from "node:tls";
import { afterEach, beforeAll, expect, test } from "vitest";
import type { Presence } from "#protocol/link/messages.ts";
import { systemClock } from "./platform/clock.ts";
import { type House, type HouseOptions, closeHouses, openHouse as openAnyHouse } from "./testing/house.ts";
import { type ConnectOptions, RawDevice } from "./testing/raw-device.ts";
import { type DeviceCertificateOptions, TestCa, type TestCertificate } from "./testing/test-ca.ts";
import { until } from "./testing/until.ts";

afterEach(closeHouses);

/** One that tells often how it is. */
const openHouse = (options: HouseOptions = {}): Promise<House> =>
  openAnyHouse({ ...options, bounds: { statusMs: 50, ...options.bounds } });

let ca: TestCa;
let oven: TestCertificate;
beforeAll(async () => {
  ca = await TestCa.make();
  oven = await ca.device("oven-1");
});

/** What a device sends that has no token. */
const noToken: ConnectOptions = { username: null };

interface Login extends ConnectOptions {
  tls?: ConnectionOptions;
}

/** Connects with a certificate, and waits for what comes of it. */
async function login(
  { tlsPort }: House,
  certificate: TestCertificate,
  clientId: string,
  { tls, ...options }: Login = {},
): Promise<RawDevice & { socket: TLSSocket }> {
  const { cert, key } = certificate;
  const device = await RawDevice.openTls(tlsPort, { ca: ca.serverCa, cert, key, ...tls });
  device.connect(clientId, { ...noToken, ...options });
  await until(() => device.closed || device.all("connack").length > 0, "an answer");
  return device;
}

const codeOf = (device: RawDevice): number | undefined => device.all("connack")[0]?.returnCode;
const counted = (house: House, name: string, count = 1) =>
  house.cloud.waitStatus(({ counters }) => counters[name] === count);
const presenceOf = (records: { payload: Uint8Array }[]): Presence[] =>
  records.map(({ payload }) => JSON.parse(Buffer.from(payload).toString()));

test("a device comes in by its certificate alone, under its own id", async () => {
  const house = await openHouse({ ca });
  expect(codeOf(await login(house, oven, "oven-1"))).toBe(0);
  const [came] = presenceOf(await house.cloud.waitRecords(1, "presence"));
  expect(came).toMatchObject({ via: "tls", login: "certificate" });
  expect(codeOf(await login(house, oven, "oven-1", { username: "oven-1", password: "anything" }))).toBe(0);
});

test("with another's client id a certificate is refused, and that other stays connected", async () => {
  const house = await openHouse({ ca });
  const other = await login(house, await ca.device("oven-2"), "oven-2");
  expect(codeOf(await login(house, oven, "oven-2"))).toBe(2);
  expect(codeOf(await login(house, oven, ""))).toBe(2);
  expect(codeOf(await login(house, oven, "oven-1", { username: "oven-2" }))).toBe(5);
  expect(codeOf(await login(house, oven, "oven-2", { username: "oven-2", password: "token of oven-2" }))).toBe(5);
  other.send({ cmd: "pingreq" });
  await other.wait("pingresp");
  expect(other.closed).toBe(false);
});

test("a device that is blocked or unknown does not come in by its certificate", async () => {
  const house = await openHouse({ ca });
  house.cloud.devices.set("oven-1", null);
  expect(codeOf(await login(house, oven, "oven-1"))).toBe(5);
});

const dayMs = 86_400_000;
const badCertificates: [why: string, DeviceCertificateOptions, name?: string][] = [
  ["foreign", { by: "root" }],
  ["foreign", { by: "itself" }],
  ["expired", { validFromMs: Date.now() - 2 * dayMs, validToMs: Date.now() - dayMs }],
  ["not_yet_valid", { validFromMs: Date.now() + dayMs, validToMs: Date.now() + 2 * dayMs }],
  ["unfit", { usage: "serverAuth" }],
  ["unfit", {}, "not/an/id"],
  ["unfit", {}, "oven-1,CN=oven-2"],
  ["unfit", {}, "oven-1+CN=oven-2"],
  ["unfit", {}, ""],
];

test("a bad certificate lets nobody in, also beside a good token, and which kind of bad is told in counters alone", async () => {
  const house = await openHouse({ ca });
  const withToken = { username: "oven-1", password: "token of oven-1" };
  for (const [, made, name = "oven-1"] of badCertificates) {
    const bad = await ca.device(name, made);
    for (const options of [noToken, withToken]) {
      const device = await login(house, bad, "oven-1", options);
      expect(device.received).toMatchObject([{ cmd: "connack", returnCode: 5 }]);
    }
  }
  const { counters } = await counted(house, "refused_not_authorized", 2 * badCertificates.length);
  for (const why of ["foreign", "expired", "not_yet_valid", "unfit"]) {
    const wanted = 2 * badCertificates.filter(([kind]) => kind === why).length;
    expect([why, counters[`refused_certificate_${why}`]]).toEqual([why, wanted]);
  }
  expect(house.cloud.of("who")).toEqual([]);
});

test("a signature is remembered, a validity is not: a certificate that expires meanwhile lets nobody in", async () => {
  let aheadMs = 0;
  const house = await openHouse({ ca, clock: { ...systemClock, nowMs: () => Date.now() + aheadMs } });
  expect(codeOf(await login(house, oven, "oven-1"))).toBe(0);
  aheadMs = 2 * dayMs;
  expect(codeOf(await login(house, oven, "oven-1"))).toBe(5);
  await counted(house, "refused_certificate_expired");
});

test("a known device comes in by its certificate while the cloud is away, an unknown one is told to come back", async () => {
  const house = await openHouse({ ca, bounds: { askTimeoutMs: 1_000 } });
  expect(codeOf(await login(house, oven, "oven-1"))).toBe(0);
  house.cloud.silent = true;
  expect(codeOf(await login(house, oven, "oven-1"))).toBe(0);
  expect(codeOf(await login(house, await ca.device("oven-2"), "oven-2"))).toBe(3);
});

test("the certificates of a fleet CA that was replaced let nobody in any more", async () => {
  const house = await openHouse({ ca });
  expect(codeOf(await login(house, oven, "oven-1"))).toBe(0);
  const next = await TestCa.make("Next");
  house.cloud.say({ kind: "tls", material: { ...ca.material, clientCa: next.material.clientCa } });
  await house.cloud.heard();
  expect(codeOf(await login(house, oven, "oven-1"))).toBe(5);
  const both = ca.material.clientCa + next.material.clientCa;
  house.cloud.say({ kind: "tls", material: { ...ca.material, clientCa: both } });
  await house.cloud.heard();
  expect(codeOf(await login(house, oven, "oven-1"))).toBe(0);
  expect(codeOf(await login(house, await next.device("oven-2"), "oven-2"))).toBe(0);
});

test("a certificate that is denied ends the connection that uses it at once, its session with it, and its will stays unsaid", async () => {
  const house = await openHouse({ ca });
  const { cloud } = house;
  const will = { topic: "hearth/v1/devices/oven-1/events", payload: "will" };
  const device = await login(house, oven, "oven-1", { clean: false, will });
  device.subscribe(1, "hearth/v1/content/oven-x200/de/recipes");
  await device.wait("suback");
  const neighbour = await login(house, await ca.device("oven-2"), "oven-2");
  cloud.say({ kind: "revoked", fingerprints: [oven.fingerprint], whole: false });
  await device.waitClosed();
  const presence = presenceOf(await cloud.waitRecords(3, "presence"));
  expect(presence[2]).toMatchObject({ state: "disconnected", reason: "revoked" });
  expect(cloud.records.filter(({ channel }) => channel === "events")).toEqual([]);
  const renewed = await login(house, await ca.device("oven-1"), "oven-1", { clean: false });
  expect(renewed.all("connack")[0]).toMatchObject({ returnCode: 0, sessionPresent: false });
  expect(neighbour.closed).toBe(false);
});

test("a certificate that is denied while the cloud is asked about its device lets nobody in", async () => {
  const house = await openHouse({ ca });
  const { cloud } = house;
  cloud.silent = true;
  const device = await RawDevice.openTls(house.tlsPort, { ca: ca.serverCa, cert: oven.cert, key: oven.key });
  device.connect("oven-1", noToken);
  await cloud.wait("who");
  cloud.say({ kind: "revoked", fingerprints: [oven.fingerprint], whole: false });
  await device.waitClosed();
  expect(device.received).toEqual([]);
});

test.each(["TLSv1.2", "TLSv1.3"] as const)(
  "with %s a denied certificate is cut off after the handshake, also where a session from before is resumed",
  async (maxVersion) => {
    const house = await openHouse({ ca });
    const first = await login(house, oven, "oven-1", { tls: { maxVersion } });
    const session = await until(() => first.socket.getSession(), "a session");
    const again = await login(house, oven, "oven-1", { tls: { maxVersion, session } });
    expect([again.socket.isSessionReused(), codeOf(again)]).toEqual([true, 0]);
    house.cloud.say({ kind: "revoked", fingerprints: [oven.fingerprint.toUpperCase()], whole: false });
    await again.waitClosed();
    const shown = { ca: ca.serverCa, cert: oven.cert, key: oven.key, maxVersion };
    const resumed = await RawDevice.openTls(house.tlsPort, { ...shown, session });
    expect(resumed.socket.isSessionReused()).toBe(true);
    await resumed.waitClosed();
    expect(resumed.received).toEqual([]);
    // With TLS 1.2 the server has the last word of a whole handshake, and does not even say that.
    const fresh = await RawDevice.openTls(house.tlsPort, shown).catch(() => null);
    await fresh?.waitClosed();
    expect(fresh?.received ?? []).toEqual([]);
    await counted(house, "refused_certificate_denied", 2);
  },
);

test("the deny-list holds over a restart without the cloud", async () => {
  const first = await openHouse({ ca });
  expect(codeOf(await login(first, oven, "oven-1"))).toBe(0);
  const other = await ca.device("oven-2");
  expect(codeOf(await login(first, other, "oven-2"))).toBe(0);
  first.cloud.say({ kind: "revoked", fingerprints: [oven.fingerprint], whole: false });
  await first.cloud.waitRecords(3, "presence");
  await first.stop();
  const second = await openHouse({ ca, dir: first.dir, bounds: { askTimeoutMs: 50 } });
  second.cloud.silent = true;
  expect(codeOf(await login(second, oven, "oven-1"))).toBeUndefined();
  await counted(second, "refused_certificate_denied");
  expect(codeOf(await login(second, other, "oven-2"))).toBe(0);
});

test("a whole deny-list takes the place of the one before, and its bound is kept", async () => {
  const house = await openHouse({ ca, bounds: { deniedMax: 2 } });
  const { cloud } = house;
  const [two, three] = [await ca.device("oven-2"), await ca.device("oven-3")];
  cloud.say({ kind: "revoked", fingerprints: [oven.fingerprint], whole: false });
  cloud.say({ kind: "revoked", fingerprints: ["no fingerprint", two.fingerprint], whole: true });
  expect(codeOf(await login(house, oven, "oven-1"))).toBe(0);
  expect(codeOf(await login(house, two, "oven-2"))).toBeUndefined();
  cloud.say({ kind: "revoked", fingerprints: [oven.fingerprint, three.fingerprint], whole: false });
  expect(codeOf(await login(house, three, "oven-3"))).toBe(0);
  expect(codeOf(await login(house, oven, "oven-1"))).toBeUndefined();
});
