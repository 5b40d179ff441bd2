import type { LoginKind, Via } from "./login.ts";

/** MQTT's control packets, and `closed`, which is no packet: the connection ended here. */
export const wireTypes = [
  "closed",
  "connect",
  "connack",
  "publish",
  "puback",
  "pubrec",
  "pubrel",
  "pubcomp",
  "subscribe",
  "suback",
  "unsubscribe",
  "unsuback",
  "pingreq",
  "pingresp",
  "disconnect",
  "reserved",
] as const;
export type WireType = (typeof wireTypes)[number];

/** What is kept of one packet of a device: never a payload, never a password. */
export interface WirePacket {
  /** Unique within the device. The same id again replaces what was said: a ping that repeats is one packet. */
  id: string;
  atMs: number;
  /** How often it came in a row; for pings, each of which was answered. */
  count: number;
  direction: "in" | "out" | "none";
  type: WireType;
  /** Of the whole packet, in bytes; 0 where it is not known. */
  size: number;
  messageId: number | null;
  /** Of a PUBLISH. */
  publish: { qos: number; dup: boolean; retain: boolean; topic: string | null } | null;
  /** Of a SUBSCRIBE or UNSUBSCRIBE, as many as are kept. */
  filters: string[];
  /** Of a CONNACK one, of a SUBACK one for each filter. */
  codes: number[];
  /** Of a CONNECT; `login` is null where it was refused. */
  connect: { clean: boolean; keepaliveS: number; via: Via; login: LoginKind | null } | null;
  /** Why it was refused or ended: stable codes, the general one first. */
  reasons: string[];
}
