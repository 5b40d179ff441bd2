import { transaction } from "../platform/database.ts";
import type { Principal } from "../staff/staff.ts";
import { type EngagementDeps, type Refused, refused } from "./ports.ts";
import type { StoppedAddresses } from "./stopped-addresses.ts";
import type { UnsubscribeLinks } from "./unsubscribe-links.ts";

/** What a mail server's hook says of an address. */
export interface MailEvent {
  kind: "bounce" | "complaint";
  address: string;
  /** Of a bounce: the address is no more; a mailbox that is full is none. */
  permanent: boolean;
  detail: string | null;
}

type MailWordDeps = Pick<EngagementDeps, "db" | "clock" | "audit" | "outbox"> & {
  stopped: StoppedAddresses;
  links: UnsubscribeLinks;
};

/** The words that end letters: a link in one of them, a bounce, a complaint. */
export class MailWord {
  readonly #deps: MailWordDeps;

  constructor(deps: MailWordDeps) {
    this.#deps = deps;
  }

  /** Whether a link is one of ours: its page is shown only then. */
  isLink(token: string): boolean {
    return this.#deps.links.read(token) !== null;
  }

  /** Stops advertising to the address that the link's letter went to; at once, and as often as it is asked. */
  async unsubscribe(token: string): Promise<{ kind: "stopped" } | Refused<"unsubscribe_link_invalid">> {
    const terms = this.#deps.links.read(token);
    if (terms === null) return refused("unsubscribe_link_invalid");
    await this.#stop(
      { kind: "service", name: "unsubscribe" },
      terms.addressHash,
      "unsubscribed",
      null,
      terms.householdId,
    );
    return { kind: "stopped" };
  }

  /** Takes in what a mail server reports. @returns how many addresses are stopped by it */
  async hear(by: Principal, events: readonly MailEvent[]): Promise<number> {
    let count = 0;
    for (const { kind, address, permanent, detail } of events) {
      if (kind === "bounce" && !permanent) continue;
      const hash = this.#deps.stopped.hash(address);
      if (await this.#stop(by, hash, kind === "bounce" ? "bounced" : "complained", detail, null)) count += 1;
    }
    return count;
  }

  async #stop(
    by: Principal,
    hash: Buffer,
    reason: "bounced" | "complained" | "unsubscribed",
    detail: string | null,
    householdId: string | null,
  ): Promise<boolean> {
    const { db, clock, audit, outbox, stopped } = this.#deps;
    return transaction(db, async (tx) => {
      const atMs = clock.nowMs();
      if (!(await stopped.stop(tx, hash, reason, atMs, detail))) return false;
      const subject =
        householdId === null ? `mail_address:${hash.toString("hex").slice(0, 16)}` : `household:${householdId}`;
      await audit.record(tx, { principal: by, action: "mail_address.stopped", subject, after: { reason } });
      await outbox.add(tx, [{ type: "hearth.mail_address.stopped", subject, atMs, data: { reason, householdId } }]);
      return true;
    });
  }
}
