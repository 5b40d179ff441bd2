import type { CloseReason } from "#protocol/errors.ts";
import type { LoginKind, Via } from "#protocol/link/login.ts";
import type { PacketMemory } from "./packet-memory.ts";
import { type ConnectPacket, packetTypes } from "./packets.ts";
import { Tape } from "./tape.ts";
import { closeCode, connectCode, shorten } from "./wire-packets.ts";

const typeByte = (type: number, flags = 0): number => (type << 4) | flags;
const connackBytes = 4;
const pubackBytes = 4;
const pubackByte = typeByte(packetTypes.puback);
const cleanFlag = 2;
const keepaliveMax = 0xffff;
/** Bytes of a topic that are kept where it is none of the device's own. */
const topicBytesMax = 200;

/** The tape of one device, in MQTT's terms. What is said to it holds no payload and no password, so that it can be shown. */
export class DeviceTape extends Tape {
  readonly #name: string;
  readonly #memory: PacketMemory;
  /** The last SUBSCRIBE or UNSUBSCRIBE: its type, and its message id. */
  #asked = 0;

  constructor(name: string, memory: PacketMemory, recordsMax: number) {
    super(memory, recordsMax);
    this.#name = name;
    this.#memory = memory;
  }

  /** @param login null where it was refused */
  connect(atMs: number, { clean, keepaliveMs, size }: ConnectPacket, via: Via, login: LoginKind | null): void {
    const first = typeByte(packetTypes.connect, clean ? cleanFlag : 0);
    const keepaliveS = Math.min(keepaliveMax, keepaliveMs / 1_000);
    this.put(atMs, false, first, connectCode(via, login), keepaliveS, size, 0);
  }

  /** @param reason why it was refused, as those are told who look after the service */
  connack(atMs: number, code: number, reason: string): void {
    this.put(atMs, true, typeByte(packetTypes.connack), code, 0, connackBytes, this.#text(reason));
  }

  /** A packet that came whole, and is no PUBLISH and no PINGREQ. It need not be right. */
  received(atMs: number, bytes: Buffer, start: number, bodyStart: number, end: number): void {
    const first = bytes[start] ?? 0;
    const hasId = first >> 4 !== packetTypes.disconnect && end - bodyStart >= 2;
    const messageId = hasId ? bytes.readUInt16BE(bodyStart) : 0;
    this.#asked = ((first >> 4) << 16) | messageId;
    this.put(atMs, false, first, 0, messageId, end - start, 0);
  }

  /** @param code of the topic's channel; below 0 where it is none of the device's own */
  published(
    atMs: number,
    first: number,
    code: number,
    bytes: Buffer,
    topicStart: number,
    topicEnd: number,
    messageId: number,
    size: number,
  ): void {
    const text = code >= 0 ? code + 1 : this.#foreign(bytes, topicStart, topicEnd);
    this.put(atMs, false, first, 0, messageId, size, text);
  }

  /** What the last packet asked for. */
  asks(filters: readonly string[]): void {
    this.name(this.#text(shorten(this.#name, filters)));
  }

  /** The answer to the last SUBSCRIBE or UNSUBSCRIBE. */
  settled(atMs: number, codes: readonly number[]): void {
    const isSubscribe = this.#asked >> 16 === packetTypes.subscribe;
    const answer = isSubscribe ? packetTypes.suback : packetTypes.unsuback;
    const text = isSubscribe ? this.#text(codes.join(" ")) : 0;
    this.put(atMs, true, typeByte(answer), 0, this.#asked & 0xffff, 4 + codes.length, text);
  }

  acknowledged(atMs: number, messageIds: readonly number[]): void {
    for (const messageId of messageIds) this.put(atMs, true, pubackByte, 0, messageId, pubackBytes, 0);
  }

  /** A PUBLISH that goes out. @param first its first byte */
  sent(atMs: number, topic: string, first: number, messageId: number, size: number): void {
    this.put(atMs, true, first, 0, messageId, size, this.#text(shorten(this.#name, [topic])));
  }

  /** @param why what exactly was wrong, or empty */
  closed(atMs: number, reason: CloseReason, why: string): void {
    this.put(atMs, false, 0, closeCode(reason), 0, 0, this.#text(why));
  }

  #foreign(bytes: Buffer, start: number, end: number): number {
    return this.#text(shorten(this.#name, [bytes.toString("utf8", start, Math.min(end, start + topicBytesMax))]));
  }

  #text(text: string): number {
    return text === "" ? 0 : this.#memory.texts.use(text);
  }
}
