/** MQTT 3.1.1 control packets as far as the gate reads and writes them itself, as strictly as the standard has them. */
import { isUtf8 } from "node:buffer";
import { isFilter } from "./topic-text.ts";

export const packetTypes = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  disconnect: 14,
} as const;

export interface ConnectPacket {
  protocolLevel: number;
  clean: boolean;
  keepaliveMs: number;
  clientId: string;
  username: string | null;
  password: Buffer | null;
  will: { topic: string; payload: Buffer; qos: number; retain: boolean } | null;
  /** Bytes of its variable header and payload. */
  size: number;
}

/** Reads fields one after another; a field that is not there or not valid makes `failed` true and reads as empty. */
class Reader {
  failed = false;
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  u8(): number {
    if (this.#at + 1 > this.#end) return this.#fail();
    this.#at += 1;
    return this.#bytes[this.#at - 1] ?? 0;
  }

  u16(): number {
    if (this.#at + 2 > this.#end) return this.#fail();
    this.#at += 2;
    return this.#bytes.readUInt16BE(this.#at - 2);
  }

  binary(): Buffer {
    const length = this.u16();
    if (this.failed || this.#at + length > this.#end) {
      this.#fail();
      return this.#bytes.subarray(0, 0);
    }
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** Text without NUL (clause 1.5.3). */
  text(): string {
    const bytes = this.binary();
    if (!isUtf8(bytes) || bytes.includes(0)) this.#fail();
    return bytes.toString("utf8");
  }

  #fail(): number {
    this.failed = true;
    return 0;
  }
}

/** The CONNECT packet whose variable header begins at `start`, or null where it is malformed (clause 3.1). */
export function readConnect(bytes: Buffer, start: number, end: number): ConnectPacket | null {
  const reader = new Reader(bytes, start, end);
  const protocolName = reader.text();
  const protocolLevel = reader.u8();
  if (reader.failed || (protocolName !== "MQTT" && protocolName !== "MQIsdp")) return null;
  // Another version lays out the rest differently: it is answered, not read.
  if (protocolLevel !== 4) return { ...unreadConnect, protocolLevel };
  const flags = reader.u8();
  const keepaliveMs = reader.u16() * 1_000;
  const clientId = reader.text();
  const will = flags & 0x04 ? readWill(reader, flags) : null;
  const username = flags & 0x80 ? reader.text() : null;
  // The standard lets a password be any bytes; a copy, since these bytes go on to other uses.
  const password = flags & 0x40 ? Buffer.from(reader.binary()) : null;
  const flagsAreValid =
    (flags & 0x01) === 0 &&
    (flags & 0x18) !== 0x18 &&
    ((flags & 0x04) !== 0 || (flags & 0x38) === 0) &&
    (flags & 0xc0) !== 0x40;
  if (reader.failed || !reader.done || !flagsAreValid || protocolName !== "MQTT") return null;
  const size = end - start;
  return { protocolLevel, clean: (flags & 0x02) !== 0, keepaliveMs, clientId, username, password, will, size };
}

const unreadConnect = {
  clean: true,
  keepaliveMs: 0,
  clientId: "",
  username: null,
  password: null,
  will: null,
  size: 0,
};

function readWill(reader: Reader, flags: number): NonNullable<ConnectPacket["will"]> {
  const topic = reader.text();
  const payload = Buffer.from(reader.binary());
  return { topic, payload, qos: (flags >> 3) & 3, retain: (flags & 0x20) !== 0 };
}

/** Filters of a SUBSCRIBE (clause 3.8), or null where it is malformed. */
export function readSubscribe(bytes: Buffer, start: number, end: number): string[] | null {
  const reader = new Reader(bytes, start, end);
  const filters: string[] = [];
  if (reader.u16() === 0) return null;
  while (!reader.done && !reader.failed) {
    const filter = reader.text();
    if (reader.u8() > 2 || filter === "" || !isFilter(filter)) return null;
    filters.push(filter);
  }
  return reader.failed || filters.length === 0 ? null : filters;
}

/** Filters of an UNSUBSCRIBE (clause 3.10), or null where it is malformed. */
export function readUnsubscribe(bytes: Buffer, start: number, end: number): string[] | null {
  const reader = new Reader(bytes, start, end);
  const filters: string[] = [];
  if (reader.u16() === 0) return null;
  while (!reader.done && !reader.failed) {
    const filter = reader.text();
    if (filter === "") return null;
    filters.push(filter);
  }
  return reader.failed || filters.length === 0 ? null : filters;
}

/** The id in a PUBACK, PUBREC, PUBREL or PUBCOMP (clauses 3.4 to 3.7), or 0 where it is malformed. */
export const readAcknowledgement = (bytes: Buffer, start: number, end: number): number =>
  end - start === 2 ? bytes.readUInt16BE(start) : 0;

/** CONNECT for the broker behind the gate: who it is, and nothing that the gate sees to itself (keepalive, will, password). */
export function encodeConnect(clientId: string, clean: boolean): Buffer {
  const id = Buffer.from(clientId);
  const body = Buffer.alloc(12 + id.length);
  body.write("\0\u0004MQTT\u0004", 0, "latin1");
  body[7] = clean ? 0x02 : 0x00;
  body.writeUInt16BE(id.length, 10);
  body.set(id, 12);
  return Buffer.concat([Buffer.from([packetTypes.connect << 4, ...encodeLength(body.length)]), body]);
}

/** PUBLISH without retain (clause 3.3). `messageId` counts for QoS 1. */
export function encodePublish(topic: string, payload: string, qos: 0 | 1, messageId: number): Buffer {
  const topicBytes = Buffer.from(topic);
  const payloadBytes = Buffer.from(payload);
  const idBytes = qos === 1 ? 2 : 0;
  const head = Buffer.alloc(2 + topicBytes.length + idBytes);
  head.writeUInt16BE(topicBytes.length, 0);
  head.set(topicBytes, 2);
  if (qos === 1) head.writeUInt16BE(messageId, 2 + topicBytes.length);
  const length = encodeLength(head.length + payloadBytes.length);
  return Buffer.concat([Buffer.from([(packetTypes.publish << 4) | (qos << 1), ...length]), head, payloadBytes]);
}

/** One PUBACK for each id, in their order, as one piece (clause 3.4). */
export function encodePubacks(messageIds: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(messageIds.length * 4);
  let at = 0;
  for (const messageId of messageIds) {
    bytes[at] = packetTypes.puback << 4;
    bytes[at + 1] = 2;
    bytes[at + 2] = messageId >> 8;
    bytes[at + 3] = messageId & 0xff;
    at += 4;
  }
  return bytes;
}

/** CONNACK without a session (clause 3.2). */
export const encodeConnack = (returnCode: number): Buffer => Buffer.from([0x20, 2, 0, returnCode]);

export const pingresp = Buffer.from([0xd0, 0]);

function encodeLength(length: number): number[] {
  const digits: number[] = [];
  let rest = length;
  do {
    const digit = rest % 128;
    rest = Math.floor(rest / 128);
    digits.push(rest > 0 ? digit | 0x80 : digit);
  } while (rest > 0);
  return digits;
}
