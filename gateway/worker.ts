/**
 * The gateway as a worker thread: its composition root. `workerData` is a `GatewayConfig` with a MessagePort `link`, transferred;
 * the parent hears `listening` or `failed` once, and then everything else goes over the link.
 */
import { randomUUID } from "node:crypto";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { destination, pino } from "pino";
import type { GatewayConfig, GatewayReport } from "#protocol/link/messages.ts";
import { Gateway } from "./gateway.ts";
import { portLink } from "./link.ts";
import { systemClock } from "./platform/clock.ts";

const report = (what: GatewayReport): void => parentPort?.postMessage(what);

const { link, ...config }: GatewayConfig & { link: MessagePort } = workerData;
const gateway = new Gateway({
  config,
  link: portLink(link),
  clock: systemClock,
  // Standard output belongs to the command that was started.
  logger: pino({ level: config.logLevel, base: null, name: "gateway" }, destination({ fd: 2, sync: true })),
  newId: randomUUID,
});

try {
  report({ kind: "listening", ports: await gateway.start() });
  await gateway.drained;
} catch (error) {
  const { message } = error instanceof Error ? error : new Error(String(error));
  const code = error instanceof Error && "code" in error ? String(error.code) : "failed";
  const port = error instanceof Error && "port" in error && typeof error.port === "number" ? error.port : null;
  report({ kind: "failed", code, message, port });
}
await gateway.stop();
// The last thing that keeps the thread: it ends by itself, with its stores closed.
link.close();
