/**
 * What aedes asks of its persistence, bounded: retained items, and the sessions of clients that connect with clean=false.
 * Nothing here survives a restart, and nothing must: retained items come back from the feeds, and a device whose session is gone
 * is told so in CONNACK and subscribes again.
 */
import { Readable } from "node:stream";
import type { AedesPublishPacket, Client, Subscription } from "aedes";
import type { GatewayLimits } from "#protocol/link/limits.ts";
import { filterMatches } from "#protocol/topics.ts";
import { type FrameGate, gateOf } from "./frame-gate.ts";
import type { LimitHits } from "./limit-hits.ts";
import { type QoS, RetainedItems } from "./retained-items.ts";
import { type Outgoing, SessionQueues } from "./session-queues.ts";

export interface BrokerMemoryHost {
  readonly limits: GatewayLimits;
  readonly hits: LimitHits;
  /** A session was ended, since it or all of them had too much: its device must connect anew. */
  sessionDropped(clientId: string): void;
  /** A client has too many QoS 2 messages that it does not release: its connection must end. */
  unreleased(clientId: string): void;
}

/** A filter that nobody can ask for: aedes takes a session without subscriptions for none, and CONNACK would say so [MQTT-3.2.2-2]. */
export const emptySessionFilter = "\0";
interface StoredSubscription {
  topic: string;
  qos: number;
}

export class BrokerMemory {
  readonly retained: RetainedItems;
  readonly queues: SessionQueues;
  readonly #host: BrokerMemoryHost;
  readonly #sessions = new Map<string, Map<string, number>>();
  /** Sessions whose device is not here; who has slept longest comes first. */
  readonly #sleeping = new Set<string>();
  /** Filter -> device -> QoS: devices of one model share a few filters, so that a topic is matched against few. */
  readonly #byFilter = new Map<string, Map<string, number>>();
  /** Message ids of QoS 2 whose PUBREL has not come: a message that comes again under one of them is the same. */
  readonly #received = new Map<string, Set<number>>();
  /** Who subscribes in this turn. */
  #subscriber: FrameGate | null = null;

  constructor(host: BrokerMemoryHost) {
    this.#host = host;
    this.retained = new RetainedItems(host.limits, host.hits);
    this.queues = new SessionQueues(host.limits, host.hits);
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  async setup(): Promise<void> {}

  async storeRetained(packet: { topic: string; payload: string | Buffer; qos?: QoS }): Promise<void> {
    this.retained.put(packet);
  }

  /** aedes asks for retained items in the turn in which it tells of the subscription, and does not say for whom. */
  subscribedNow(gate: FrameGate): void {
    this.#subscriber = gate;
    queueMicrotask(() => {
      this.#subscriber = null;
    });
  }

  createRetainedStreamCombi(filters: string[]): Readable {
    const gate = this.#subscriber;
    return Readable.from(inTheirTime(this.retained.matching(filters), gate, () => gate?.backlog.acknowledged()));
  }

  /** Keeps those filters alone that were granted: aedes hands over all of a SUBSCRIBE's, and would restore refused ones. */
  async addSubscriptions(client: Client, subscriptions: Subscription[]): Promise<void> {
    const gate = gateOf(client);
    if (gate === null) return;
    const session = this.#sessions.get(client.id) ?? new Map<string, number>();
    this.#sessions.set(client.id, session);
    for (const { topic, qos } of subscriptions) {
      if (!gate.granted.has(topic)) continue;
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

  /** Whether a client may have a session: it has one, or there is room, or the one that has slept longest makes room. */
  mayBegin(clientId: string): boolean {
    this.#sleeping.delete(clientId);
    if (this.#sessions.has(clientId) || this.#sessions.size < this.#host.limits.sessionsMax) return true;
    this.#host.hits.hit("sessionsMax");
    const [longest] = this.#sleeping;
    if (longest === undefined) return false;
    this.forget(longest);
    this.#host.sessionDropped(longest);
    return true;
  }

  /** Its device has gone; a session stays, where it has one. */
  slept(clientId: string): void {
    if (this.#sessions.has(clientId)) this.#sleeping.add(clientId);
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
    this.#sleeping.delete(deviceId);
    this.queues.drop(deviceId);
    this.#received.delete(deviceId);
  }

  async outgoingEnqueueCombi(
    sessions: { clientId: string; qos?: number }[],
    packet: AedesPublishPacket,
  ): Promise<void> {
    for (const { clientId, qos = 1 } of sessions) {
      const queued = { ...packet, qos: qos < packet.qos ? 1 : packet.qos, messageId: undefined } as const;
      if (this.queues.add(clientId, queued)) continue;
      // With a message missing the session is worth nothing. Without it the device subscribes again and gets what is retained.
      this.forget(clientId);
      this.#host.sessionDropped(clientId);
    }
  }

  async outgoingEnqueue(session: { clientId: string }, packet: AedesPublishPacket): Promise<void> {
    await this.outgoingEnqueueCombi([session], packet);
  }

  /** Remembers a message that has its id, until it is acknowledged. @returns whether there was room */
  keep(clientId: string, packet: AedesPublishPacket): boolean {
    return this.queues.add(clientId, { ...packet, messageId: packet.messageId });
  }

  /** Ids of messages that were sent and not acknowledged. */
  messageIdsOf(clientId: string): number[] {
    return this.queues.of(clientId).flatMap(({ messageId }) => messageId ?? []);
  }

  /** @throws where the packet is not queued: aedes then ends the connection */
  async outgoingUpdate({ id }: { id: string }, packet: Outgoing): Promise<void> {
    if (packet.cmd === "pubrel") return this.queues.release(id, packet.messageId);
    // Granted with QoS 0: it was never queued.
    if (packet.qos === 0) return;
    const queued = this.queues.find(id, packet);
    if (queued === null) throw new Error("no such packet");
    queued.messageId = packet.messageId;
  }

  async outgoingClearMessageId(client: { id: string }, packet: { messageId?: number }): Promise<Outgoing | undefined> {
    return packet.messageId === undefined ? undefined : this.queues.remove(client.id, packet.messageId);
  }

  /** What waits, in its order, with its ids; what was sent before goes again marked as such [MQTT-3.3.1-1]. */
  outgoingStream(client: Client): Readable {
    const gate = gateOf(client);
    const outgoing = this.queues.of(client.id).map((one) => {
      if (one.cmd === "pubrel") return one;
      const dup = one.messageId !== undefined;
      if (gate !== null) one.messageId ??= gate.messageIds.take();
      return { ...one, dup };
    });
    return Readable.from(inTheirTime(outgoing, gate, () => gate?.backlog.read()));
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
    const { limits, hits } = this.#host;
    if (received === undefined || received.size <= limits.unreleasedPerConnectionMax) return;
    received.delete(messageId);
    hits.hit("unreleasedPerConnectionMax");
    this.#host.unreleased(client.id);
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

/** One after another, as the device takes them: nobody is sent more than they can have. Ends with the connection. */
async function* inTheirTime<T>(
  items: Iterable<T>,
  gate: FrameGate | null,
  room: () => Promise<void> | null | undefined,
): AsyncIterable<T> {
  for (const item of items) {
    const waiting = room();
    if (waiting) await waiting;
    if (gate?.isClosed) return;
    yield item;
  }
}
