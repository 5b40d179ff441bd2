import { once } from "node:events";
import { request } from "node:https";
import { connect as connectTcp } from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type Authority, issueServer, newIntermediate, newKey, newRoot } from "../pki/pki.ts";
import { systemClock } from "../platform/clock.ts";
import { createLogger } from "../platform/logger.ts";
import { createHttp } from "./http.ts";
import { HttpsServer } from "./https.ts";
import { KeyGuard } from "./key-guard.ts";

const term = { nowMs: Date.now(), validMs: 86_400_000 };
let root: Authority;
let fleet: Authority;
beforeAll(async () => {
  root = await newRoot({ commonName: "Root", organisation: "Oven makers" }, term);
  fleet = await newIntermediate(root, { commonName: "Fleet", organisation: "Oven makers" }, term);
});

async function newMaterial() {
  const { privateKey: key, publicKey } = newKey();
  const { certificate, serialNumber } = await issueServer(fleet, { names: ["127.0.0.1"], publicKey, ...term });
  return { cert: certificate + fleet.certificate, key, serialNumber };
}

let app: FastifyInstance;
let server: HttpsServer;
let port = 0;
let first: Awaited<ReturnType<typeof newMaterial>>;
beforeEach(async () => {
  app = await createHttp({
    logger: createLogger("silent"),
    strictTransport: true,
    authenticate: async () => null,
    keyGuard: new KeyGuard({ clock: systemClock, note() {} }),
    routes(routed) {
      const open = { config: { permission: "open" as const } };
      routed.get("/hello", open, async ({ protocol, ip }) => ({ protocol, ip }));
      routed.post("/echo", open, async ({ body }) => body);
      routed.get("/stream", { ...open, sse: true }, async (_request, reply) => {
        reply.sse.keepAlive();
        await reply.sse.send({ data: "first" });
      });
    },
    problems: {},
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  first = await newMaterial();
  server = new HttpsServer(app, first);
  port = await server.listen({ host: "127.0.0.1", port: 0 });
});
afterEach(async () => {
  await server.close();
  await app.close();
});

/** One request over a connection of its own. */
function ask(path: string, { method = "GET", body = "" } = {}) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; headers: object; text: string }>();
  const headers = body === "" ? {} : { "content-type": "application/json" };
  const sent = request(
    { host: "127.0.0.1", port, path, method, headers, ca: root.certificate, agent: false },
    (reply) => {
      let text = "";
      reply.on("data", (piece: Buffer) => (text += piece.toString()));
      reply.once("end", () => resolve({ status: reply.statusCode ?? 0, headers: reply.headers, text }));
    },
  );
  sent.once("error", reject).end(body);
  return promise;
}

const handshake = (options: ConnectionOptions = {}): Promise<TLSSocket | string> =>
  new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, ca: root.certificate, ...options });
    socket.once("secureConnect", () => resolve(socket));
    socket.once("error", ({ code }: NodeJS.ErrnoException) => resolve(String(code)));
  });

test("the same application answers over TLS, to who believes the root alone", async () => {
  const { status, headers, text } = await ask("/hello");
  expect([status, JSON.parse(text)]).toEqual([200, { protocol: "https", ip: "127.0.0.1" }]);
  expect(headers).toMatchObject({ "x-content-type-options": "nosniff" });
  expect((await ask("/nowhere")).status).toBe(404);
  expect((await ask("/echo", { method: "POST", body: "x".repeat(1_100_000) })).status).toBe(413);
});

test("a browser is told to come over TLS only where it did, and only where TLS is all there is", async () => {
  expect((await ask("/hello")).headers).toMatchObject({ "strict-transport-security": "max-age=31536000" });
  const plain = await app.inject("/hello");
  expect(plain.headers).not.toHaveProperty("strict-transport-security");
});

test("TLS below 1.2 is refused, 1.2 and 1.3 are not", async () => {
  const old = { minVersion: "TLSv1", ciphers: "ALL:@SECLEVEL=0" } as const;
  for (const maxVersion of ["TLSv1", "TLSv1.1"] as const) {
    expect(await handshake({ ...old, maxVersion })).toBe("ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
  }
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const socket = await handshake({ minVersion: version, maxVersion: version });
    if (typeof socket === "string") throw new Error(socket);
    expect(socket.getProtocol()).toBe(version);
    socket.destroy();
  }
});

test("after a renewal who connects anew is met with the new certificate, still not below TLS 1.2, and who is connected stays", async () => {
  const before = await handshake();
  if (typeof before === "string") throw new Error(before);
  const second = await newMaterial();
  server.renew(second);
  const after = await handshake();
  if (typeof after === "string") throw new Error(after);
  expect(before.getPeerCertificate().serialNumber.toLowerCase()).toBe(first.serialNumber);
  expect(after.getPeerCertificate().serialNumber.toLowerCase()).toBe(second.serialNumber);
  const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" } as const;
  expect(await handshake(old)).toBe("ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
  before.write("GET /hello HTTP/1.1\r\nhost: a\r\n\r\n");
  expect(String((await once(before, "data"))[0])).toContain("200 OK");
  before.destroy();
  after.destroy();
});

test("a live stream works, and neither it nor an idle connection holds up the end", async () => {
  const idle = await handshake();
  const streaming = await handshake();
  const silent = connectTcp({ host: "127.0.0.1", port });
  await once(silent, "connect");
  if (typeof idle === "string" || typeof streaming === "string") throw new Error("no connection");
  for (const socket of [idle, streaming, silent]) socket.on("error", () => {});
  streaming.write("GET /stream HTTP/1.1\r\nhost: a\r\naccept: text/event-stream\r\n\r\n");
  let said = "";
  streaming.on("data", (piece: Buffer) => (said += piece.toString()));
  while (!said.includes("data: ")) await once(streaming, "data");
  expect(said).toMatch(/text\/event-stream[^]*data: "?first/);
  const cut = Promise.all([idle, streaming, silent].map((socket) => new Promise((done) => socket.once("close", done))));
  await server.close();
  idle.resume();
  silent.resume();
  await cut;
});

test("what is no TLS, and what is no HTTP inside it, closes that connection and no other", async () => {
  const plain = connectTcp({ host: "127.0.0.1", port });
  plain.write("GET / HTTP/1.1\r\n\r\n");
  plain.on("error", () => {}).resume();
  await once(plain, "close");
  const nonsense = await handshake();
  if (typeof nonsense === "string") throw new Error(nonsense);
  nonsense.write("\0\0\0\0 nonsense\r\n\r\n");
  expect(String((await once(nonsense, "data"))[0])).toContain("400 Bad Request");
  await once(nonsense, "close");
  const wordy = await handshake();
  if (typeof wordy === "string") throw new Error(wordy);
  wordy.on("error", () => {});
  wordy.write(`GET /hello HTTP/1.1\r\nhost: a\r\nx: ${"x".repeat(20_000)}\r\n\r\n`);
  expect(String((await once(wordy, "data"))[0])).toContain("431");
  expect((await ask("/hello")).status).toBe(200);
});
