/**
 * A fleet that connects, subscribes, and then hears what comes: raw MQTT over TCP or TLS, in a process of its own.
 *
 * A device is in once its SUBACK has come and grants everything. Over TLS it keeps its last session, and offers it the next time.
 */
import { connect as connectTcp, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls, createSecureContext } from "node:tls";
import { connectFrame, subscribeFrame } from "../support/mqtt-bytes.ts";
import { answerParent } from "./load-process.ts";
import type { BenchDevice } from "./peer.ts";

export type Question =
  | { kind: "fleet"; devices: readonly BenchDevice[]; filters: readonly string[] }
  | { kind: "connect"; port: number; tls: boolean }
  | { kind: "disconnect" }
  | { kind: "watch"; topicPrefix: string }
  | { kind: "await_watched" };

export interface Connected {
  /** From the first socket to the last SUBACK. */
  ms: number;
  /** Of this process in that time: near `ms`, and this process was the bottleneck. */
  cpuMs: number;
  /** TLS handshakes that took up the session of the connection before. */
  resumed: number;
}

export interface Heard {
  /** Epoch milliseconds with fractions. */
  firstAtMs: number;
  lastAtMs: number;
  cpuMs: number;
  /** Devices that got the message, and copies that they got of it. */
  devices: number;
  copies: number;
}

/** How many connections are being made at once. */
const connectingMax = 200;
/** Longer than any bench leaves a device alone. */
const keepaliveS = 1_800;
const deadlineMs = 120_000;

const nowMs = () => performance.timeOrigin + performance.now();
const cpuMsSoFar = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/** Shared, since each TLS context costs more than a handshake. Certificates are not what is measured. */
const secureContext = createSecureContext();

/** How long a second copy of a message may take to come. */
const afterwardsMs = 200;
const nothingHeard: Heard = { firstAtMs: 0, lastAtMs: 0, cpuMs: 0, devices: 0, copies: 0 };

const connack = 0x20;
const suback = 0x90;
const publishType = 3;

class Device {
  readonly #fleet: Fleet;
  readonly #hello: Buffer;
  readonly #subscribe: Buffer;
  #socket: Socket | null = null;
  #session: Buffer | undefined;
  #rest: Buffer | null = null;
  #isIn: (() => void) | null = null;
  copies = 0;

  constructor(fleet: Fleet, { id, token }: BenchDevice, filters: readonly string[]) {
    this.#fleet = fleet;
    this.#hello = connectFrame(id, id, token, keepaliveS);
    this.#subscribe = subscribeFrame(
      1,
      filters.map((filter) => filter.replace("{id}", id)),
    );
  }

  /** Resolves once it is in. */
  connect(port: number, tls: boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#isIn = resolve;
      this.#socket = tls ? this.#openTls(port) : this.#openTcp(port);
      this.#socket.on("data", (piece: Buffer) => this.#read(piece));
      this.#socket.once("error", (error) => this.#fleet.fail(error.message));
      this.#socket.once("close", () => {
        if (this.#socket !== null) this.#fleet.fail("was cut off");
      });
    });
  }

  /** Resolves once the socket is gone. */
  disconnect(): Promise<void> {
    const socket = this.#socket;
    this.#socket = null;
    return new Promise((resolve) => {
      if (socket === null) return resolve();
      socket.once("close", () => resolve());
      socket.destroy();
    });
  }

  #openTcp(port: number): Socket {
    const socket = connectTcp({ port, host: "127.0.0.1", noDelay: true });
    return socket.once("connect", () => socket.write(this.#hello));
  }

  #openTls(port: number): Socket {
    const session = this.#session;
    const socket = connectTls({
      port,
      host: "127.0.0.1",
      secureContext,
      rejectUnauthorized: false,
      ...(session && { session }),
    });
    socket.setNoDelay(true);
    socket.once("secureConnect", () => {
      if (socket.isSessionReused()) this.#fleet.resumed += 1;
      socket.write(this.#hello);
    });
    return socket.on("session", (ticket) => {
      this.#session = ticket;
    });
  }

  #read(piece: Buffer): void {
    const bytes = this.#rest === null ? piece : Buffer.concat([this.#rest, piece]);
    let at = 0;
    for (let end = packetEnd(bytes, at); end > 0; end = packetEnd(bytes, at)) {
      this.#packet(bytes, at, end);
      at = end;
    }
    this.#rest = at === bytes.length ? null : bytes.subarray(at);
  }

  #packet(bytes: Buffer, start: number, end: number): void {
    const first = bytes[start] ?? 0;
    if (first === connack) {
      if (bytes[start + 3] !== 0) this.#fleet.fail(`was refused with code ${bytes[start + 3]}`);
      this.#socket?.write(this.#subscribe);
    } else if (first === suback) {
      if (bytes.subarray(start + 4, end).includes(0x80)) this.#fleet.fail("was denied a filter");
      this.#isIn?.();
    } else if (first >> 4 === publishType) {
      this.#published(bytes, start, end, (first >> 1) & 3);
    }
  }

  #published(bytes: Buffer, start: number, end: number, qos: number): void {
    const bodyStart = start + 1 + lengthBytes(bytes, start);
    const topicEnd = bodyStart + 2 + bytes.readUInt16BE(bodyStart);
    if (qos === 1) this.#socket?.write(Buffer.from([0x40, 2, bytes[topicEnd] ?? 0, bytes[topicEnd + 1] ?? 0]));
    if (topicEnd > end) return this.#fleet.fail("was sent a malformed PUBLISH");
    const { watched } = this.#fleet;
    if (
      watched !== null &&
      bytes.compare(watched, 0, watched.length, bodyStart + 2, bodyStart + 2 + watched.length) === 0
    ) {
      this.copies += 1;
      this.#fleet.heard(this.copies);
    }
  }
}

