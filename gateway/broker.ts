import { Aedes, type AedesPublishPacket, type Client, type Subscription } from "aedes";
import type { Logger } from "pino";
import type { GatewayLimits } from "#protocol/link/limits.ts";
import { filterMatches } from "#protocol/topics.ts";
import { type BrokerMemory, emptySessionFilter } from "./broker-memory.ts";
import { may, service } from "./core/access.ts";
import type { Counters } from "./counters.ts";
import { type FrameGate, gateOf } from "./frame-gate.ts";
import type { LimitHits } from "./limit-hits.ts";
import type { Clock } from "./platform/clock.ts";
import type { SecurityReports } from "./security-reports.ts";

export interface BrokerOptions {
  memory: BrokerMemory;
  limits: GatewayLimits;
  counters: Counters;
  hits: LimitHits;
  security: SecurityReports;
  clock: Clock;
  logger: Logger;
  /** A SUBSCRIBE was granted in part or whole, or a session with subscriptions came back. */
  subscribed: (gate: FrameGate) => void;
}

const publishByte = 0x30;
/** Of a PUBLISH of QoS 1 besides topic and payload, about: header, length of the topic, message id. */
const publishOverheadBytes = 7;

/**
 * aedes as the gateway uses it: sessions, subscriptions and retained items of the broadcast road, behind gates that have let in
 * none but those who may come in. What it may do is asked of each gate's access. No device publishes through it.
 *
 * Where aedes alone falls short of the standard:
 * - it takes a message for a copy when one that came later was faster, and drops it: copies are told apart here;
 * - it forwards with the QoS of the first filter that matches, or of the message: here it is the highest granted, never more
 *   than the message's own [MQTT-3.3.5-1, MQTT-3.8.4-6];
 * - it counts message ids on without looking whether they are in use: the gate gives them;
 * - it keeps no unacknowledged retained message for a session [MQTT-4.4.0-1];
 * - a subscriber that does not read holds up whoever publishes to it: here nobody waits for it, and what waits for it is bounded.
 */
