import {
  createHash,
  createPublicKey,
  ECDH,
  generateKeyPairSync,
  type KeyObject,
  sign,
  X509Certificate,
} from "node:crypto";
import type { AddressInfo, Server } from "node:net";
import { connect, createServer, type TLSSocket } from "node:tls";
import { afterEach, beforeAll, expect, test } from "vitest";
import {
  type Authority,
  fingerprintOf,
  issueDevice,
  issueServer,
  newIntermediate,
  newKey,
  newRoot,
  readCsr,
  signCrl,
} from "./pki.ts";
import { newCsr } from "./testing/csr.ts";

const nowMs = Date.now();
const yearMs = 365 * 86_400_000;
const organisation = "Oven makers";
let root: Authority;
let fleet: Authority;
beforeAll(async () => {
  root = await newRoot({ commonName: "Root", organisation }, { nowMs, validMs: 20 * yearMs });
  fleet = await newIntermediate(root, { commonName: "Fleet", organisation }, { nowMs, validMs: 10 * yearMs });
});

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const pem = (bytes: Uint8Array, label = "CERTIFICATE REQUEST") =>
  `-----BEGIN ${label}-----\n${Buffer.from(bytes).toString("base64")}\n-----END ${label}-----\n`;
const spki = (key: KeyObject) => key.export({ type: "spki", format: "der" });
const device = (deviceId: string, validMs = yearMs, by = fleet) =>
  issueDevice(by, { deviceId, publicKey: newKey().publicKey, nowMs, validMs });

