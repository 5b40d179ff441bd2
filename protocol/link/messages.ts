/**
 * What gateway and cloud say to each other. On one machine the messages cross a MessagePort as they are; nothing in them is a
 * function, a class or a shared object, so that any transport of JSON and bytes can carry them.
 *
 *   gateway                                        cloud
 *     hello ------------------------------------->   reads its watermark for (gatewayId, spoolEpoch)
 *     <----------------------------- welcome, credit
 *     batch, batch (never more than the credit) ->   one transaction each
 *     <--------------------------- committed, credit
 *
 * Where readings are stored by themselves the spool has a second reader: batches, credit and watermark say whose they are, and the
 * gateway trims to the lower of the two watermarks.
 */
import type { DownChannel } from "../topics.ts";
import type { WirePacket } from "./wire.ts";
import type { GatewayLimits } from "./limits.ts";
import type { LoginKind, Via } from "./login.ts";

/** Most unacknowledged batches on the link, and the bounds of each. */
export const linkLimits = { batchesInFlight: 3, batchRecordsMax: 4_000, batchBytesMax: 2_097_152 } as const;

/** Who reads the up road: `effects` is everything that follows from it; `points` stores the readings where `effects` does not. */
export type UpReader = "effects" | "points";

/** What a reader has not committed yet. */
export interface UpBacklog {
  records: number;
  /** Age of the oldest of them; 0 when there is none. */
  oldestMs: number;
}

/** How a connection came or went; a record of the up road. A new boot id ends every connection of earlier boots. */
export interface Presence {
  bootId: string;
  /** Increases within a boot. A disconnect counts only for the current connection. */
  connectionId: number;
  /** `held`: it says more than a limit allows, and is read no faster than that. `released`: no longer. Both are within a connection. */
  state: "connected" | "disconnected" | "held" | "released";
  /** Why it went: one of `closeReasons`, or one of a newer gateway's. Of one that is held or released the limit's name. */
  reason?: string;
  /** What that limit allows. */
  limit?: number;
  /** Of one that came: from where, over what, and what it proved itself with. */
  address?: string;
  via?: Via;
  login?: LoginKind;
}

/** What a gateway refuses or sees that bears on security. */
export const gatewaySecurityKinds = [
  "login_refused",
  "certificate_refused",
  "claim_refused",
  "brute_force",
  "takeover",
  "will_refused",
  "publish_refused",
  "subscribe_refused",
  "protocol_error",
  "limit_hit",
] as const;
export type GatewaySecurityKind = (typeof gatewaySecurityKinds)[number];

/** What was refused or seen in some seconds, gathered: a record of the up road. Address and name may be an attacker's own choice. */
export interface SecurityReport {
  kind: GatewaySecurityKind;
  /** A stable code; `more` where too much came at once to be told apart. */
  reason: string;
  atMs: number;
  lastAtMs: number;
  count: number;
  /** An IPv4 address, or the /64 of an IPv6 one; empty where there is none, or many. */
  address: string;
  /** Under which name somebody came, cleaned: nothing says that they are it. Empty where there is none, or many. */
  name: string;
}

/** A credential that is checked by its hash: 256 random bits need no slow one. */
export interface Token {
  /** Lower-case hex. */
  sha256: string;
  /** The end of its grace after a rotation; null for the one in force. */
  validUntilMs: number | null;
}

/** What the gateway may know about a device: enough to let it in while the cloud is away. */
export interface DeviceIdentity {
  kind: "device";
  deviceId: string;
  model: string;
  /** None where it proves itself by certificate alone. */
  tokens: Token[];
}

/** The credential of one production batch, which reaches first contact and nothing else. */
export interface ClaimIdentity {
  kind: "claim";
  batch: string;
  tokens: Token[];
}

export type Identity = DeviceIdentity | ClaimIdentity;

/** Under which name the cloud is asked for an identity: a device by its id, a batch with this in front, which no id has. */
export const claimPrefix = "claim:";
export const identityName = (identity: Identity): string =>
  identity.kind === "device" ? identity.deviceId : claimPrefix + identity.batch;

/**
 * Who asks for a certificate: an appliance by the claim credential of its batch, or a device that is in. `fingerprint` is that of the
 * certificate that it came in by, null where that was a token.
 */
export type EnrolFrom =
  | { kind: "claim"; batch: string; serial: string }
  | { kind: "device"; deviceId: string; fingerprint: string | null };
/** Upper ends of the buckets that PUBACK latencies are counted in. */
export const pubackBucketsMs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000] as const;

/** Gauges and counters of one gateway since its boot, sent once a second. */
export interface GatewayStatus {
  connections: number;
  spoolRecords: number;
  spoolBytes: number;
  spoolBytesMax: number;
  /** Age of the oldest record that is not committed by all readers; 0 when there is none. */
  spoolOldestMs: number;
  /** How far behind each reader is; `points` is null where there is none. */
  behind: { effects: UpBacklog; points: UpBacklog | null };
  /** The spool is at its bound: PUBLISHes are held and CONNECTs answered with code 3. */
  spoolFull: boolean;
  /** QoS 1 messages read and not yet durable. */
  held: number;
  /** Connections that wait for their turn. */
  connectsWaiting: number;
  /** Devices that are held back, since they say more than they may. */
  heldBack: number;
  /** Persistent sessions, those of devices that are not here included, and what waits for them. */
  sessions: number;
  queued: number;
  queuedBytes: number;
  retainedItems: number;
  retainedBytes: number;
  /** From a PUBLISH's arrival to its PUBACK, in ms: how many took at most each of `pubackBucketsMs`, and longer than the last. */
  pubacks: { counts: number[]; sumMs: number };
  counters: Record<string, number>;
}