export async function createBroker(options: BrokerOptions): Promise<Aedes> {
  const { memory, limits, counters, hits, security, clock, logger, subscribed } = options;
  /** The message as this client is to have it, or null where it has it already or none of its filters matches. */
  function toForward(gate: FrameGate, client: Client, packet: AedesPublishPacket): AedesPublishPacket | null {
    // From a session's queue: that was decided when it was put there.
    if (packet.messageId) return packet;
    // Retained messages for a new subscription have no broker's name: each is wanted, also when it was seen before.
    const isLive = Boolean(packet.brokerId);
    if (isLive && gate.forwarded === packet.brokerCounter) return null;
    if (isLive) gate.forwarded = packet.brokerCounter;
    const granted = grantedQos(gate, packet.topic);
    if (granted === null) return null;
    const limit = gate.backlog.add();
    if (limit !== null) {
      gate.overLimit(limit, "stalled");
      return null;
    }
    const qos = packet.qos < granted ? packet.qos : granted;
    // aedes would take an id for QoS 0 too, and nobody would ever give it back.
    if (qos === 0) return Object.assign(packet, { qos, messageId: 1 });
    const numbered = Object.assign(packet, { qos, messageId: gate.messageIds.take() });
    if (!packet.retain || client.clean) return numbered;
    const kept = Object.assign(numbered, { brokerId: broker.id });
    memory.keep(client.id, kept);
    return kept;
  }

  function noteForwarded(gate: FrameGate, { topic, qos, retain, messageId = 0, payload }: AedesPublishPacket): void {
    const first = publishByte | (qos << 1) | (retain ? 1 : 0);
    const size = publishOverheadBytes + Buffer.byteLength(topic) + payload.length;
    gate.tape?.sent(clock.nowMs(), topic, first, qos > 0 ? messageId : 0, size);
  }

  const broker = await Aedes.createBroker({
    persistence: memory,
    // No bound: a place would be held by whoever does not read, for each message that waits for it.
    concurrency: 0,
    connectTimeout: limits.connectTimeoutMs,
    maxTopicLevels: limits.topicLevelsMax,
    // The memory counts them.
    maxInflightInbound: 0,
    authenticate: (client, _username, _password, done) => {
      const gate = gateOf(client);
      for (const messageId of memory.messageIdsOf(client.id)) gate?.messageIds.use(messageId);
      done(null, Boolean(gate?.access));
    },
    authorizePublish: (client, packet, done) => {
      const isAllowed = client === null ? mayServe(packet) : gateOf(client)?.access?.road === "broker";
      if (!isAllowed) return done(new Error(`nobody publishes ${packet.topic} through the broker`));
      // Kept here and not by aedes, where a message that is retained falls behind one that is not [MQTT-4.6.0-6].
      if (packet.retain) memory.retained.put(packet);
      packet.retain = false;
      done(null);
    },
    authorizeSubscribe: (client, subscription, done) => {
      const gate = gateOf(client);
      const { topic, qos } = subscription;
      const hasRoom = gate?.granted.has(topic) || (gate?.granted.size ?? 0) < limits.subscriptionsPerConnectionMax;
      if (!hasRoom) hits.hit("subscriptionsPerConnectionMax");
      if (gate?.access && hasRoom && topic !== emptySessionFilter && gate.access.maySubscribe(topic)) {
        gate.granted.set(topic, qos);
        // The one way of delivering that looks at each message; the QoS that counts is the granted one.
        done(null, { ...subscription, qos: 2 });
        return;
      }
      counters.subscribes_refused += 1;
      const reason = hasRoom ? "not_allowed" : "subscriptions_per_connection_max";
      security.note({ kind: "subscribe_refused", reason, address: gate?.peer.address ?? "", name: client.id });
      done(null, null);
    },
    authorizeForward: (client, packet) => {
      const gate = gateOf(client);
      if (gate === null || !gate.access?.mayReceive(packet.topic)) return null;
      const forwarded = toForward(gate, client, packet);
      if (forwarded !== null) noteForwarded(gate, forwarded);
      return forwarded;
    },
  });
  broker.on("client", (client) => Object.defineProperty(client, "duplicates", { value: noDuplicates }));
  broker.on("connackSent", (packet, client) => {
    const gate = gateOf(client);
    if (packet.returnCode !== 0 || gate === null) return;
    gate.opened();
    if (gate.granted.size > 0) subscribed(gate);
  });
  broker.on("subscribe", (subscriptions, client) => {
    const gate = gateOf(client);
    if (gate === null) return;
    memory.subscribedNow(gate);
    subscribed(gate);
    gate.subscriptionsSettled(subscriptions.map(({ qos }) => qos));
  });
  broker.on("unsubscribe", (filters, client) => {
    const gate = gateOf(client);
    for (const filter of filters) gate?.granted.delete(filter);
    gate?.subscriptionsSettled();
  });
  broker.on("clientError", (client, error) => {
    logger.debug({ event: "client_error", deviceId: client.id, err: error });
  });
  return broker;
}

type QoS = Subscription["qos"];

/** What is written over a client's memory of duplicates: nothing is one. */
const noDuplicates = new Proxy({}, { get: () => 0, set: () => true });

/** The highest QoS among the granted filters that match, or null where none does. */
function grantedQos(gate: FrameGate, topic: string): QoS | null {
  let best: QoS | null = null;
  for (const [filter, qos] of gate.granted) {
    if (qos >= (best ?? 0) && filterMatches(filter, topic)) best = qos;
  }
  return best;
}

/** What no client publishes is the cloud's word. */
const mayServe = ({ topic, retain }: { topic: string; retain: boolean }) =>
  may(service, retain ? "retain" : "publish", topic);
