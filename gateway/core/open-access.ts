import { isUtf8 } from "node:buffer";
import { type Access, refusedCode } from "./access.ts";
import { isTopic } from "./topic-text.ts";
import type { ConnectPacket } from "./packets.ts";

/** The one filter that is refused, as the Eclipse interoperability tests ask for. */
const refusedFilter = "test/nosubscribe";
const allowed = 0;

/**
 * Everything that MQTT 3.1.1 lets a client do, and everybody may: for test suites of the standard, on loopback. What is published
 * goes to whoever subscribed.
 */
export class OpenAccess implements Access {
  readonly identity = null;
  readonly enrolment = null;
  readonly road = "broker";
  readonly isBrief = false;
  readonly recordId = Buffer.alloc(0);
  readonly sessionId: string;

  constructor(sessionId: string) {
    this.sessionId = sessionId;
  }

  channelCodeOf(bytes: Buffer, start: number, end: number): number {
    const topic = bytes.subarray(start, end);
    return isUtf8(topic) && isTopic(topic.toString("utf8")) ? allowed : refusedCode;
  }

  willCodeOf({ topic }: NonNullable<ConnectPacket["will"]>): number {
    return isTopic(topic) ? allowed : refusedCode;
  }

  maySubscribe(filter: string): boolean {
    return filter !== refusedFilter && !filter.startsWith("$share/");
  }

  mayReceive(_topic: string): boolean {
    return true;
  }
}
