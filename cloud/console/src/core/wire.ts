/** What goes over an appliance's wire, in MQTT's words and in plain ones. */
import { wireTypes } from "#protocol/link/wire.ts";
import type { WireAnswer, WirePacket } from "../api/shapes.ts";

/** Packets of one type, or everything that did not go well. */
export type PacketFilter = WirePacket["type"] | "trouble";

export const packetFilter = (value: unknown): PacketFilter | undefined =>
  value === "trouble" ? value : wireTypes.find((type) => type === value);

/** The names that MQTT's specification has; `closed` is no packet. */
export const packetName = (type: WirePacket["type"]): string =>
  type === "closed" ? "Connection ended" : type.toUpperCase();

/** How many packets stay on the page: as many as a snapshot has. */
const packetsMax = 200;

/** The packets that are known after a further word, oldest first. */
export function withWord(known: readonly WirePacket[], kind: string, { packets }: WireAnswer): WirePacket[] {
  const byId = new Map(kind === "snapshot" ? [] : known.map((packet) => [packet.id, packet]));
  // What is replaced keeps its place.
  for (const packet of packets) byId.set(packet.id, packet);
  return [...byId.values()].slice(-packetsMax);
}

const calmEnds = new Set(["closed", "taken_over", "shutdown"]);
const lostEnds = new Set(["lost", "keepalive", "stalled", "connect_timeout"]);
const refusedFilter = 128;

/** What a packet should be seen as at a glance. */
export function packetTone({ type, reasons: [reason], codes }: WirePacket): "plain" | "mind" | "wrong" {
  if (type === "closed") {
    if (reason === undefined || calmEnds.has(reason)) return "plain";
    return lostEnds.has(reason) ? "mind" : "wrong";
  }
  if (type === "connack") return codes.some((code) => code !== 0) ? "wrong" : "plain";
  if (type === "suback") return codes.includes(refusedFilter) ? "wrong" : "plain";
  return reason === undefined ? "plain" : "wrong";
}

export const passes = (packet: WirePacket, filter: PacketFilter | undefined): boolean =>
  filter === undefined || (filter === "trouble" ? packetTone(packet) !== "plain" : packet.type === filter);

/** Clause 3.2.2.3 of MQTT 3.1.1. */
const connackWords = [
  "accepted",
  "unacceptable protocol version",
  "identifier rejected",
  "server unavailable",
  "bad user name or password",
  "not authorized",
];

/** The return codes of a CONNACK or SUBACK, each with its meaning. */
export const codeTexts = ({ type, codes }: WirePacket): string[] =>
  codes.map((code) => {
    if (type === "connack") return `${code}: ${connackWords[code] ?? "unknown code"}`;
    return code === refusedFilter ? `${code}: filter refused` : `${code}: granted with QoS ${code}`;
  });

export const directionText = {
  in: "from the appliance",
  out: "to the appliance",
  none: null,
} as const;
