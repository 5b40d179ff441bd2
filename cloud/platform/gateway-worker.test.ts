import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessagePort } from "node:worker_threads";
import { afterAll, expect, test } from "vitest";
import { gatewayLimits } from "#protocol/link/limits.ts";
import { until } from "../../test/support/service-process.ts";
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

test("a gateway that died comes back on the port that the system chose for it", async () => {
  spoolDir = await mkdtemp(join(tmpdir(), "hearth-worker-"));
  const links: MessagePort[] = [];
  const gone: string[] = [];
  worker = new GatewayWorker({
    config: {
      gatewayId: randomUUID(),
      mqtt: { host: "127.0.0.1", port: 0 },
      mqtts: null,
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
  expect(await opens(port)).toBe(true);
  // No message at all: a bug that ends the thread.
  links[0]?.postMessage(null);
  await until("a second link", () => links.length === 2, 10_000);
  await until("the same port listens again", () => opens(port), 10_000);
  expect(worker.ports?.mqtt).toBe(port);
  expect(gone).toEqual([]);
});
