/**
 * What aedes asks of its persistence, bounded: retained items by model, and the sessions of devices that connect with clean=false.
 * Nothing here survives a restart, and nothing must: retained items come back from the feeds, and a device whose session is gone
 * is told so in CONNACK and subscribes again.
 */
import { Readable } from "node:stream";
import type { AedesPublishPacket, Client, Subscription } from "aedes";
import { filterMatches, parseTopic } from "#protocol/topics.ts";
import { FrameGate } from "./frame-gate.ts";

export interface BrokerMemoryLimits {
  queuedPerSessionMax: number;
  queuedMax: number;
}

type Retained = { topic: string; payload: Buffer; cmd: "publish"; qos: 1; retain: true; dup: false };
type Queued = Omit<AedesPublishPacket, "messageId"> & { messageId: number | undefined };
interface StoredSubscription {
  topic: string;
  qos: number;
}

export class BrokerMemory {
  readonly #limits: BrokerMemoryLimits;
  readonly #sessionDropped: (deviceId: string) => void;
  readonly #retained = new Map<string, Map<string, Retained>>();
  readonly #sessions = new Map<string, Map<string, number>>();
  /** Filter -> device -> QoS: devices of one model share a few filters, so that a topic is matched against few. */
  readonly #byFilter = new Map<string, Map<string, number>>();
  readonly #queues = new Map<string, Queued[]>();
  #queued = 0;

  /** @param sessionDropped a session overflowed and was ended: its device must connect anew */
  constructor(limits: BrokerMemoryLimits, sessionDropped: (deviceId: string) => void) {
    this.#limits = limits;
    this.#sessionDropped = sessionDropped;
  }

  async setup(): Promise<void> {}

  async storeRetained(packet: { topic: string; payload: string | Buffer }): Promise<void> {
    const model = modelOf(packet.topic);
    if (model === null) return;
    const items = this.#retained.get(model) ?? new Map<string, Retained>();
    this.#retained.set(model, items);
    const payload = Buffer.from(packet.payload);
    if (payload.length === 0) items.delete(packet.topic);
    else items.set(packet.topic, { topic: packet.topic, payload, cmd: "publish", qos: 1, retain: true, dup: false });
  }

  createRetainedStreamCombi(filters: string[]): Readable {
    return Readable.from(this.#retainedFor(filters));
  }

  *#retainedFor(filters: string[]): Iterable<Retained> {
    for (const filter of filters) {
      // The access rule lets nobody use a wildcard for the model.
      const items = this.#retained.get(filter.split("/")[3] ?? "");
      for (const [topic, item] of items ?? []) if (filterMatches(filter, topic)) yield item;
    }
  }

  /** Keeps those filters alone that were granted: aedes hands over all of a SUBSCRIBE's, and would restore refused ones. */
  async addSubscriptions(client: Client, subscriptions: Subscription[]): Promise<void> {
    const { conn } = client;
    if (!(conn instanceof FrameGate)) return;
    const session = this.#sessions.get(client.id) ?? new Map<string, number>();
    this.#sessions.set(client.id, session);
    for (const { topic, qos } of subscriptions) {
      if (!conn.granted.has(topic)) continue;
      session.set(topic, qos);
      const devices = this.#byFilter.get(topic) ?? new Map<string, number>();
      this.#byFilter.set(topic, devices.set(client.id, qos));
    }
  }

  async removeSubscriptions(client: { id: string }, filters: string[]): Promise<void> {
    const session = this.#sessions.get(client.id);
    for (const filter of filters) {
      session?.delete(filter);
      this.#unlist(filter, client.id);
    }
  }

  async subscriptionsByClient(client: { id: string }): Promise<StoredSubscription[]> {
    const session = this.#sessions.get(client.id) ?? new Map<string, number>();
    return [...session].map(([topic, qos]) => ({ topic, qos }));
  }

  async subscriptionsByTopic(topic: string): Promise<{ clientId: string; topic: string; qos: number }[]> {
    const found = new Map<string, { clientId: string; topic: string; qos: number }>();
    for (const [filter, devices] of this.#byFilter) {
      if (!filterMatches(filter, topic)) continue;
      for (const [clientId, qos] of devices) if (qos > 0) found.set(clientId, { clientId, topic: filter, qos });
    }
    return [...found.values()];
  }

  async cleanSubscriptions(client: { id: string }): Promise<void> {
    this.forget(client.id);
  }

  /** Ends a device's session. */
  forget(deviceId: string): void {
    for (const filter of this.#sessions.get(deviceId)?.keys() ?? []) this.#unlist(filter, deviceId);
    this.#sessions.delete(deviceId);
    this.#queued -= this.#queues.get(deviceId)?.length ?? 0;
    this.#queues.delete(deviceId);
  }

  async outgoingEnqueueCombi(sessions: { clientId: string }[], packet: AedesPublishPacket): Promise<void> {
    for (const { clientId } of sessions) {
      const queue = this.#queues.get(clientId) ?? [];
      if (queue.length >= this.#limits.queuedPerSessionMax || this.#queued >= this.#limits.queuedMax) {
        // With a message missing the session is worth nothing. Without it the device subscribes again and gets what is retained.
        this.forget(clientId);
        this.#sessionDropped(clientId);
        continue;
      }
      queue.push({ ...packet, messageId: undefined });
      this.#queues.set(clientId, queue);
      this.#queued += 1;
    }
  }

  async outgoingEnqueue(session: { clientId: string }, packet: AedesPublishPacket): Promise<void> {
    await this.outgoingEnqueueCombi([session], packet);
  }

  /** @throws where the packet is not queued: aedes then ends the connection */
  async outgoingUpdate(client: { id: string }, packet: Queued): Promise<void> {
    const queued = this.#queues
      .get(client.id)
      ?.find((one) => one.brokerId === packet.brokerId && one.brokerCounter === packet.brokerCounter);
    if (queued === undefined) throw new Error("no such packet");
    queued.messageId = packet.messageId;
  }

  async outgoingClearMessageId(client: { id: string }, packet: { messageId?: number }): Promise<Queued | undefined> {
    const queue = this.#queues.get(client.id);
    if (queue === undefined || packet.messageId === undefined) return undefined;
    const at = queue.findIndex((one) => one.messageId === packet.messageId);
    if (at < 0) return undefined;
    this.#queued -= 1;
    return queue.splice(at, 1)[0];
  }

  outgoingStream(client: { id: string }): Readable {
    return Readable.from([...(this.#queues.get(client.id) ?? [])]);
  }

  // The gate lets no QoS 2 and no will through to the broker.
  async cleanIncoming(): Promise<void> {}
  async delWill(): Promise<void> {}
  async putWill(): Promise<void> {}
  streamWill(): Readable {
    return Readable.from([]);
  }

  #unlist(filter: string, deviceId: string): void {
    const devices = this.#byFilter.get(filter);
    devices?.delete(deviceId);
    if (devices?.size === 0) this.#byFilter.delete(filter);
  }
}

function modelOf(text: string): string | null {
  const topic = parseTopic(text);
  return topic?.kind === "feed" || topic?.kind === "item" ? topic.model : null;
}
