import { Aedes, type Client } from "aedes";
import type { Logger } from "pino";
import type { GatewayLimits } from "#protocol/link/messages.ts";
import type { BrokerMemory } from "./broker-memory.ts";
import { may } from "./core/access.ts";
import type { Counters } from "./counters.ts";
import { FrameGate } from "./frame-gate.ts";

export interface BrokerOptions {
  memory: BrokerMemory;
  limits: GatewayLimits;
  counters: Counters;
  logger: Logger;
  /** A SUBSCRIBE was granted in part or whole, or a session with subscriptions came back. */
  subscribed: (gate: FrameGate) => void;
}

/** Publishes that may be on their way to subscribers at once. One slow subscriber holds one place for each until it is cut. */
const publishesInFlightMax = 1_000;
/** The topic grammar needs seven. */
const topicLevelsMax = 20;

/**
 * aedes as the gateway uses it: sessions, subscriptions and retained items of the broadcast road, behind gates that have let in
 * none but identified devices. No device publishes through it.
 */
export async function createBroker({ memory, limits, counters, logger, subscribed }: BrokerOptions): Promise<Aedes> {
  const broker = await Aedes.createBroker({
    persistence: memory,
    concurrency: publishesInFlightMax,
    drainTimeout: limits.drainTimeoutMs,
    connectTimeout: limits.connectTimeoutMs,
    maxTopicLevels: topicLevelsMax,
    authenticate: (client, _username, _password, done) => done(null, Boolean(gateOf(client)?.identity)),
    authorizePublish: (client, _packet, done) =>
      done(client === null ? null : new Error("devices do not publish through the broker")),
    authorizeSubscribe: (client, subscription, done) => {
      const gate = gateOf(client);
      const { topic, qos } = subscription;
      const hasRoom = gate?.granted.has(topic) || (gate?.granted.size ?? 0) < limits.subscriptionsPerConnectionMax;
      if (gate?.identity && hasRoom && may(gate.identity, "subscribe", topic)) {
        gate.granted.set(topic, qos);
        done(null, subscription);
        return;
      }
      counters.subscribes_refused += 1;
      done(null, null);
    },
    authorizeForward: (client, packet) => {
      const identity = gateOf(client)?.identity;
      return identity && may(identity, "receive", packet.topic) ? packet : null;
    },
  });
  broker.on("connackSent", (packet, client) => {
    const gate = gateOf(client);
    if (packet.returnCode !== 0 || gate === null) return;
    gate.opened();
    if (gate.granted.size > 0) subscribed(gate);
  });
  broker.on("subscribe", (_subscriptions, client) => {
    const gate = gateOf(client);
    if (gate === null) return;
    subscribed(gate);
    gate.subscriptionsSettled();
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

const gateOf = (client: Client | null): FrameGate | null => (client?.conn instanceof FrameGate ? client.conn : null);
