/**
 * What aedes asks of its persistence, bounded: retained items by model, and the sessions of clients that connect with clean=false.
 * Nothing here survives a restart, and nothing must: retained items come back from the feeds, and a device whose session is gone
 * is told so in CONNACK and subscribes again.
 */
import { Readable } from "node:stream";
import type { AedesPublishPacket, Client, Subscription } from "aedes";
import { filterMatches, parseTopic, topicPrefix } from "#protocol/topics.ts";
import { FrameGate } from "./frame-gate.ts";

export interface BrokerMemoryLimits {
  queuedPerSessionMax: number;
  queuedMax: number;
  retainedMax: number;
}

/** A filter that nobody can ask for: aedes takes a session without subscriptions for none, and CONNACK would say so [MQTT-3.2.2-2]. */
export const emptySessionFilter = "\0";
/** QoS 2 messages of one session that wait for their PUBREL. */
const receivedMax = 1_000;

type Retained = { topic: string; payload: Buffer; cmd: "publish"; qos: QoS; retain: true; dup: false };
type Queued = Omit<AedesPublishPacket, "messageId"> & { messageId: number | undefined };
/** A message, or once its PUBREC came the PUBREL that takes its place (clause 4.3.3). */
type Outgoing = Queued | { cmd: "pubrel"; messageId: number; brokerId?: undefined; brokerCounter?: undefined };
type QoS = Subscription["qos"];
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
  readonly #queues = new Map<string, Outgoing[]>();
  /** Message ids of QoS 2 whose PUBREL has not come: a message that comes again under one of them is the same. */
  readonly #received = new Map<string, Set<number>>();
  #retainedCount = 0;
  #queued = 0;

  /** @param sessionDropped a session overflowed and was ended: its device must connect anew */
  constructor(limits: BrokerMemoryLimits, sessionDropped: (deviceId: string) => void) {
    this.#limits = limits;
    this.#sessionDropped = sessionDropped;
  }

  async setup(): Promise<void> {}

  async storeRetained(packet: { topic: string; payload: string | Buffer; qos?: QoS }): Promise<void> {
    this.retain(packet);
  }

  /** An empty payload withdraws [MQTT-3.3.1-10]. A new topic beyond the bound is not kept. */
  retain({ topic, payload, qos = 1 }: { topic: string; payload: string | Buffer; qos?: QoS }): void {
    const group = groupOf(topic);
    const items = this.#retained.get(group) ?? new Map<string, Retained>();
    const bytes = Buffer.from(payload);
    if (bytes.length === 0) {
      if (items.delete(topic)) this.#retainedCount -= 1;
      if (items.size === 0) this.#retained.delete(group);
      return;
    }
    if (!items.has(topic)) {
      if (this.#retainedCount >= this.#limits.retainedMax) return;
      this.#retainedCount += 1;
    }
    this.#retained.set(
      group,
      items.set(topic, { topic, payload: bytes, cmd: "publish", qos, retain: true, dup: false }),
    );
  }

  createRetainedStreamCombi(filters: string[]): Readable {
    return Readable.from(this.#retainedFor(filters));
  }

  *#retainedFor(filters: string[]): Iterable<Retained> {
    for (const filter of filters) {
      for (const items of this.#groupsFor(filter)) {
        for (const [topic, item] of items) if (filterMatches(filter, topic)) yield item;
      }
    }
  }

  /** A filter for content of one model, as all devices have, is matched against that model's items alone. */
  #groupsFor(filter: string): Iterable<Map<string, Retained>> {
    const model = filter.startsWith(contentPrefix) ? filter.slice(contentPrefix.length).split("/")[0] : "+";
    if (model === undefined || model === "+" || model === "#") return this.#retained.values();
    return [model, noModel].flatMap((group) => this.#retained.get(group) ?? []);
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

  /** Asked as a client connects with clean=false: its session exists from then on. */
  async subscriptionsByClient(client: { id: string }): Promise<StoredSubscription[]> {
    const session = this.#sessions.get(client.id);
    if (session === undefined) this.#sessions.set(client.id, new Map());
    if (session?.size === 0) return [{ topic: emptySessionFilter, qos: 0 }];
    return [...(session ?? [])].map(([topic, qos]) => ({ topic, qos }));
  }

  async subscriptionsByTopic(topic: string): Promise<{ clientId: string; topic: string; qos: number }[]> {
    const found = new Map<string, { clientId: string; topic: string; qos: number }>();
    for (const [filter, devices] of this.#byFilter) {
      if (!filterMatches(filter, topic)) continue;
      for (const [clientId, qos] of devices) {
        if (qos > (found.get(clientId)?.qos ?? 0)) found.set(clientId, { clientId, topic: filter, qos });
      }
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
    this.#received.delete(deviceId);
  }

  async outgoingEnqueueCombi(
    sessions: { clientId: string; qos?: number }[],
    packet: AedesPublishPacket,
  ): Promise<void> {
    for (const { clientId, qos = 1 } of sessions) {
      const queued = { ...packet, qos: qos < packet.qos ? 1 : packet.qos, messageId: undefined } as const;
      if (this.#enqueue(clientId, queued)) continue;
      // With a message missing the session is worth nothing. Without it the device subscribes again and gets what is retained.
      this.forget(clientId);
      this.#sessionDropped(clientId);
    }
  }

  async outgoingEnqueue(session: { clientId: string }, packet: AedesPublishPacket): Promise<void> {
    await this.outgoingEnqueueCombi([session], packet);
  }

  /** Remembers a message that has its id, until it is acknowledged. @returns whether there was room */
  keep(clientId: string, packet: AedesPublishPacket): boolean {
    return this.#enqueue(clientId, { ...packet, messageId: packet.messageId });
  }

  #enqueue(clientId: string, packet: Queued): boolean {
    const queue = this.#queues.get(clientId) ?? [];
    if (queue.length >= this.#limits.queuedPerSessionMax || this.#queued >= this.#limits.queuedMax) return false;
    queue.push(packet);
    this.#queues.set(clientId, queue);
    this.#queued += 1;
    return true;
  }

  /** Ids of messages that were sent and not acknowledged. */
  messageIdsOf(clientId: string): number[] {
    return (this.#queues.get(clientId) ?? []).flatMap(({ messageId }) => messageId ?? []);
  }

  /** @throws where the packet is not queued: aedes then ends the connection */
  async outgoingUpdate(client: { id: string }, packet: Outgoing): Promise<void> {
    const queue = this.#queues.get(client.id) ?? [];
    if (packet.cmd === "pubrel") {
      const at = queue.findIndex(({ messageId }) => messageId === packet.messageId);
      if (at >= 0) queue[at] = { cmd: "pubrel", messageId: packet.messageId };
      return;
    }
    // Granted with QoS 0: it was never queued.
    if (packet.qos === 0) return;
    const queued = queue.find((one) => one.brokerId === packet.brokerId && one.brokerCounter === packet.brokerCounter);
    if (queued === undefined) throw new Error("no such packet");
    queued.messageId = packet.messageId;
  }

  async outgoingClearMessageId(client: { id: string }, packet: { messageId?: number }): Promise<Outgoing | undefined> {
    const queue = this.#queues.get(client.id);
    if (queue === undefined || packet.messageId === undefined) return undefined;
    const at = queue.findIndex((one) => one.messageId === packet.messageId);
    if (at < 0) return undefined;
    this.#queued -= 1;
    return queue.splice(at, 1)[0];
  }

  /** What waits, in its order, with its ids; what was sent before goes again marked as such [MQTT-3.3.1-1]. */
  outgoingStream({ id, conn }: Client): Readable {
    const queue = this.#queues.get(id) ?? [];
    const outgoing = queue.map((one) => {
      if (one.cmd === "pubrel") return one;
      const dup = one.messageId !== undefined;
      if (conn instanceof FrameGate) one.messageId ??= conn.messageIds.take();
      return { ...one, dup };
    });
    return Readable.from(outgoing);
  }

  /** Whether a QoS 2 message was received before. From the first question on it was: two copies may come in one segment. */
  async incomingGetPacket(client: { id: string }, packet: { cmd: string; messageId: number }): Promise<object> {
    const received = this.#received.get(client.id) ?? new Set<number>();
    if (received.has(packet.messageId)) return packet;
    if (packet.cmd === "publish") this.#received.set(client.id, received.add(packet.messageId));
    throw new Error("no such packet");
  }

  /** @throws where too many wait for their PUBREL: aedes then ends the connection */
  async incomingStorePacket(client: { id: string }, { messageId }: { messageId: number }): Promise<void> {
    const received = this.#received.get(client.id);
    if (received === undefined || received.size <= receivedMax) return;
    received.delete(messageId);
    throw new Error("too many messages without PUBREL");
  }

  async incomingDelPacket(client: { id: string }, { messageId }: { messageId: number }): Promise<void> {
    this.#received.get(client.id)?.delete(messageId);
  }

  async cleanIncoming(client: { id: string }): Promise<void> {
    this.#received.delete(client.id);
  }

  // The gate lets no will through to the broker.
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

const contentPrefix = `${topicPrefix}/content/`;
const noModel = "";

/** The model of a content topic; all others are together. */
function groupOf(text: string): string {
  const topic = parseTopic(text);
  return topic?.kind === "feed" || topic?.kind === "item" ? topic.model : noModel;
}
