import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connectFrame, publishFrame } from "./mqtt-bytes.ts";
import { until } from "./service-process.ts";

interface Message {
  topic: string;
  payload: string;
  tried: boolean;
}

/** In flight at once, as an appliance would. */
const windowMax = 20;
/** Without a PUBACK; beyond it nothing new is said, or a slow machine would have ever more to do. */
const openMax = 60;

/**
 * A device that gives up nothing: it sends every message again until its PUBACK comes, over as many connections as that takes.
 */
export class StubbornDevice {
  readonly id: string;
  /** Messages whose PUBACK came. */
  acked = 0;
  /** How often a connection was lost. */
  cuts = 0;
  readonly #token: string;
  readonly #port: () => number;
  readonly #waiting = new Map<number, Message>();
  #inFlight = new Set<number>();
  #packetId = 0;
  #socket: Socket | null = null;
  #stopped = false;

  constructor(id: string, token: string, port: () => number) {
    this.id = id;
    this.#token = token;
    this.#port = port;
  }

  /** Messages that have no PUBACK yet. */
  get open(): number {
    return this.#waiting.size;
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      await this.#connection();
      this.cuts += 1;
      await sleep(50 + (this.cuts % 7) * 20);
    }
  }

  send(channel: string, message: unknown): void {
    do this.#packetId = (this.#packetId % 65_535) + 1;
    while (this.#waiting.has(this.#packetId));
    const topic = `hearth/v1/devices/${this.id}/${channel}`;
    this.#waiting.set(this.#packetId, { topic, payload: JSON.stringify(message), tried: false });
    this.#pump();
  }

  stop(): void {
    this.#stopped = true;
    this.#socket?.destroy();
  }

  #connection(): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect({ port: this.#port(), host: "127.0.0.1", noDelay: true });
      let rest: Buffer = Buffer.alloc(0);
      socket.on("connect", () => socket.write(connectFrame(this.id, this.id, this.#token)));
      socket.on("data", (piece: Buffer) => {
        rest = this.#read(socket, Buffer.concat([rest, piece]));
      });
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#socket = null;
        this.#inFlight = new Set();
        resolve();
      });
    });
  }

  /** CONNACK and PUBACK, both with a one-byte length. Returns what is not whole yet. */
  #read(socket: Socket, bytes: Buffer): Buffer {
    let at = 0;
    while (at + 2 <= bytes.length && at + 2 + (bytes[at + 1] ?? 0) <= bytes.length) {
      const type = bytes[at];
      if (type === 0x20 && bytes[at + 3] === 0) this.#socket = socket;
      else if (type === 0x20) socket.destroy();
      if (type === 0x40 && this.#waiting.delete(bytes.readUInt16BE(at + 2))) {
        this.#inFlight.delete(bytes.readUInt16BE(at + 2));
        this.acked += 1;
      }
      at += 2 + (bytes[at + 1] ?? 0);
    }
    this.#pump();
    return bytes.subarray(at);
  }

  #pump(): void {
    if (this.#socket === null) return;
    for (const [packetId, message] of this.#waiting) {
      if (this.#inFlight.size >= windowMax) return;
      if (this.#inFlight.has(packetId)) continue;
      this.#inFlight.add(packetId);
      this.#socket.write(publishFrame(message.topic, packetId, message.payload, message.tried));
      message.tried = true;
    }
  }
}

/**
 * Has every device speak once a round, until it is stopped.
 *
 * @param say has one device send what it sends in a round, the first of which is 0
 */
export function speakInRounds(
  devices: readonly StubbornDevice[],
  pauseMs: number,
  say: (device: StubbornDevice, round: number) => void,
): { stop(): Promise<number> } {
  const state = { isOn: true };
  const speaking = (async () => {
    let round = 0;
    for (; state.isOn; round += 1) {
      for (const device of devices) say(device, round);
      do await sleep(pauseMs);
      while (state.isOn && devices.some(({ open }) => open > openMax));
    }
    return round;
  })();
  return {
    /** Resolves with the number of rounds. */
    stop() {
      state.isOn = false;
      return speaking;
    },
  };
}

/** Waits until each has a PUBACK for everything it said, and ends their connections. */
export async function finish(devices: readonly StubbornDevice[], runs: readonly Promise<void>[]): Promise<void> {
  await until("every message has its PUBACK", () => devices.every(({ open }) => open === 0));
  for (const device of devices) device.stop();
  await Promise.all(runs);
}

export const ackedBy = (devices: readonly StubbornDevice[]): number =>
  devices.reduce((sum, { acked }) => sum + acked, 0);
