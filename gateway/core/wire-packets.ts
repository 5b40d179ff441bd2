/** What a tape's record says, for people; and how it is said to a tape. */
import { type CloseReason, closeReasons } from "#protocol/errors.ts";
import { type LoginKind, loginKinds, type Via, vias } from "#protocol/link/login.ts";
import { type WirePacket, wireTypes } from "#protocol/link/wire.ts";
import { topicPrefix, upChannels } from "#protocol/topics.ts";
import type { TapeRecord } from "./tape.ts";

/** Longest text that is kept of one packet: its topic, its filters. */
const textMax = 200;
const closeNames = Object.keys(closeReasons);
/** Stands for the device's own topics, so that most texts are the same for all devices. */
const ownMark = "~/";
/** Those that devices publish to all day: a channel's code and one is the number of its text. */
export const ownTopics = upChannels.map((channel) => ownMark + channel);
const pingreq = wireTypes.indexOf("pingreq");

const ownPrefix = (name: string) => `${topicPrefix}/devices/${name}/`;

/** Topics or filters as one text. */
export function shorten(name: string, topics: readonly string[]): string {
  const own = ownPrefix(name);
  const short = topics.map((topic) => (topic.startsWith(own) ? ownMark + topic.slice(own.length) : topic));
  return short.join("\n").slice(0, textMax);
}

const lengthen = (name: string, text: string): string[] =>
  text === ""
    ? []
    : text
        .split("\n")
        .map((topic) => (topic.startsWith(ownMark) ? ownPrefix(name) + topic.slice(ownMark.length) : topic));

export const closeCode = (reason: CloseReason): number => closeNames.indexOf(reason);

/** How a CONNECT came, in the eight bits of a code. */
export const connectCode = (via: Via, login: LoginKind | null): number =>
  (vias.indexOf(via) << 4) | (login === null ? 0 : loginKinds.indexOf(login) + 1);

/**
 * @param id the tape's letter and the record's number
 * @param text of the record
 */
export function toWirePacket(id: string, name: string, record: TapeRecord, text: string): WirePacket {
  const { atMs, isOut, first, code, messageId, size } = record;
  const type = wireTypes[first >> 4] ?? "reserved";
  const isPing = first >> 4 === pingreq;
  const packet: WirePacket = {
    id,
    atMs,
    count: isPing ? size : 1,
    direction: type === "closed" ? "none" : isOut ? "out" : "in",
    type,
    size: isPing ? 2 : size,
    messageId: messageId === 0 ? null : messageId,
    publish: null,
    filters: [],
    codes: [],
    connect: null,
    reasons: [],
  };
  switch (type) {
    case "publish": {
      const topic = lengthen(name, text)[0] ?? null;
      packet.publish = { qos: (first >> 1) & 3, dup: (first & 8) !== 0, retain: (first & 1) !== 0, topic };
      return packet;
    }
    case "connect": {
      const login = loginKinds[(code & 15) - 1] ?? null;
      packet.connect = { clean: (first & 2) !== 0, keepaliveS: messageId, via: vias[code >> 4] ?? "tcp", login };
      packet.messageId = null;
      return packet;
    }
    case "connack":
      packet.codes = [code];
      packet.reasons = text === "" ? [] : [text];
      return packet;
    case "subscribe":
    case "unsubscribe":
      packet.filters = lengthen(name, text);
      return packet;
    case "suback":
      packet.codes = text.split(" ").map(Number);
      return packet;
    case "closed":
      packet.reasons = [closeNames[code] ?? "closed", ...(text === "" ? [] : [text])];
      return packet;
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp":
    case "unsuback":
    case "pingreq":
    case "pingresp":
    case "disconnect":
    case "reserved":
      return packet;
  }
}
