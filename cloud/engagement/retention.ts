import { yieldToEvents } from "../platform/clock.ts";
import type { EngagementDeps } from "./ports.ts";
import { RetentionStore } from "./retention-store.ts";
import { sourceOf } from "./sources.ts";

const dayMs = 86_400_000;

export interface RetentionLimits {
  /** How a decision came about, from when it was made. */
  tracesMs: number;
  /** What a campaign decided about each household, from its end: far longer than any cap and any goal looks back. */
  decisionsMs: number;
  /** Rows of one statement, and statements of one look for each kind of row: the rest is for the next. */
  rowsAtOnce: number;
  piecesMax: number;
}

export const traceDays = 90;
export const decisionDays = 400;

export const retentionLimits: RetentionLimits = {
  tracesMs: traceDays * dayMs,
  decisionsMs: decisionDays * dayMs,
  rowsAtOnce: 5_000,
  piecesMax: 40,
};

/** Forgets what has had its time, beside everything else and in bounded pieces. */
export class Retention {
  readonly #deps: Pick<EngagementDeps, "db" | "clock">;
  readonly #limits: RetentionLimits;
  readonly #store = new RetentionStore();

  constructor(deps: Pick<EngagementDeps, "db" | "clock">, limits = retentionLimits) {
    this.#deps = deps;
    this.#limits = limits;
  }

  async tick(): Promise<void> {
    const { db, clock } = this.#deps;
    const nowMs = clock.nowMs();
    const store = this.#store;
    const tracesBeforeMs = nowMs - this.#limits.tracesMs;
    const fromMs = await store.pastGoneBefore(db);
    if (await this.#all((limit) => store.removePast(db, fromMs, tracesBeforeMs, limit)))
      await store.notePastGone(db, tracesBeforeMs);
    await this.#all((limit) => store.removeContexts(db, tracesBeforeMs, limit));
    await this.#all((limit) => store.trimContexts(db, tracesBeforeMs, limit));
    const rowsBeforeMs = nowMs - this.#limits.decisionsMs;
    await this.#all((limit) => store.removeInterests(db, rowsBeforeMs, limit));
    await this.#all((limit) => store.removeTierNotices(db, rowsBeforeMs, limit));
    for (const id of await store.ended(db, rowsBeforeMs)) {
      const isDone =
        (await this.#all((limit) => store.removeDecisions(db, sourceOf(id), limit))) &&
        (await this.#all((limit) => store.removeMembers(db, id, limit)));
      if (!isDone) return;
      await store.noteTrimmed(db, id, nowMs);
    }
  }

  /** @returns whether nothing is left of it */
  async #all(remove: (limit: number) => Promise<number>): Promise<boolean> {
    for (let pieces = 0; pieces < this.#limits.piecesMax; pieces += 1) {
      if ((await remove(this.#limits.rowsAtOnce)) < this.#limits.rowsAtOnce) return true;
      await yieldToEvents();
    }
    return false;
  }
}
