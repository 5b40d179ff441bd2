import type { Duplex } from "node:stream";
import type { Aedes, Client } from "aedes";

/** Whose pipe it is. */
export interface PipeHost {
  /** The broker has something for the device: pieces of whole packets, in their order. */
  brokerSaid(pieces: readonly Buffer[]): void;
  /** The broker has read all that waited for it. */
  brokerRead(): void;
  /** The broker ends the connection. */
  brokerLeft(): void;
}

/** As much may wait for the broker as a stream would let wait. */
const waitingBytesMax = 65_536;
/** Up to here a packet's pieces are put together; a long payload stays the one that all its receivers share. */
const joinedBytesMax = 4_096;

/**
 * What the broker takes for a device's socket. aedes wants little of one: to be told when there is something to read, to write, and
 * to destroy it. A stream that does this costs each connection as much memory as its socket.
 *
 * - Of the events that are listened for, `readable` alone ever comes. The end is told by `Client.close`, as `close` would.
 * - `write` always says that there is room: nobody waits for a device that does not read, and what it leaves unread is bounded by
 *   its backlog. So there is no `drain`.
 * - `finished` of node:stream, which aedes calls, takes for a stream what has `on` and `write`.
 */
export class BrokerPipe {
  readonly host: PipeHost;
  /** Set by aedes. */
  client: Client | null = null;
  destroyed = false;
  #readable: (() => void) | null = null;
  #isTelling = false;
  #toBroker: Buffer[] = [];
  #toBrokerBytes = 0;
  #toDevice: Buffer[] = [];

  constructor(host: PipeHost) {
    this.host = host;
  }

  join(broker: Aedes): void {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it wants no more of a Duplex than is here
    broker.handle(this as unknown as Duplex);
  }

  /** @returns whether the broker can take more before it has read this */
  push(packet: Buffer): boolean {
    this.#toBroker.push(packet);
    this.#toBrokerBytes += packet.length;
    if (!this.#isTelling) process.nextTick(() => this.#tell());
    this.#isTelling = true;
    return this.#toBrokerBytes < waitingBytesMax;
  }

  /** The connection is gone: the broker is told in the next turn, and neither side hears anything more. */
  close(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#readable = null;
    this.#toBroker = [];
    this.#toDevice = [];
    process.nextTick(() => this.client?.close());
  }

  read(): Buffer | null {
    const packets = this.#toBroker;
    if (packets.length === 0) return null;
    this.#toBroker = [];
    this.#toBrokerBytes = 0;
    this.host.brokerRead();
    return packets.length === 1 ? (packets[0] ?? null) : Buffer.concat(packets);
  }

  /** A packet comes in many small pieces: what comes in one turn goes out at once. */
  write(piece: Buffer | string): true {
    if (this.destroyed) return true;
    const bytes = typeof piece === "string" ? Buffer.from(piece) : piece;
    if (this.#toDevice.push(bytes) === 1) process.nextTick(() => this.#flush());
    return true;
  }

  /** Called by the broker, also where `close` told it of the end. */
  destroy(): void {
    if (!this.destroyed) this.host.brokerLeft();
  }

  on(event: string, listener: () => void): this {
    if (event === "readable") this.#readable = listener;
    return this;
  }

  removeAllListeners(event: string): this {
    if (event === "readable") this.#readable = null;
    return this;
  }

  once(): this {
    return this;
  }

  removeListener(): this {
    return this;
  }

  setMaxListeners(): this {
    return this;
  }

  emit(): boolean {
    return false;
  }

  /** Also where it was told before and has not read: aedes then reads before it is done with what it read last. */
  #tell(): void {
    this.#isTelling = false;
    this.#readable?.();
  }

  #flush(): void {
    const pieces = this.#toDevice;
    if (pieces.length === 0) return;
    this.#toDevice = [];
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    this.host.brokerSaid(bytes <= joinedBytesMax ? [Buffer.concat(pieces, bytes)] : pieces);
  }
}