/** What OpenSSL says of a client's certificate: null where it is good. */
async function verdict(client: { cert: string; key: string }, options: { ca: string[]; crl?: (string | Buffer)[] }) {
  const { privateKey, publicKey } = newKey();
  const { certificate } = await issueServer(fleet, { names: ["localhost"], publicKey, nowMs, validMs: yearMs });
  const server = createServer({
    ...options,
    cert: certificate + fleet.certificate,
    key: privateKey,
    requestCert: true,
    rejectUnauthorized: false,
  });
  servers.push(server);
  const seen = new Promise<string | null>((resolve) => {
    server.once("secureConnection", (socket: TLSSocket) => {
      resolve(socket.authorized ? null : String(socket.authorizationError));
      socket.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = addressOf(server).port;
  const socket = connect({ port, host: "127.0.0.1", servername: "localhost", ca: root.certificate, ...client });
  await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
  socket.resume();
  return seen;
}

function addressOf(server: Server): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("it does not listen");
  return address;
}

test("a client that trusts the root alone believes a server's certificate, by name and by address", async () => {
  const { privateKey, publicKey } = newKey();
  const names = ["hearth.example", "127.0.0.1", "::1"] as const;
  const { certificate } = await issueServer(fleet, { names: [...names], publicKey, nowMs, validMs: yearMs });
  const server = createServer({ cert: certificate + fleet.certificate, key: privateKey });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const handshake = (options: { servername: string } | { host: string }) =>
    new Promise<string>((resolve) => {
      const socket = connect({ port: addressOf(server).port, ca: root.certificate, ...options });
      socket
        .once("secureConnect", () => resolve("believed"))
        .once("error", ({ code }: NodeJS.ErrnoException) => {
          resolve(String(code));
        });
      socket.once("close", () => {}).once("secureConnect", () => socket.destroy());
    });
  expect(await handshake({ servername: "hearth.example" })).toBe("believed");
  expect(await handshake({ host: "127.0.0.1" })).toBe("believed");
  expect(await handshake({ servername: "elsewhere.example" })).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
  const read = new X509Certificate(certificate);
  for (const address of ["127.0.0.1", "::1"]) expect(read.checkIP(address)).toBe(address);
  expect(read.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
});

test("authorities are authorities, leaves are not, and each names its issuer's key", async () => {
  const leaf = new X509Certificate((await device("oven-1")).certificate);
  const [upper, lower] = [new X509Certificate(root.certificate), new X509Certificate(fleet.certificate)];
  expect([upper.ca, lower.ca, leaf.ca]).toEqual([true, true, false]);
  expect(upper.verify(upper.publicKey)).toBe(true);
  // `checkIssued` compares names, key identifiers and key usage.
  expect(lower.checkIssued(upper) && lower.verify(upper.publicKey)).toBe(true);
  expect(leaf.checkIssued(lower) && leaf.verify(lower.publicKey)).toBe(true);
  expect(leaf.checkIssued(upper)).toBe(false);
});

test("a device's certificate has its id as CN, proves a client alone, and has a serial number that nobody can foresee", async () => {
  const before = nowMs - 60_000;
  const issued = await Promise.all(Array.from({ length: 50 }, () => device("oven-1")));
  const read = issued.map(({ certificate }) => new X509Certificate(certificate));
  expect(new Set(read.map(({ subject }) => subject))).toEqual(new Set(["CN=oven-1"]));
  expect(read[0]?.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
  expect(new Set(issued.map(({ serialNumber }) => serialNumber)).size).toBe(50);
  expect(Math.max(...issued.map(({ serialNumber }) => serialNumber.length))).toBe(32);
  for (const [at, { certificate, fingerprint, notBeforeMs, notAfterMs, serialNumber }] of issued.entries()) {
    const known = read[at];
    expect(known?.serialNumber.toLowerCase()).toBe(serialNumber);
    expect(known?.validFromDate.getTime()).toBe(notBeforeMs);
    expect(known?.validToDate.getTime()).toBe(notAfterMs);
    expect(notBeforeMs).toBeLessThan(before);
    expect(fingerprint).toBe(known?.fingerprint256.replaceAll(":", "").toLowerCase());
    expect(fingerprintOf(certificate)).toBe(fingerprint);
  }
});

test("OpenSSL lets in a device's certificate of this fleet, and no server's and no other fleet's", async () => {
  const { privateKey: key, publicKey } = newKey();
  const ca = [fleet.certificate, root.certificate];
  const term = { publicKey, nowMs, validMs: yearMs };
  const good = await issueDevice(fleet, { deviceId: "oven-1", ...term });
  expect(await verdict({ cert: good.certificate, key }, { ca })).toBeNull();
  const server = await issueServer(fleet, { names: ["oven-1"], ...term });
  expect(await verdict({ cert: server.certificate, key }, { ca })).toBe("INVALID_PURPOSE");
  const otherRoot = await newRoot({ commonName: "Root", organisation }, { nowMs, validMs: yearMs });
  const other = await newIntermediate(otherRoot, { commonName: "Fleet", organisation }, { nowMs, validMs: yearMs });
  const foreign = await issueDevice(other, { deviceId: "oven-1", ...term });
  expect(await verdict({ cert: foreign.certificate, key }, { ca })).not.toBeNull();
});

test("the fleet CA makes no further authorities: what one below it signed is not believed", async () => {
  const below = await newIntermediate(fleet, { commonName: "Below", organisation }, { nowMs, validMs: yearMs });
  const { privateKey: key, publicKey } = newKey();
  const leaf = await issueDevice(below, { deviceId: "oven-1", publicKey, nowMs, validMs: yearMs });
  const ca = [fleet.certificate, root.certificate];
  expect(await verdict({ cert: leaf.certificate + below.certificate, key }, { ca })).toBe("PATH_LENGTH_EXCEEDED");
});

test("a certificate ends with its authority at the latest, and may end after 2049", async () => {
  const short = await device("oven-1", 100 * yearMs);
  expect(short.notAfterMs).toBe(new X509Certificate(fleet.certificate).validToDate.getTime());
  const lasting = await newRoot({ commonName: "Root", organisation }, { nowMs, validMs: 40 * yearMs });
  const late = await device("oven-1", 30 * yearMs, lasting);
  expect(new X509Certificate(late.certificate).validToDate.getTime()).toBe(late.notAfterMs);
  expect(late.notAfterMs).toBeGreaterThan(Date.UTC(2050));
});

test.each([
  ["P-256", () => generateKeyPairSync("ec", { namedCurve: "P-256" })],
  ["P-384", () => generateKeyPairSync("ec", { namedCurve: "P-384" })],
  ["Ed25519", () => generateKeyPairSync("ed25519")],
  ["RSA 2048", () => generateKeyPairSync("rsa", { modulusLength: 2_048 })],
])("a request with a %s key is read, and only its key counts", async (_name, generate) => {
  const keys = generate();
  const csr = await newCsr(keys, { subject: "somebody-else" });
  const publicKey = spki(keys.publicKey);
  const publicKeySha256 = createHash("sha256").update(publicKey).digest("hex");
  expect(await readCsr(csr)).toEqual({ kind: "read", publicKey, publicKeySha256 });
  const { certificate } = await issueDevice(fleet, { deviceId: "oven-1", publicKey, nowMs, validMs: yearMs });
  const read = new X509Certificate(certificate);
  expect(read.subject).toBe("CN=oven-1");
  expect(read.checkPrivateKey(keys.privateKey)).toBe(true);
});

test("a key written with a compressed point is the same key: no revoked one comes back in other clothes", async () => {
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const whole = spki(keys.publicKey);
  const point = ECDH.convertKey(whole.subarray(-65), "prime256v1", undefined, undefined, "compressed");
  const compressed = Buffer.from("3039301306072a8648ce3d020106082a8648ce3d030107032200", "hex");
  const read = await readCsr(handmadeCsr(Buffer.concat([compressed, Buffer.from(point)]), keys.privateKey));
  expect(read).toEqual({
    kind: "read",
    publicKey: whole,
    publicKeySha256: createHash("sha256").update(whole).digest("hex"),
  });
  expect(await readCsr(handmadeCsr(whole, keys.privateKey))).toEqual(read);
});

/** SEQUENCE in DER, of less than 256 bytes. */
function sequence(...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(body.length < 0x80 ? [0x30, body.length] : [0x30, 0x81, body.length]), body]);
}

/** A request without a subject, its key in just these bytes, signed with P-256. */
function handmadeCsr(publicKey: Buffer, privateKey: KeyObject): string {
  const info = sequence(Buffer.from("0201003000", "hex"), publicKey, Buffer.from("a000", "hex"));
  const signature = sign("sha256", info, privateKey);
  const ecdsaSha256 = Buffer.from("300a06082a8648ce3d040302", "hex");
  return pem(sequence(info, ecdsaSha256, Buffer.from([3, signature.length + 1, 0]), signature));
}

test.each([
  ["RSA 1024", () => generateKeyPairSync("rsa", { modulusLength: 1_024 })],
  ["P-521", () => generateKeyPairSync("ec", { namedCurve: "P-521" })],
  ["RSA with exponent 3", () => generateKeyPairSync("rsa", { modulusLength: 2_048, publicExponent: 3 })],
])("a request with a %s key is refused by name", async (_name, generate) => {
  expect(await readCsr(await newCsr(generate()))).toMatchObject({ kind: "refused", rule: "csr_key_not_allowed" });
});

test("what is no honest request is refused and never thrown about", async () => {
  const csr = await newCsr(generateKeyPairSync("ec", { namedCurve: "P-256" }));
  const der = Buffer.from(csr.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
  expect(await readCsr(pem(der))).toMatchObject({ kind: "read" });
  const anothersKey = Buffer.from(der);
  const ownKey = createPublicKey({
    key: (await readOk(csr)).publicKey,
    format: "der",
    type: "spki",
  });
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  spki(publicKey).copy(anothersKey, der.indexOf(spki(ownKey)));
  const bad = [
    "",
    "hello",
    csr + csr,
    fleet.certificate,
    pem(anothersKey),
    pem(der.subarray(0, der.length - 20)),
    pem(Buffer.alloc(2_000, 0x30)),
    pem(Buffer.concat(Array.from({ length: 1_000 }, () => Buffer.from([0x30, 0x80])))),
    "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----",
    pem(Buffer.alloc(100_000)),
  ];
  for (let at = 0; at < der.length; at += 7) {
    const flipped = Buffer.from(der);
    flipped[at] = (flipped[at] ?? 0) ^ 0xff;
    bad.push(pem(flipped));
  }
  for (const text of bad)
    expect(await readCsr(text)).toMatchObject({ kind: "refused", rule: expect.stringMatching(/^csr_/) });
});

async function readOk(csr: string) {
  const read = await readCsr(csr);
  if (read.kind !== "read") throw new Error(read.detail);
  return read;
}

test("OpenSSL takes a signed list of revoked certificates, and turns away who is on it", async () => {
  const { privateKey: key, publicKey } = newKey();
  const issue = (deviceId: string) => issueDevice(fleet, { deviceId, publicKey, nowMs, validMs: yearMs });
  const [good, gone, stolen] = [await issue("oven-1"), await issue("oven-2"), await issue("oven-3")];
  const list = await signCrl(fleet, {
    number: 7,
    thisUpdateMs: nowMs - 1_000,
    nextUpdateMs: nowMs + 86_400_000,
    revoked: [
      { serialNumber: gone.serialNumber, revokedAtMs: nowMs - 5_000, reason: "unspecified" },
      { serialNumber: stolen.serialNumber, revokedAtMs: nowMs - 5_000, reason: "key_compromise" },
    ],
  });
  // Node reads lists in PEM; the root's own has to be there too, since every certificate of the way is looked up.
  const rootList = await signCrl(root, {
    number: 1,
    thisUpdateMs: nowMs - 1_000,
    nextUpdateMs: nowMs + 86_400_000,
    revoked: [],
  });
  const options = {
    ca: [fleet.certificate, root.certificate],
    crl: [pem(list, "X509 CRL"), pem(rootList, "X509 CRL")],
  };
  expect(await verdict({ cert: good.certificate, key }, options)).toBeNull();
  expect(await verdict({ cert: gone.certificate, key }, options)).toBe("CERT_REVOKED");
  expect(await verdict({ cert: stolen.certificate, key }, options)).toBe("CERT_REVOKED");
});

test("a list of twenty thousand certificates is signed in the time of a breath", async () => {
  const revoked = Array.from({ length: 20_000 }, (_, at) => ({
    serialNumber: (BigInt(at) + (1n << 127n)).toString(16),
    revokedAtMs: nowMs,
    reason: "superseded" as const,
  }));
  const list = await signCrl(fleet, { number: 1, thisUpdateMs: nowMs, nextUpdateMs: nowMs + 1_000, revoked });
  expect(list.length).toBeGreaterThan(800_000);
});
