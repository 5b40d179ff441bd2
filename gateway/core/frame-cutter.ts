/**
 * Cuts a byte stream into MQTT control packets (MQTT 3.1.1, clause 2.2), and refuses a packet by its first bytes: memory is taken
 * for what has arrived, never for what a header claims.
 */
export type Cut = "frame" | "more" | "malformed_length" | "packet_too_large";

const partialBytesAtFirst = 256;
const lengthBytesMax = 4;

export class FrameCutter {
  /** The packet that `next` found: its bytes from `start` to `end`, the variable header from `bodyStart`. */
  bytes: Buffer = Buffer.alloc(0);
  start = 0;
  bodyStart = 0;
  end = 0;

  #chunk: Buffer = this.bytes;
  #at = 0;
  #partial: Buffer | null = null;
  #have = 0;
  /** Length of the partial packet, 0 while its header is not whole. */
  #need = 0;
  #headerEnd = 0;

  /** Bytes that were fed and belong to no packet yet handed out. */
  get waiting(): number {
    return this.#have + this.#chunk.length - this.#at;
  }

  /** Whether a packet has begun and not ended. */
  get midPacket(): boolean {
    return this.#partial !== null;
  }

  /** The first byte of the packet that has begun, or null. */
  get firstByte(): number | null {
    return this.#partial?.[0] ?? null;
  }

  feed(chunk: Buffer): void {
    this.#chunk = this.#at < this.#chunk.length ? Buffer.concat([this.#chunk.subarray(this.#at), chunk]) : chunk;
    this.#at = 0;
  }

  /** Copies what is left of what was fed, whose bytes the caller has other uses for. */
  keep(): void {
    const rest = this.#at < this.#chunk.length ? Buffer.from(this.#chunk.subarray(this.#at)) : empty;
    this.#more();
    this.#chunk = rest;
  }

  /** Moves to the next whole packet. @param bytesMax largest packet allowed now, header included */
  next(bytesMax: number): Cut {
    if (this.#partial !== null) return this.#continue(this.#partial, bytesMax);
    const available = this.#chunk.length - this.#at;
    if (available === 0) return this.#more();
    const total = this.#readHeader(this.#chunk, this.#at, this.#chunk.length);
    if (total < 0) return "malformed_length";
    if (total > bytesMax) return "packet_too_large";
    if (total === 0 || available < total) return this.#stash(total);
    this.bytes = this.#chunk;
    this.start = this.#at;
    this.bodyStart = this.#at + this.#headerEnd;
    this.#at += total;
    this.end = this.#at;
    return "frame";
  }

  /** Lets go of the last chunk, so that an idle connection keeps no read buffer alive. */
  #more(): Cut {
    this.#chunk = empty;
    this.#at = 0;
    this.bytes = empty;
    return "more";
  }

  /** The whole packet's length, 0 where the header has not all arrived, -1 where its length is malformed. */
  #readHeader(from: Buffer, start: number, limit: number): number {
    let remaining = 0;
    for (let digit = 0; digit < lengthBytesMax; digit += 1) {
      const at = start + 1 + digit;
      if (at >= limit) return 0;
      const byte = from[at] ?? 0;
      remaining += (byte & 0x7f) * 128 ** digit;
      if (byte < 0x80) {
        this.#headerEnd = digit + 2;
        return this.#headerEnd + remaining;
      }
    }
    return -1;
  }

  #stash(total: number): Cut {
    const rest = this.#chunk.subarray(this.#at);
    this.#partial = Buffer.allocUnsafeSlow(Math.max(rest.length, Math.min(total, partialBytesAtFirst), 8));
    this.#partial.set(rest);
    this.#have = rest.length;
    this.#need = total;
    return this.#more();
  }

  #continue(partial: Buffer, bytesMax: number): Cut {
    while (this.#need === 0) {
      if (this.#at >= this.#chunk.length) return this.#more();
      partial[this.#have] = this.#chunk[this.#at] ?? 0;
      this.#have += 1;
      this.#at += 1;
      this.#need = this.#readHeader(partial, 0, this.#have);
      if (this.#need < 0) return "malformed_length";
      if (this.#need > bytesMax) return "packet_too_large";
    }
    const take = Math.min(this.#need - this.#have, this.#chunk.length - this.#at);
    const room = this.#roomFor(partial, this.#have + take);
    room.set(this.#chunk.subarray(this.#at, this.#at + take), this.#have);
    this.#have += take;
    this.#at += take;
    if (this.#have < this.#need) return this.#more();
    this.bytes = room;
    this.start = 0;
    this.bodyStart = this.#headerEnd;
    this.end = this.#need;
    this.#partial = null;
    this.#have = 0;
    this.#need = 0;
    return "frame";
  }

  #roomFor(partial: Buffer, bytes: number): Buffer {
    if (bytes <= partial.length) return partial;
    const grown = Buffer.allocUnsafeSlow(Math.min(this.#need, Math.max(bytes, partial.length * 2)));
    grown.set(partial.subarray(0, this.#have));
    this.#partial = grown;
    return grown;
  }
}

const empty = Buffer.alloc(0);
