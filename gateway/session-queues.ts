import type { AedesPublishPacket } from "aedes";
import type { GatewayLimits, LimitName } from "#protocol/link/limits.ts";
import type { LimitHits } from "./limit-hits.ts";

export type Queued = Omit<AedesPublishPacket, "messageId"> & { messageId: number | undefined };
/** A message, or once its PUBREC came the PUBREL that takes its place (clause 4.3.3). */
export type Outgoing = Queued | { cmd: "pubrel"; messageId: number; brokerId?: undefined; brokerCounter?: undefined };

type QueueLimits = Pick<
  GatewayLimits,
  "queuedPerSessionMax" | "queuedBytesPerSessionMax" | "queuedMax" | "queuedBytesMax"
>;

interface Queue {
  messages: Outgoing[];
  /** Of its payloads. */
  bytes: number;
}

/** What a queued message takes besides its payload. */
const overheadBytes = 300;

/** What waits for persistent sessions, or was sent to them and is not acknowledged: bounded for each and over all. */
export class SessionQueues {
  readonly #limits: QueueLimits;
  readonly #hits: LimitHits;
  readonly #queues = new Map<string, Queue>();
  /** Payloads are shared by all who wait for them: how many do, and its size. */
  readonly #payloads = new Map<string | Buffer, { holders: number; bytes: number }>();
  #count = 0;
  #bytes = 0;

  constructor(limits: QueueLimits, hits: LimitHits) {
    this.#limits = limits;
    this.#hits = hits;
  }

  get count(): number {
    return this.#count;
  }

  /** Of memory: a payload counts once, however many wait for it. */
  get bytes(): number {
    return this.#bytes;
  }

  of(clientId: string): readonly Outgoing[] {
    return this.#queues.get(clientId)?.messages ?? [];
  }

  /** @returns whether there was room */
  add(clientId: string, packet: Queued): boolean {
    const queue = this.#queues.get(clientId) ?? { messages: [], bytes: 0 };
    const shared = this.#payloads.get(packet.payload);
    const payloadBytes = shared?.bytes ?? Buffer.byteLength(packet.payload);
    const newBytes = overheadBytes + (shared === undefined ? payloadBytes : 0);
    const limit = this.#limitFor(queue, payloadBytes, newBytes);
    if (limit !== null) {
      this.#hits.hit(limit);
      return false;
    }
    if (shared === undefined) this.#payloads.set(packet.payload, { holders: 1, bytes: payloadBytes });
    else shared.holders += 1;
    queue.messages.push(packet);
    queue.bytes += payloadBytes;
    this.#queues.set(clientId, queue);
    this.#count += 1;
    this.#bytes += newBytes;
    return true;
  }

  /** The message that the broker knows by this name, so that it can be given its id. */
  find(clientId: string, { brokerId, brokerCounter }: Pick<Outgoing, "brokerId" | "brokerCounter">): Outgoing | null {
    const isIt = (one: Outgoing) => one.brokerId === brokerId && one.brokerCounter === brokerCounter;
    return this.of(clientId).find(isIt) ?? null;
  }

  /** PUBREC came: the PUBREL takes the message's place. */
  release(clientId: string, messageId: number): void {
    const queue = this.#queues.get(clientId);
    const at = queue?.messages.findIndex((one) => one.messageId === messageId) ?? -1;
    const released = queue?.messages[at];
    if (queue === undefined || released === undefined) return;
    this.#letGo(queue, released);
    queue.messages[at] = { cmd: "pubrel", messageId };
  }

  /** It is acknowledged. */
  remove(clientId: string, messageId: number): Outgoing | undefined {
    const queue = this.#queues.get(clientId);
    const at = queue?.messages.findIndex((one) => one.messageId === messageId) ?? -1;
    if (queue === undefined || at < 0) return undefined;
    const [removed] = queue.messages.splice(at, 1);
    if (removed !== undefined) this.#letGo(queue, removed);
    this.#count -= 1;
    this.#bytes -= overheadBytes;
    if (queue.messages.length === 0) this.#queues.delete(clientId);
    return removed;
  }

  drop(clientId: string): void {
    const queue = this.#queues.get(clientId);
    if (queue === undefined) return;
    this.#queues.delete(clientId);
    for (const message of queue.messages) this.#letGo(queue, message);
    this.#count -= queue.messages.length;
    this.#bytes -= queue.messages.length * overheadBytes;
  }

  #limitFor(queue: Queue, payloadBytes: number, newBytes: number): LimitName | null {
    const { queuedPerSessionMax, queuedBytesPerSessionMax, queuedMax, queuedBytesMax } = this.#limits;
    if (queue.messages.length >= queuedPerSessionMax) return "queuedPerSessionMax";
    if (queue.bytes + payloadBytes > queuedBytesPerSessionMax) return "queuedBytesPerSessionMax";
    if (this.#count >= queuedMax) return "queuedMax";
    return this.#bytes + newBytes > queuedBytesMax ? "queuedBytesMax" : null;
  }

  /** One holder less of a message's payload. */
  #letGo(queue: Queue, message: Outgoing): void {
    if (message.cmd === "pubrel") return;
    const shared = this.#payloads.get(message.payload);
    if (shared === undefined) return;
    queue.bytes -= shared.bytes;
    shared.holders -= 1;
    if (shared.holders > 0) return;
    this.#payloads.delete(message.payload);
    this.#bytes -= shared.bytes;
  }
}
