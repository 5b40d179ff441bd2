/**
 * Appliances that speak at a steady rate, in a process of their own: so many readings a second over all of them, whoever is behind. Each
 * carries the moment at which it was written to its socket.
 */
import { connect, type Socket } from "node:net";
import { AckCounter, connectFrame, ReadingFrame } from "../support/mqtt-bytes.ts";
import { answerParent } from "./load-process.ts";
import type { BenchDevice } from "./peer.ts";

export interface LiveLoad {
  port: number;
  devices: readonly BenchDevice[];
  readingsPerSecond: number;
  durationMs: number;
}

export interface LiveLoadResult {
  sent: number;
  acked: number;
  startedAtMs: number;
  endedAtMs: number;
}

interface Connection {
  socket: Socket;
  frame: ReadingFrame;
  sent: number;
  lastAtMs: number;
}

const beatMs = 5;
/** How long the last PUBACKs may take to come. */
const ackMsMax = 10_000;

async function run(load: LiveLoad): Promise<LiveLoadResult> {
  let acked = 0;
  const open = async (device: BenchDevice): Promise<Connection> => {
    const socket = connect({ port: load.port, host: "127.0.0.1", noDelay: true });
    const counter = new AckCounter();
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", () => socket.write(connectFrame(device.id, device.id, device.token)));
      socket.once("error", reject);
      socket.on("data", (piece: Buffer) => {
        const acks = counter.feed(piece);
        if (acks < 0) reject(new Error(`${device.id} was refused`));
        acked += Math.max(0, acks);
        resolve();
      });
    });
    return { socket, frame: new ReadingFrame(device.id), sent: 0, lastAtMs: 0 };
  };
  const connections: Connection[] = [];
  for (const device of load.devices) connections.push(await open(device));

  const startedAtMs = Date.now();
  let sent = 0;
  await new Promise<void>((resolve) => {
    const beat = setInterval(() => {
      const nowMs = Date.now();
      const dueMs = Math.min(nowMs - startedAtMs, load.durationMs);
      for (const due = Math.floor((dueMs * load.readingsPerSecond) / 1_000); sent < due; sent += 1) {
        const connection = connections[sent % connections.length];
        if (connection !== undefined) publish(connection);
      }
      if (dueMs < load.durationMs) return;
      clearInterval(beat);
      resolve();
    }, beatMs);
  });
  const endedAtMs = Date.now();
  while (acked < sent && Date.now() - endedAtMs < ackMsMax) await new Promise((resolve) => setTimeout(resolve, beatMs));
  for (const { socket } of connections) socket.destroy();
  return { sent, acked, startedAtMs, endedAtMs };
}

/** A reading's identity is its moment: two of one appliance within a millisecond would be one. */
function publish(connection: Connection): void {
  connection.lastAtMs = Math.max(Date.now(), connection.lastAtMs + 1);
  connection.sent += 1;
  connection.socket.write(Buffer.from(connection.frame.at((connection.sent % 65_535) + 1, connection.lastAtMs)));
}

answerParent(run);
