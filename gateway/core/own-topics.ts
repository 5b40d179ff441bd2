import { topicPrefix, upChannels } from "#protocol/topics.ts";
import { channelCode } from "#protocol/link/up-chunk.ts";

const upNames = upChannels.map((channel) => ({ name: Buffer.from(channel), code: channelCode(channel) }));

/** A device's own up topics, matched against bytes as they came: no text is made of a topic. The rules for them are in access.ts. */
export class OwnTopics {
  /** ASCII, as records carry it. */
  readonly deviceId: Buffer;
  readonly #prefix: Buffer;

  constructor(deviceId: string) {
    this.deviceId = Buffer.from(deviceId, "latin1");
    this.#prefix = Buffer.from(`${topicPrefix}/devices/${deviceId}/`, "latin1");
  }

  /** The record code of the channel whose topic lies from `start` to `end`, or -1 where it is none of them. */
  channelCodeOf(bytes: Buffer, start: number, end: number): number {
    const nameStart = start + this.#prefix.length;
    if (nameStart >= end || bytes.compare(this.#prefix, 0, this.#prefix.length, start, nameStart) !== 0) return -1;
    for (const { name, code } of upNames) {
      if (name.length === end - nameStart && bytes.compare(name, 0, name.length, nameStart, end) === 0) return code;
    }
    return -1;
  }
}
