/**
 * Every limit that a maker may set of the gateway: what it bounds, in which unit, how much unless set, and what happens at it.
 * A limit is a variable `HEARTH_LIMIT_…` made from its name, and a counter `limit_…` of how often it was met.
 */
import { z } from "zod";

type LimitUnit = "bytes" | "bytes a second" | "messages" | "messages a second" | "ms" | "s" | "";

interface LimitWords {
  /** What it bounds. */
  title: string;
  /** Empty where it counts what its title names. */
  unit: LimitUnit;
  /** What happens at it. */
  at: string;
}

interface Bound extends LimitWords {
  standard: number;
  /** What it may be set to. */
  range: [least: number, most: number];
}

const wordsOf = z.registry<LimitWords>();

const limit = ({ standard, range: [least, most], ...words }: Bound) =>
  z.int().min(least).max(most).default(standard).register(wordsOf, words);

const hour = 3_600;
const kibi = 1_024;
const mebi = 1_048_576;
const gibi = 1_073_741_824;

/** One message of the largest payload, and what belongs to it besides. */
const oneLargeMessage = 300_000;

export const gatewayLimitsSchema = z.object({
  // Before anybody has said who they are. A CONNECT of ours is some 300 bytes; a certificate is no part of it.
  bytesBeforeLogin: limit({
    title: "Bytes before login",
    unit: "bytes",
    standard: 4 * kibi,
    range: [512, mebi],
    at: "the connection ends",
  }),
  connectTimeoutMs: limit({
    title: "From the connection to its whole CONNECT",
    unit: "ms",
    standard: 10_000,
    range: [100, 60_000],
    at: "the connection ends",
  }),
  loginTimeoutMs: limit({
    title: "From CONNECT to the decision on it",
    unit: "ms",
    standard: 10_000,
    range: [100, 60_000],
    at: "CONNACK 3, come back later",
  }),
  // Longer each time, for whoever comes to an address or under a name that was refused often. Whoever is let in never waits.
  refusalDelayMsMax: limit({
    title: "How long a refused login waits for its answer",
    unit: "ms",
    standard: 3_000,
    range: [0, 10_000],
    at: "it is answered; 0 answers every one at once",
  }),
  connectionsMax: limit({
    title: "Devices that are connected; fewer where the system allows fewer open files",
    unit: "",
    standard: 15_000,
    range: [1, 1_000_000],
    at: "CONNACK 3, come back later; one that is connected already takes its own place",
  }),
  // Carriers put thousands of homes behind one address, and a balancer puts all of them there. Who has not logged in is limited far
  // below this, by the places that are free.
  connectionsPerAddressMax: limit({
    title: "Connections of one address, or of one IPv6 network of 64 bits",
    unit: "",
    standard: 10_000,
    range: [1, 1_000_000],
    at: "a further connection is not taken",
  }),

  // All devices come back at once after a power cut or a restart. They then come in as fast as they can be served.
  connectsPerSecondMax: limit({
    title: "Connections a second that begin their handshake or login",
    unit: "",
    standard: 1_000,
    range: [1, 100_000],
    at: "a connection waits for its turn",
  }),
  connectsInProgressMax: limit({
    title: "Connections whose handshake or login is under way; one address gets no more places than are free",
    unit: "",
    standard: 500,
    range: [2, 100_000],
    at: "a connection waits for its turn",
  }),
  connectsQueuedMax: limit({
    title: "Connections that wait for their turn",
    unit: "",
    standard: 4_000,
    range: [1, 100_000],
    at: "the newest of the address with most of them is dropped",
  }),
  // Devices give up after 10 s to 30 s. Who is served when that is nearly over takes a turn and comes to nothing.
  connectWaitMsMax: limit({
    title: "How long a connection may wait for its turn",
    unit: "ms",
    standard: 5_000,
    range: [100, 60_000],
    at: "it is dropped, and its device comes back",
  }),

  // What a device says. The contract promises 256 KiB, so that it can only be less.
  bytesPerPayload: limit({
    title: "Bytes of a payload",
    unit: "bytes",
    standard: 256 * kibi,
    range: [kibi, 256 * kibi],
    at: "the connection ends",
  }),
  partialPacketMsMax: limit({
    title: "From a packet's first byte to its last",
    unit: "ms",
    standard: 60_000,
    range: [1_000, 600_000],
    at: "the connection ends",
  }),
  // An oven says one thing a second. A hundred times the pace of a busy one, and little enough that a hundred devices gone mad
  // leave the gateway room for all others.
  messagesPerSecondMax: limit({
    title: "Messages a second of a device, for long",
    unit: "messages a second",
    standard: 1_000,
    range: [1, 1_000_000],
    at: "the device is held back: its socket is not read, and its page says so",
  }),
  bytesPerSecondMax: limit({
    title: "Bytes a second of a device, for long",
    unit: "bytes a second",
    standard: mebi,
    range: [kibi, gibi],
    at: "the device is held back, and its page says so",
  }),
  // A day of one reading a second, each a message of its own, comes at full speed once the device is back.
  burstSecondsMax: limit({
    title: "Seconds' worth of messages and bytes that may come at once",
    unit: "s",
    standard: 100,
    range: [1, hour],
    at: "from then on the limits a second hold",
  }),
  // Silence for ever is what a power cut looks like: the standard lets a server end it (clause 3.1.2.10).
  keepaliveSecondsMax: limit({
    title: "Longest keepalive; 0, which is for ever, counts as this",
    unit: "s",
    standard: hour,
    range: [30, 65_535],
    at: "this one is used: silent for one and a half times as long, the connection ends",
  }),

  // Held: read, and not on disk yet. A commit takes milliseconds, so that these are met only where the disk is slow or full.
  heldPerConnectionMax: limit({
    title: "Messages of a device that are not on disk yet",
    unit: "messages",
    standard: 1_000,
    range: [1, 1_000_000],
    at: "its socket is not read until half of them are",
  }),
  heldBytesPerConnectionMax: limit({
    title: "Bytes of a device that are not on disk yet",
    unit: "bytes",
    standard: 512 * kibi,
    range: [kibi, gibi],
    at: "its socket is not read until half of them are",
  }),
  heldBytesMax: limit({
    title: "Bytes of all devices that are not on disk yet",
    unit: "bytes",
    standard: 64 * mebi,
    range: [mebi, 64 * gibi],
    at: "nobody is read until half of them are; where the spool is full who says something at twice as much is cut off",
  }),
  holdMsMax: limit({
    title: "How long a message may be not on disk yet",
    unit: "ms",
    standard: 20_000,
    range: [1_000, 600_000],
    at: "the connection ends without a PUBACK, and the device sends again",
  }),

  // What a device asks for.
  subscriptionsPerConnectionMax: limit({
    title: "Subscriptions of a device",
    unit: "",
    standard: 50,
    range: [2, 10_000],
    at: "SUBACK 0x80",
  }),
  filtersPerSubscribeMax: limit({
    title: "Filters in one SUBSCRIBE or UNSUBSCRIBE",
    unit: "",
    standard: 100,
    range: [1, 10_000],
    at: "the connection ends",
  }),
  // The longest topic of ours has 230.
  bytesPerTopicMax: limit({
    title: "Bytes of a topic or filter",
    unit: "bytes",
    standard: 512,
    range: [256, 65_535],
    at: "the connection ends",
  }),
  // The topics of the contract have up to seven.
  topicLevelsMax: limit({
    title: "Levels of a topic or filter",
    unit: "",
    standard: 20,
    range: [7, 100],
    at: "the connection ends",
  }),

  // First contact. What leaks with one batch's claim credential must not take the room of the fleet.
  claimConnectionsMax: limit({
    title: "Connections by claim credential in all",
    unit: "",
    standard: 1_000,
    range: [1, 100_000],
    at: "CONNACK 3, come back later",
  }),
  claimStayMsMax: limit({
    title: "How long a connection by claim credential may last",
    unit: "ms",
    standard: 60_000,
    range: [1_000, 600_000],
    at: "the connection ends",
  }),
  // A certificate costs the service some milliseconds of its one core, and so does finding out that it is none to give.
  enrolmentsPerSecondMax: limit({
    title: "Requests for certificates a second by claim credential; and as many by devices that are in",
    unit: "",
    standard: 50,
    range: [1, 10_000],
    at: "the device is told to try again",
  }),
  enrolmentsPendingMax: limit({
    title: "Requests for certificates that the cloud is at",
    unit: "",
    standard: 500,
    range: [1, 10_000],
    at: "the device is told to try again",
  }),

  // What waits for a device that is here.
  unacknowledgedPerConnectionMax: limit({
    title: "Messages sent to a device and not acknowledged",
    unit: "messages",
    standard: 20_000,
    range: [100, 60_000],
    at: "the connection ends; retained items wait long before",
  }),
  deliveriesPerConnectionMax: limit({
    title: "Deliveries sent to a device and not acknowledged",
    unit: "",
    standard: 100,
    range: [1, 10_000],
    at: "the next ones wait in the database",
  }),
  unreleasedPerConnectionMax: limit({
    title: "QoS 2 messages received and not released by PUBREL",
    unit: "messages",
    standard: 1_000,
    range: [1, 60_000],
    at: "the connection ends",
  }),
  // Payloads are shared by all who wait for them, so that this costs less than it looks; and a maker who publishes a whole
  // library at once must not lose those whose line is slow.
  unreadPerConnectionMax: limit({
    title: "Messages for a device that does not read",
    unit: "messages",
    standard: 5_000,
    range: [10, 1_000_000],
    at: "the connection ends",
  }),
  unreadBytesPerConnectionMax: limit({
    title: "Bytes for a device that does not read",
    unit: "bytes",
    standard: 64 * mebi,
    range: [oneLargeMessage, gibi],
    at: "the connection ends",
  }),
  // With a look at every connection once a second a frozen device is gone within 15 s.
  drainTimeoutMs: limit({
    title: "How long a device may read nothing of what waits for it",
    unit: "ms",
    standard: 12_000,
    range: [1_000, 14_000],
    at: "the connection ends",
  }),

  // What is kept for those who are not here.
  sessionsMax: limit({
    title: "Persistent sessions",
    unit: "",
    standard: 100_000,
    range: [1, 1_000_000],
    at: "the one that has slept longest ends, and its device subscribes anew; where none sleeps, CONNACK 3",
  }),
  queuedPerSessionMax: limit({
    title: "Messages queued for a session",
    unit: "messages",
    standard: 1_000,
    range: [1, 1_000_000],
    at: "the session ends, rather than have holes: its device subscribes anew and gets what is retained",
  }),
  queuedBytesPerSessionMax: limit({
    title: "Bytes queued for a session",
    unit: "bytes",
    standard: 16 * mebi,
    range: [oneLargeMessage, gibi],
    at: "the session ends, likewise",
  }),
  queuedMax: limit({
    title: "Messages queued over all sessions",
    unit: "messages",
    standard: 500_000,
    range: [1, 100_000_000],
    at: "the session that needs room ends, likewise",
  }),
  // A payload that waits for many sessions is there once, and counts once.
  queuedBytesMax: limit({
    title: "Bytes of memory queued over all sessions",
    unit: "bytes",
    standard: 256 * mebi,
    range: [oneLargeMessage, 64 * gibi],
    at: "the session that needs room ends, likewise",
  }),
  retainedItemsMax: limit({
    title: "Retained items",
    unit: "",
    standard: 50_000,
    range: [1, 10_000_000],
    at: "a further one is not kept, and the log says so",
  }),
  retainedBytesMax: limit({
    title: "Bytes of retained items",
    unit: "bytes",
    standard: 256 * mebi,
    range: [oneLargeMessage, 64 * gibi],
    at: "a further one is not kept, and the log says so",
  }),
});

export type GatewayLimits = z.infer<typeof gatewayLimitsSchema>;
export type LimitName = keyof GatewayLimits;

export const gatewayLimits: GatewayLimits = gatewayLimitsSchema.parse({});

/** `connectionsMax` as `connections_max`: how metrics and presence records call it. */
export const snakeCase = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

export interface LimitRow extends LimitWords {
  name: string;
  /** The environment variable that sets it. */
  variable: string;
  standard: number;
  least: number;
  most: number;
}

/** Every limit with its words, in order. */
export const limitRows: readonly LimitRow[] = Object.entries(gatewayLimitsSchema.shape).map(([name, schema]) => {
  const { minValue, maxValue } = schema.unwrap();
  return {
    ...(wordsOf.get(schema) ?? { title: "", unit: "", at: "" }),
    name,
    variable: `HEARTH_LIMIT_${snakeCase(name).toUpperCase()}`,
    standard: schema.parse(undefined),
    least: minValue ?? 0,
    most: maxValue ?? Number.MAX_SAFE_INTEGER,
  };
});
