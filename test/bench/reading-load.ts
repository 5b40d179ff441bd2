/**
 * The load, in a process of its own. Told by its parent what to send where; tells it how many PUBACKs came.
 *
 *   hot    every connection keeps `inFlight` readings on their way
 *   fleet  connections take turns, one reading each, `inFlight` on their way over all
 */
import { connect, type Socket } from "node:net";
import { AckCounter, connectFrame, ReadingFrame } from "../support/mqtt-bytes.ts";
import { answerParent } from "./load-process.ts";
import type { BenchDevice } from "./peer.ts";

export interface Load {
  port: number;
  shape: "hot" | "fleet";
  inFlight: number;
  durationMs: number;
  devices: readonly BenchDevice[];
}

export interface LoadResult {
  /** Readings sent, all of them acknowledged. */
  acked: number;
  startedAtMs: number;
  endedAtMs: number;
  /** For each device, in order: how many readings it sent, at `startedAtMs + n`. */
  sent: number[];
}

interface Connection {
  socket: Socket;
  frame: ReadingFrame;
  sent: number;
  inFlight: number;
}

/** How many connections are being made at once. */
const connectingMax = 200;

class ReadingLoad {
  readonly #load: Load;
  readonly #connections: Connection[] = [];
  #acked = 0;
  #inFlight = 0;
  #startedAtMs = 0;
  #stopping = false;
  #turn = 0;
  #onIdle: () => void = () => {};

  constructor(load: Load) {
    this.#load = load;
  }

  async run(): Promise<LoadResult> {
    const { devices, shape, inFlight, durationMs } = this.#load;
    const queue = [...devices.entries()];
    const worker = async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        this.#connections[next[0]] = await this.#open(next[1]);
      }
    };
    await Promise.all(Array.from({ length: connectingMax }, worker));
    this.#startedAtMs = Date.now();
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    setTimeout(() => {
      this.#stopping = true;
    }, durationMs);
    if (shape === "hot") for (const connection of this.#connections) this.#send(connection, inFlight);
    else this.#sendInTurn(Math.min(inFlight, this.#connections.length));
    await idle;
    const endedAtMs = Date.now();
    for (const { socket } of this.#connections) socket.removeAllListeners("close").destroy();
    const sent = this.#connections.map((connection) => connection.sent);
    return { acked: this.#acked, startedAtMs: this.#startedAtMs, endedAtMs, sent };
  }

  #open(device: BenchDevice): Promise<Connection> {
    const socket = connect({ port: this.#load.port, host: "127.0.0.1", noDelay: true });
    const counter = new AckCounter();
    const connection: Connection = { socket, frame: new ReadingFrame(device.id), sent: 0, inFlight: 0 };
    socket.once("connect", () => socket.write(connectFrame(device.id, device.id, device.token)));
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        reject(new Error(`${device.id} ${why}`));
        // After the connection stood, nobody waits for this promise any more, and a cut connection spoils the run.
        if (this.#startedAtMs > 0) throw new Error(`${device.id} ${why}`);
      };
      socket.once("error", (error) => fail(error.message));
      socket.once("close", () => fail("was cut off"));
      socket.on("data", (piece: Buffer) => {
        const acks = counter.feed(piece);
        if (acks < 0) fail("was refused");
        resolve(connection);
        if (acks > 0) this.#onAcks(connection, acks);
      });
    });
  }

  #onAcks(connection: Connection, acks: number): void {
    this.#acked += acks;
    this.#inFlight -= acks;
    connection.inFlight -= acks;
    if (!this.#stopping) {
      if (this.#load.shape === "hot") this.#send(connection, acks);
      else this.#sendInTurn(acks);
    } else if (this.#inFlight === 0) {
      this.#onIdle();
    }
  }

  #send(connection: Connection, count: number): void {
    connection.socket.cork();
    for (let i = 0; i < count; i += 1) {
      const bytes = connection.frame.at((connection.sent % 65_535) + 1, this.#startedAtMs + connection.sent);
      // The frame is written over for the next reading while this one may still wait in the socket, so it goes as a copy.
      connection.socket.write(Buffer.from(bytes));
      connection.sent += 1;
    }
    connection.socket.uncork();
    connection.inFlight += count;
    this.#inFlight += count;
  }

  /** One reading each for the next connections whose last one is acknowledged. */
  #sendInTurn(count: number): void {
    let left = count;
    for (let tried = 0; left > 0 && tried < this.#connections.length; tried += 1) {
      const connection = this.#connections[this.#turn];
      this.#turn = (this.#turn + 1) % this.#connections.length;
      if (connection === undefined || connection.inFlight > 0) continue;
      this.#send(connection, 1);
      left -= 1;
    }
  }
}

answerParent((load: Load) => new ReadingLoad(load).run());
