/**
 * A gateway as a worker in a process of its own, with a cloud that lets everybody in and commits everything. Prints its port, and
 * drains when its standard input ends.
 */
import { MessageChannel, Worker } from "node:worker_threads";
import { gatewayLimits } from "#protocol/link/limits.ts";
import type { GatewayConfig, GatewayReport } from "#protocol/link/messages.ts";
import { PlayedCloud } from "./house.ts";

const { port1, port2 } = new MessageChannel();
const cloud = new PlayedCloud();
cloud.attach(port1);
cloud.say({ kind: "feeds", version: 1, items: [] });
const config: GatewayConfig = {
  gatewayId: "gateway-1",
  mqtt: { host: "127.0.0.1", port: 0 },
  mqtts: null,
  spoolDir: process.argv[2] ?? "",
  spoolBytesMax: 67_108_864,
  logLevel: "warn",
  limits: gatewayLimits,
};
const worker = new Worker(new URL("../worker.ts", import.meta.url), {
  workerData: { ...config, link: port2 },
  transferList: [port2],
});
worker.on("message", (report: GatewayReport) => {
  process.stdout.write(`${report.kind === "listening" ? report.ports.mqtt : report.message}\n`);
});
// It ends with its standard input: a signal would reach a tracer around it and not this process.
process.stdin.on("end", () => cloud.say({ kind: "drain" })).resume();
// Drained, the worker ends by itself once its link is closed, and nothing keeps this process.
await cloud.waitDrained();
cloud.close();