export type GatewayMessage =
  | {
      kind: "hello";
      gatewayId: string;
      spoolEpoch: string;
      bootId: string;
      firstSequence: number;
      headSequence: number;
    }
  /** `chunks` are consecutive; the first record of the first has `firstSequence`. */
  | { kind: "batch"; reader: UpReader; firstSequence: number; records: number; chunks: Uint8Array<ArrayBuffer>[] }
  /** Records that the gateway has lost (a damaged chunk), so that the cloud can say so. */
  | { kind: "gap"; reader: UpReader; fromSequence: number; toSequence: number; reason: string }
  /** `name` is a device's id, or `claim:` and a batch. */
  | { kind: "who"; askId: number; name: string }
  /** A device's subscription to `inbox` or `desired` was granted: what is open for it can be sent. */
  | { kind: "ready"; deviceId: string; connectionId: number; channels: DownChannel[] }
  /** What became of a `deliver`: written to the socket, or not. */
  | { kind: "written"; ref: string; deviceId: string; atMs: number }
  | { kind: "not_written"; ref: string; deviceId: string; reason: "absent" | "busy" }
  /** A certificate is asked for, with a `ProvisioningRequest` as it came. `enrolled` is the answer. */
  | { kind: "enrol"; askId: number; from: EnrolFrom; payload: string; address: string }
  /** Packets of a device that is watched, oldest first: `whole` for all that are kept, then what is new. */
  | { kind: "wire"; name: string; whole: boolean; packets: WirePacket[] }
  | { kind: "status"; status: GatewayStatus }
  | { kind: "drained" };

export interface RetainedItem {
  topic: string;
  /** JSON text; empty withdraws the topic. */
  payload: string;
}

export type CloudMessage =
  /**
   * Everything at or below `watermark` is committed for this spool epoch. -1 when nothing is. Said again, it makes the gateway offer
   * everything from there on anew, against new credit. Above the gateway's head it is answered with a `hello` of a new epoch.
   * `pointsWatermark` is that of the reader `points`, null where there is none: both come in one word, since nothing may be trimmed
   * before both are known.
   */
  | { kind: "welcome"; watermark: number; pointsWatermark: number | null }
  /** The gateway may send this many further batches to a reader. */
  | { kind: "credit"; reader: UpReader; batches: number }
  | { kind: "committed"; reader: UpReader; watermark: number }
  /** null: there is nobody of this name, or they may not connect. */
  | { kind: "identity"; askId: number; identity: Identity | null }
  /** Credentials changed: forget what was cached under this name; `disconnect` ends the connection now, its session with it. */
  | { kind: "forget"; name: string; disconnect: boolean }
  /** Tell what goes over the wire of a device: first what is kept, then what comes, until `on` is false or the link is lost. */
  | { kind: "watch"; name: string; on: boolean }
  | { kind: "deliver"; ref: string; deviceId: string; channel: DownChannel; payload: string }
  /** The answer to an `enrol`: a `ProvisioningReply` for the connection that asked, and nobody else. */
  | { kind: "enrolled"; askId: number; payload: string }
  /**
   * Certificates that do not count, by fingerprint: all of them where `whole`, which each link begins with, else further ones. Open
   * connections that came with one end now, their sessions with them.
   */
  | { kind: "revoked"; fingerprints: string[]; whole: boolean }
  /** All retained content topics. Replaces what the gateway holds when its version is newer, or is the first of its link. */
  | { kind: "feeds"; version: number; items: RetainedItem[] }
  /** Retained content topics that changed, in the order in which they go out: items before their index. */
  | { kind: "feeds_changed"; version: number; items: RetainedItem[] }
  /** The server's certificate or the fleet CA was renewed: who connects from now on is met with this. */
  | { kind: "tls"; material: TlsMaterial }
  /** Stop letting devices in, close connections, and answer `drained` when everything durable has been offered. */
  | { kind: "drain" };

export interface Listen {
  host: string;
  /** 0 takes any free one. */
  port: number;
}

/** What the gateway proves itself with, and whom it believes; all of it PEM. */
export interface TlsMaterial {
  /** The server's certificate and what leads to its root. */
  cert: string;
  key: string;
  /** The fleet CA, which signs the devices' certificates. */
  clientCa: string;
}

/** The gateway's settings, given to the worker as it starts. Sizes are bytes, times milliseconds. */
export interface GatewayConfig {
  gatewayId: string;
  /** Plain MQTT: for development, on loopback. */
  mqtt: Listen | null;
  mqtts: (Listen & { tls: TlsMaterial }) | null;
  spoolDir: string;
  spoolBytesMax: number;
  logLevel: string;
  limits: GatewayLimits;
}

/** What a gateway tells the one who started it, once; everything else goes over the link. */
export type GatewayReport =
  | { kind: "listening"; ports: GatewayPorts }
  /** `code` is the system's, EADDRINUSE for example, or `failed`; `port` is the one that could not be had. */
  | { kind: "failed"; code: string; message: string; port: number | null };

export interface GatewayPorts {
  mqtt: number | null;
  mqtts: number | null;
}
