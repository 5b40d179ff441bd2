/**
 * Appliances that speak at a steady rate, in a process of their own: so many readings a second over all of them, whoever is behind. Each
 * carries the moment at which it was written to its socket.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
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

class SteadyLoad {
  readonly #load: LiveLoad;
  readonly #connections: Connection[] = [];
  #sent = 0;
  #acked = 0;

  constructor(load: LiveLoad) {
    this.#load = load;
  }

  async run(): Promise<LiveLoadResult> {
    for (const device of this.#load.devices) this.#connections.push(await this.#open(device));
    const startedAtMs = Date.now();
    while (this.#sendDue(Date.now() - startedAtMs)) await sleep(beatMs);
    const endedAtMs = Date.now();
    while (this.#acked < this.#sent && Date.now() - endedAtMs < ackMsMax) await sleep(beatMs);
    for (const { socket } of this.#connections) socket.destroy();
    return { sent: this.#sent, acked: this.#acked, startedAtMs, endedAtMs };
  }

  async #open(device: BenchDevice): Promise<Connection> {
    const socket = connect({ port: this.#load.port, host: "127.0.0.1", noDelay: true });
    const counter = new AckCounter();
    socket.on("data", (piece: Buffer) => {
      const acks = counter.feed(piece);
      if (acks < 0) socket.destroy(new Error(`${device.id} was refused`));
      this.#acked += Math.max(0, acks);
    });
    await once(socket, "connect");
    socket.write(connectFrame(device.id, device.id, device.token));
    await once(socket, "data");
    return { socket, frame: new ReadingFrame(device.id), sent: 0, lastAtMs: 0 };
  }

  /** Sends what should have been sent by now, in turn. @returns whether there is more to come */
  #sendDue(elapsedMs: number): boolean {
    const { readingsPerSecond, durationMs } = this.#load;
    const due = Math.floor((Math.min(elapsedMs, durationMs) * readingsPerSecond) / 1_000);
    for (; this.#sent < due; this.#sent += 1) {
      const connection = this.#connections[this.#sent % this.#connections.length];
      if (connection !== undefined) publish(connection);
    }
    return elapsedMs < durationMs;
  }
}

/** A reading's identity is its moment: two of one appliance within a millisecond would be one. */
function publish(connection: Connection): void {
  connection.lastAtMs = Math.max(Date.now(), connection.lastAtMs + 1);
  connection.sent += 1;
  connection.socket.write(Buffer.from(connection.frame.at((connection.sent % 65_535) + 1, connection.lastAtMs)));
}

answerParent((load: LiveLoad) => new SteadyLoad(load).run());
