import type { DeviceIdentity } from "#protocol/link/messages.ts";
import { channelCode } from "#protocol/link/up-chunk.ts";
import { buildTopic, ownBatch, parseTopic } from "#protocol/topics.ts";
import { type Access, enrolCode, may, refusedCode } from "./access.ts";
import { OwnTopics } from "./own-topics.ts";
import type { ConnectPacket } from "./packets.ts";

/**
 * What a device may do that has proved who it is: the rule of `may`. Whatever it publishes goes to the spool, with QoS 0 or 1, but for
 * what asks for its next certificate.
 */
export class DeviceAccess implements Access {
  readonly identity: DeviceIdentity;
  readonly road = "spool";
  readonly isBrief = false;
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

  get enrolment(): NonNullable<Access["enrolment"]> {
    const { deviceId } = this.identity;
    return {
      from: { kind: "device", deviceId },
      replyTopic: buildTopic({ kind: "provisioning", batch: ownBatch, serial: deviceId, direction: "reply" }),
    };
  }

  /** Its own up topics are found without making text of them; any other is looked up in the rules, since it is rare. */
  channelCodeOf(bytes: Buffer, start: number, end: number): number {
    const code = this.#own.channelCodeOf(bytes, start, end);
    if (code !== refusedCode) return code;
    const isAllowed = may(this.identity, "publish", bytes.toString("latin1", start, end));
    return isAllowed ? enrolCode : refusedCode;
  }

  willCodeOf({ topic: text, qos, retain }: NonNullable<ConnectPacket["will"]>): number {
    const topic = parseTopic(text);
    const isAllowed = may(this.identity, "will", text) && !retain && qos < 2;
    return topic?.kind === "up" && isAllowed ? channelCode(topic.channel) : refusedCode;
  }

  maySubscribe(filter: string): boolean {
    return may(this.identity, "subscribe", filter);
  }

  mayReceive(topic: string): boolean {
    return may(this.identity, "receive", topic);
  }
}
