import { claimClientId } from "#protocol/provisioning.ts";
import { buildTopic } from "#protocol/topics.ts";
import { type Access, enrolCode, may, refusedCode } from "./access.ts";

/** What the claim credential of a production batch reaches: to ask for one serial number's certificate, and to hear the answer. */
export class ClaimAccess implements Access {
  readonly identity = null;
  readonly road = "spool";
  readonly recordId = Buffer.alloc(0);
  readonly isBrief = true;
  readonly principal: { kind: "claim"; batch: string; serial: string };

  constructor(batch: string, serial: string) {
    this.principal = { kind: "claim", batch, serial };
  }

  get sessionId(): string {
    return claimClientId(this.principal.batch, this.principal.serial);
  }

  get enrolment(): NonNullable<Access["enrolment"]> {
    const replyTopic = buildTopic({ ...this.principal, kind: "provisioning", direction: "reply" });
    return { from: this.principal, replyTopic };
  }

  channelCodeOf(bytes: Buffer, start: number, end: number): number {
    return may(this.principal, "publish", bytes.toString("latin1", start, end)) ? enrolCode : refusedCode;
  }

  willCodeOf(): number {
    return refusedCode;
  }

  maySubscribe(filter: string): boolean {
    return may(this.principal, "subscribe", filter);
  }

  mayReceive(topic: string): boolean {
    return may(this.principal, "receive", topic);
  }
}
