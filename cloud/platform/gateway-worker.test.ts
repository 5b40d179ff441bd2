import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import type { MessagePort } from "node:worker_threads";
import { afterAll, expect, test } from "vitest";
import { gatewayLimits } from "#protocol/link/limits.ts";
import type { TlsMaterial } from "#protocol/link/messages.ts";
import { until } from "../../test/support/service-process.ts";
import { issueServer, newKey, newRoot } from "../pki/pki.ts";
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

/** The certificate that a device is met with. */
const served = (port: number) =>
  new Promise<string>((resolve, reject) => {
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.toString() ?? "");
      socket.destroy();
    });
    socket.once("error", reject);
  });

async function newMaterial(): Promise<TlsMaterial> {
  const term = { nowMs: Date.now(), validMs: 86_400_000 };
  const root = await newRoot({ commonName: "Root", organisation: "Oven makers" }, term);
  const { privateKey: key, publicKey } = newKey();
  const { certificate: cert } = await issueServer(root, { names: ["localhost"], publicKey, ...term });
  return { cert, key, clientCa: root.certificate };
}

test("a gateway that died comes back on the ports that the system chose for it, with the certificate of the day", async () => {
  spoolDir = await mkdtemp(join(tmpdir(), "hearth-worker-"));
  const [first, second] = [await newMaterial(), await newMaterial()];
  const links: MessagePort[] = [];
  const gone: string[] = [];
  worker = new GatewayWorker({
    config: {
      gatewayId: randomUUID(),
      mqtt: { host: "127.0.0.1", port: 0 },
      mqtts: { host: "127.0.0.1", port: 0, tls: first },
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
  const { mqtts: securePort } = worker.ports ?? {};
  expect(await opens(port)).toBe(true);
  expect(await served(securePort ?? 0)).toBe(first.cert);
  worker.useTls(second);
  // No message at all: a bug that ends the thread.
  links[0]?.postMessage(null);
  await until("a second link", () => links.length === 2, 10_000);
  await until("the same port listens again", () => opens(port), 10_000);
  await until("so does the other", () => opens(securePort ?? 0), 10_000);
  expect(worker.ports).toEqual({ mqtt: port, mqtts: securePort });
  expect(await served(securePort ?? 0)).toBe(second.cert);
  expect(gone).toEqual([]);
});
