import { type Db, transaction } from "../platform/database.ts";
import { type Refused, refused } from "../platform/refused.ts";
import type { Principal } from "../staff/staff.ts";
import type { DecisionsStore } from "./decisions-store.ts";
import type { MessagesStore } from "./messages-store.ts";
import type { EngagementDeps } from "./ports.ts";
import type { StoppedAddresses, StopReason } from "./stopped-addresses.ts";
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
  messages: MessagesStore;
  decisions: DecisionsStore;
  stopped: StoppedAddresses;
  links: UnsubscribeLinks;
};

interface Stop {
  hash: Buffer;
  reason: StopReason;
  detail: string | null;
  /** Whose letter said so, where that is known. */
  householdId: string | null;
}

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
    const { addressHash: hash, householdId } = terms;
    const by: Principal = { kind: "service", name: "unsubscribe" };
    await transaction(this.#deps.db, (tx) =>
      this.#stop(tx, by, { hash, reason: "unsubscribed", detail: null, householdId }),
    );
    return { kind: "stopped" };
  }

  /** Takes in what a mail server reports. What bounced for good reached nobody, also what was taken at first. @returns how many addresses are stopped by it */
  async hear(by: Principal, events: readonly MailEvent[]): Promise<number> {
    const { db, clock, messages, decisions, stopped } = this.#deps;
    let count = 0;
    for (const { kind, address, permanent, detail } of events) {
      if (kind === "bounce" && !permanent) continue;
      const hash = stopped.hash(address);
      const reason = kind === "bounce" ? "bounced" : "complained";
      const isNews = await transaction(db, async (tx) => {
        if (kind === "bounce")
          await decisions.waysFailed(tx, await messages.bounced(tx, hash, clock.nowMs()), clock.nowMs());
        return this.#stop(tx, by, { hash, reason, detail, householdId: null });
      });
      if (isNews) count += 1;
    }
    return count;
  }

  async #stop(tx: Db, by: Principal, { hash, reason, detail, householdId }: Stop): Promise<boolean> {
    const { clock, audit, outbox, stopped } = this.#deps;
    const atMs = clock.nowMs();
    if (!(await stopped.stop(tx, hash, reason, atMs, detail))) return false;
    const subject =
      householdId === null ? `mail_address:${hash.toString("hex").slice(0, 16)}` : `household:${householdId}`;
    await audit.record(tx, { principal: by, action: "mail_address.stopped", subject, after: { reason } });
    await outbox.add(tx, [{ type: "hearth.mail_address.stopped", subject, atMs, data: { reason, householdId } }]);
    return true;
  }
}
