/** MQTT 3.1.1 frames as bytes, made once and sent often: what a load generator needs and no more. */

const text = (value: string) => {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

function frame(type: number, body: Buffer): Buffer {
  const header = [type];
  let rest = body.length;
  do {
    header.push((rest % 128) | (rest > 127 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Buffer.from(header), body]);
}

/** CONNECT with a clean session. */
export function connectFrame(clientId: string, user: string, password: string, keepaliveS = 60): Buffer {
  const flags = Buffer.from([4, 0xc2, keepaliveS >> 8, keepaliveS & 0xff]);
  return frame(0x10, Buffer.concat([text("MQTT"), flags, text(clientId), text(user), text(password)]));
}

/** SUBSCRIBE to all filters with QoS 1. */
export function subscribeFrame(packetId: number, filters: readonly string[]): Buffer {
  const id = Buffer.from([packetId >> 8, packetId & 0xff]);
  return frame(0x82, Buffer.concat([id, ...filters.flatMap((filter) => [text(filter), Buffer.from([1])])]));
}

/** A QoS 1 PUBLISH. */
export function publishFrame(topic: string, packetId: number, payload: string | Buffer, duplicate = false): Buffer {
  const id = Buffer.alloc(2);
  id.writeUInt16BE(packetId);
  return frame(duplicate ? 0x3a : 0x32, Buffer.concat([text(topic), id, Buffer.from(payload)]));
}

/** A QoS 1 PUBLISH of a reading of five metrics whose packet id and time can be written over in place. */
export class ReadingFrame {
  readonly bytes: Buffer;
  readonly #idAt: number;
  readonly #timeAt: number;

  constructor(deviceId: string) {
    const topic = text(`hearth/v1/devices/${deviceId}/telemetry`);
    const payload = Buffer.from(
      `{"atMs":0000000000000,"m":{"cavity_c":181.4,"setpoint_c":180,"power_w":2140,"fan_rpm":1450,"door_open":false}}`,
    );
    this.bytes = frame(0x32, Buffer.concat([topic, Buffer.alloc(2), payload]));
    this.#idAt = this.bytes.length - payload.length - 2;
    this.#timeAt = this.bytes.length - payload.length + `{"atMs":`.length;
  }

  /** The frame for one reading. The bytes are the same object each time. */
  at(packetId: number, atMs: number): Buffer {
    this.bytes.writeUInt16BE(packetId, this.#idAt);
    this.bytes.write(String(atMs), this.#timeAt, "latin1");
    return this.bytes;
  }
}

/** Counts the PUBACKs in a stream of CONNACK, PUBACK and PINGRESP, which all have a one-byte length. */
export class AckCounter {
  #rest: Buffer = Buffer.alloc(0);

  /** @returns how many PUBACKs this piece completed; -1 for a CONNACK that refuses */
  feed(piece: Buffer): number {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    let acks = 0;
    let at = 0;
    while (at + 2 <= bytes.length && at + 2 + (bytes[at + 1] ?? 0) <= bytes.length) {
      if (bytes[at] === 0x40) acks += 1;
      if (bytes[at] === 0x20 && bytes[at + 3] !== 0) return -1;
      at += 2 + (bytes[at + 1] ?? 0);
    }
    this.#rest = bytes.subarray(at);
    return acks;
  }
}