class Fleet {
  readonly #devices: Device[];
  resumed = 0;
  watched: Buffer | null = null;
  #heard: Heard = nothingHeard;
  #cpuMsAtFirst = 0;
  #allHeard = Promise.withResolvers<void>();
  #failure = Promise.withResolvers<never>();

  constructor(devices: readonly BenchDevice[], filters: readonly string[]) {
    this.#devices = devices.map((device) => new Device(this, device, filters));
    // It may fail while nobody asks; then the next question hears of it.
    this.#failure.promise.catch(() => {});
  }

  /** Ends the run: with one device missing, its figures say nothing. */
  fail(why: string): void {
    this.#failure.reject(new Error(`a device ${why}`));
  }

  async connect(port: number, tls: boolean): Promise<Connected> {
    this.resumed = 0;
    const cpuMsBefore = cpuMsSoFar();
    const since = performance.now();
    await this.#withEach((device) => device.connect(port, tls));
    return { ms: performance.now() - since, cpuMs: cpuMsSoFar() - cpuMsBefore, resumed: this.resumed };
  }

  async disconnect(): Promise<void> {
    await this.#withEach((device) => device.disconnect());
  }

  watch(topicPrefix: string): void {
    for (const device of this.#devices) device.copies = 0;
    this.watched = Buffer.from(topicPrefix);
    this.#heard = nothingHeard;
    this.#allHeard = Promise.withResolvers<void>();
  }

  /** A device got its nth copy of what is watched for. */
  heard(copies: number): void {
    const atMs = nowMs();
    if (this.#heard.copies === 0) {
      this.#cpuMsAtFirst = cpuMsSoFar();
      this.#heard = { ...nothingHeard, firstAtMs: atMs };
    }
    this.#heard.copies += 1;
    if (copies > 1) return;
    this.#heard.devices += 1;
    if (this.#heard.devices < this.#devices.length) return;
    this.#heard.lastAtMs = atMs;
    this.#heard.cpuMs = cpuMsSoFar() - this.#cpuMsAtFirst;
    this.#allHeard.resolve();
  }

  /** Once every device has heard, and a copy too many has had time to come. */
  async awaitWatched(): Promise<Heard> {
    await this.#inTime(this.#allHeard.promise);
    await sleep(afterwardsMs);
    return this.#heard;
  }

  async #withEach(act: (device: Device) => Promise<void>): Promise<void> {
    const queue = this.#devices.values();
    const worker = async () => {
      for (const device of queue) await act(device);
    };
    await this.#inTime(Promise.all(Array.from({ length: connectingMax }, worker)));
  }

  async #inTime(work: Promise<unknown>): Promise<void> {
    const late = sleep(deadlineMs, undefined, { ref: false }).then(() => {
      throw new Error(`the load was not done in ${deadlineMs} ms`);
    });
    await Promise.race([work, late, this.#failure.promise]);
  }
}

/** Bytes of a packet's length field. */
function lengthBytes(bytes: Buffer, start: number): number {
  let count = 1;
  while ((bytes[start + count] ?? 0) > 0x7f) count += 1;
  return count;
}

/** Where the packet ends that begins at `start`, or 0 where it is not all there. */
function packetEnd(bytes: Buffer, start: number): number {
  let remaining = 0;
  for (let digit = 0; digit < 4; digit += 1) {
    const byte = bytes[start + 1 + digit];
    if (byte === undefined) return 0;
    remaining += (byte & 0x7f) * 128 ** digit;
    if (byte > 0x7f) continue;
    const end = start + 2 + digit + remaining;
    return end <= bytes.length ? end : 0;
  }
  return 0;
}

let fleet = new Fleet([], []);

async function answer(question: Question): Promise<object> {
  switch (question.kind) {
    case "fleet":
      fleet = new Fleet(question.devices, question.filters);
      return {};
    case "connect":
      return fleet.connect(question.port, question.tls);
    case "disconnect":
      await fleet.disconnect();
      return {};
    case "watch":
      fleet.watch(question.topicPrefix);
      return {};
    case "await_watched":
      return fleet.awaitWatched();
  }
}

answerParent(answer);
