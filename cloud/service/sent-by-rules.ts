import type { Db } from "../platform/database.ts";
import type { RuleDefinition } from "./core/rule.ts";
import { RuleFiringsStore } from "./rule-firings-store.ts";

/** What rules had sent and a limit took back: whether it is still to go, and which deliveries it went by. */
export class SentByRules {
  readonly #store = new RuleFiringsStore();
  readonly #inForce: (ruleId: string) => { definition: RuleDefinition } | undefined;

  constructor(inForce: (ruleId: string) => { definition: RuleDefinition } | undefined) {
    this.#inForce = inForce;
  }

  /** Of some deliveries those that are to go no more: their rule is switched off or sends something else by now, or what it found is over. */
  async unwanted(tx: Db, deliveryIds: readonly string[]): Promise<ReadonlySet<string>> {
    const sent = await this.#store.sentBy(tx, deliveryIds);
    return new Set(
      sent.flatMap(({ delivery_id, rule_id, item_id, cleared }) =>
        cleared || !this.#sends(rule_id, item_id) ? [delivery_id] : [],
      ),
    );
  }

  /** The new deliveries are the same firings' as the old ones. */
  async sentAgain(tx: Db, pairs: readonly { before: string; after: string }[]): Promise<void> {
    if (pairs.length > 0) await this.#store.followed(tx, pairs);
  }

  #sends(ruleId: string, itemId: string): boolean {
    const rule = this.#inForce(ruleId)?.definition;
    return (
      rule?.mode === "live" && rule.actions.some((action) => action.kind === "send_content" && action.itemId === itemId)
    );
  }
}
