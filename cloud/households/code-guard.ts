import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Logger } from "../platform/logger.ts";
import type { Audit } from "../staff/staff.ts";
import { type CodeLimits, type CodeTry, WrongCodes } from "./core/wrong-codes.ts";

interface TooManyWrongCodes {
  kind: "refused";
  rule: "too_many_wrong_codes";
  retryAfterMs: number;
}

/** Stands in front of everything that a code opens: who guesses is stopped, and that is told. */
export class CodeGuard {
  readonly #wrong: WrongCodes;
  readonly #limits: CodeLimits;
  readonly #deps: { db: Db; clock: Clock; audit: Audit; logger: Logger };

  constructor(deps: { db: Db; clock: Clock; audit: Audit; logger: Logger }, limits: CodeLimits) {
    this.#deps = deps;
    this.#limits = limits;
    this.#wrong = new WrongCodes(limits);
  }

  /**
   * Runs `attempt` unless this address, or everybody together, guessed wrong too often.
   *
   * @param wrong the refusals that mean that the code was wrong, for whatever reason
   */
  async attempt<T extends { kind: string; rule?: string }>(
    address: string,
    wrong: string | readonly string[],
    attempt: () => Promise<T>,
  ): Promise<T | TooManyWrongCodes> {
    const allowed = this.#wrong.begin(address, this.#deps.clock.nowMs());
    if (allowed.kind === "limited") {
      if (allowed.isNews) await this.#tell(allowed, address);
      return { kind: "refused", rule: "too_many_wrong_codes", retryAfterMs: allowed.retryAfterMs };
    }
    let isWrong = false;
    try {
      const outcome = await attempt();
      isWrong = outcome.rule !== undefined && [wrong].flat().includes(outcome.rule);
      return outcome;
    } finally {
      // Where nobody answered nothing was learnt either.
      if (!isWrong) this.#wrong.giveBack(address);
    }
  }

  /** The address goes to the log, which is thrown away in time, and not to the audit log, which never is. */
  async #tell({ limit }: Extract<CodeTry, { kind: "limited" }>, address: string): Promise<void> {
    const { db, audit, logger } = this.#deps;
    logger.warn({ event: "pairing.limited", limit, address });
    await transaction(db, (tx) =>
      audit.record(tx, {
        principal: { kind: "system" },
        action: "pairing.limited",
        subject: "pairing:codes",
        after: { limit, max: this.#limits[limit], windowMs: this.#limits.wrongCodesWindowMs },
      }),
    );
  }
}
