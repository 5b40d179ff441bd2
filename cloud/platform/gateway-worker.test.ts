import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessagePort } from "node:worker_threads";
import { afterAll, expect, test } from "vitest";
import { gatewayLimits } from "#protocol/link/limits.ts";
import type { TlsMaterial } from "#protocol/link/messages.ts";
import { until } from "../../test/support/service-process.ts";
import { issueServer, newIntermediate, newKey, newRoot } from "../pki/pki.ts";
import { GatewayWorker } from "./gateway-worker.ts";
import { createLogger } from "./logger.ts";

let spoolDir = "";
let worker: GatewayWorker | null = null;
afterAll(async () => {
  await worker?.stop();
  await rm(spoolDir, { recursive: true, force: true });
});

const opens = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("close", () => socket.destroy());
  });

const term = { nowMs: Date.now(), validMs: 86_400_000 };

/** Of a server by this name. */
async function materialFor(name: string): Promise<TlsMaterial> {
  const root = await newRoot({ commonName: "Root", organisation: "Test" }, term);
  const fleet = await newIntermediate(root, { commonName: "Fleet CA", organisation: "Test" }, term);
  const { privateKey, publicKey } = newKey();
  const { certificate } = await issueServer(root, { names: [name], publicKey, ...term });
  return { cert: certificate, key: privateKey, clientCa: fleet.certificate };
}

/** Common name of the certificate that a port meets its clients with, or null. */
const serverOn = (port: number) =>
  new Promise<string | null>((resolve) => {
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.subject ?? null);
      socket.destroy();
    });
    socket.once("error", () => resolve(null));
  });

test("a gateway that died comes back on the ports that the system chose for it, with renewed certificates", async () => {
  spoolDir = await mkdtemp(join(tmpdir(), "hearth-worker-"));
  const links: MessagePort[] = [];
  const gone: string[] = [];
  worker = new GatewayWorker({
    config: {
      gatewayId: randomUUID(),
      mqtt: { host: "127.0.0.1", port: 0 },
      mqtts: { host: "127.0.0.1", port: 0, tls: await materialFor("old.test") },
      spoolDir,
      spoolBytesMax: 16_777_216,
      logLevel: "silent",
      limits: gatewayLimits,
    },
    logger: createLogger("silent"),
    onLink(port) {
      links.push(port);
      port.on("message", () => {});
      port.postMessage({ kind: "feeds", version: 1, items: [] });
    },
    onGone: (reason) => gone.push(reason),
  });
  await worker.start();
  const port = worker.ports?.mqtt ?? 0;
  const tlsPort = worker.ports?.mqtts ?? 0;
  expect(await opens(port)).toBe(true);
  expect(await serverOn(tlsPort)).toBe("CN=old.test");
  worker.useTls(await materialFor("new.test"));
  // No message at all: a bug that ends the thread.
  links[0]?.postMessage(null);
  await until("a second link", () => links.length === 2);
  await until("the same port listens again", () => opens(port));
  await until("the other, with what was renewed", async () => (await serverOn(tlsPort)) === "CN=new.test");
  expect(worker.ports).toEqual({ mqtt: port, mqtts: tlsPort });
  expect(gone).toEqual([]);
});
