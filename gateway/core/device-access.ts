import type { DeviceIdentity } from "#protocol/link/messages.ts";
import { channelCode } from "#protocol/link/up-chunk.ts";
import { parseTopic } from "#protocol/topics.ts";
import { type Access, may } from "./access.ts";
import { OwnTopics } from "./own-topics.ts";
import type { ConnectPacket } from "./packets.ts";

/** What a device may do that has proved who it is: the rule of `may`. Whatever it publishes goes to the spool, with QoS 0 or 1. */
export class DeviceAccess implements Access {
  readonly identity: DeviceIdentity;
  readonly road = "spool";
  readonly #own: OwnTopics;

  constructor(identity: DeviceIdentity) {
    this.identity = identity;
    this.#own = new OwnTopics(identity.deviceId);
  }

  get sessionId(): string {
    return this.identity.deviceId;
  }

  get recordId(): Buffer {
    return this.#own.deviceId;
  }

  channelCodeOf(bytes: Buffer, start: number, end: number): number {
    return this.#own.channelCodeOf(bytes, start, end);
  }

  willCodeOf({ topic: text, qos, retain }: NonNullable<ConnectPacket["will"]>): number {
    const topic = parseTopic(text);
    const isAllowed = may(this.identity, "will", text) && !retain && qos < 2;
    return topic?.kind === "up" && isAllowed ? channelCode(topic.channel) : -1;
  }

  maySubscribe(filter: string): boolean {
    return may(this.identity, "subscribe", filter);
  }

  mayReceive(topic: string): boolean {
    return may(this.identity, "receive", topic);
  }
}
