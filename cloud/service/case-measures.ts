import { sql } from "kysely";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Severity } from "./core/severity.ts";

/** Of the cases that came to be known in one week, without those that an incident took over or that went into another case. Times are in milliseconds; null where there is nothing to measure. */
export interface WeekOfCases {
  /** Monday 00:00 UTC. */
  weekAtMs: number;
  opened: number;
  answered: number;
  /** From when it came to be known to the first word to the owner, by a person or by automation. */
  firstAnswerMs: { median: number | null; p90: number | null };
  resolved: number;
  /** Until it was resolved for the first time; what it waited for its owner or a release is in it. */
  resolveMs: { median: number | null; p90: number | null };
  /** Of those resolved, the share that reopened. */
  reopenedShare: number | null;
  /** Of those resolved, the share that was closed by its cause, a release, automation or its owner without anybody of the staff writing in it, or having to look at it. */
  automationShare: number | null;
  /** A promise is missed when its time is over and it was not kept by then; one that still runs is neither. */
  firstAnswerPromise: { kept: number; missed: number };
  resolvePromise: { kept: number; missed: number };
}

/** How often a cause was found lately. */
export interface FoundCause {
  cause: string;
  /** Without those that an incident took over or that went into another case. */
  cases: number;
  incidents: number;
  /** Cases that are open now, however old they are. */
  open: number;
}

const causesShown = 1_000;

interface WeekRow {
  week_at_ms: number;
  opened: number;
  answered: number;
  answer_median: number | null;
  answer_p90: number | null;
  resolved: number;
  resolve_median: number | null;
  resolve_p90: number | null;
  reopened: number;
  automated: number;
  answer_kept: number;
  answer_missed: number;
  resolve_kept: number;
  resolve_missed: number;
}

const dayMs = 86_400_000;
const weekMs = 7 * dayMs;
/** The epoch's first Monday. */
const mondayMs = 4 * dayMs;

const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
const rounded = (ms: number | null): number | null => (ms === null ? null : Math.round(ms));

/** How cases went, week by week. */
export class CaseMeasures {
  readonly #deps: { db: Db; clock: Clock };

  constructor(deps: { db: Db; clock: Clock }) {
    this.#deps = deps;
  }

  /** The last `weeks` weeks, this one included, oldest first; a week without cases is there too. */
  async weekly(weeks: number, severity: Severity | null): Promise<WeekOfCases[]> {
    const nowMs = this.#deps.clock.nowMs();
    const thisWeekMs = nowMs - ((((nowMs - mondayMs) % weekMs) + weekMs) % weekMs);
    const fromMs = thisWeekMs - (weeks - 1) * weekMs;
    const { rows } = await sql<WeekRow>`
      WITH one AS (
        SELECT c.*, (c.known_at_ms - ${mondayMs}::bigint) / ${weekMs}::bigint AS week,
          c.is_closed AND c.resolved_by IN ('cause', 'release', 'automation') AND NOT EXISTS (
            SELECT FROM case_entry e WHERE e.case_id = c.id AND e.by LIKE 'staff:%'
              AND e.kind IN ('note', 'status', 'message_to_owner', 'resolved', 'acknowledged')) AS automated
        FROM service_case c
        WHERE c.known_at_ms >= ${fromMs} AND c.known_at_ms < ${thisWeekMs + weekMs}
          AND (${severity}::text IS NULL OR c.severity = ${severity})
          AND (c.resolved_by IS NULL OR c.resolved_by NOT LIKE 'incident:%') AND c.status <> 'merged'
      )
      SELECT w.week * ${weekMs}::bigint + ${mondayMs}::bigint AS week_at_ms,
        count(one.id) AS opened, count(answered_at_ms) AS answered,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY answered_at_ms - known_at_ms) AS answer_median,
        percentile_cont(0.9) WITHIN GROUP (ORDER BY answered_at_ms - known_at_ms) AS answer_p90,
        count(first_resolved_at_ms) AS resolved,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY first_resolved_at_ms - known_at_ms) AS resolve_median,
        percentile_cont(0.9) WITHIN GROUP (ORDER BY first_resolved_at_ms - known_at_ms) AS resolve_p90,
        count(*) FILTER (WHERE first_resolved_at_ms IS NOT NULL AND reopened_count > 0) AS reopened,
        count(*) FILTER (WHERE automated) AS automated,
        count(*) FILTER (WHERE answered_at_ms <= first_answer_due_at_ms) AS answer_kept,
        count(*) FILTER (WHERE first_answer_due_at_ms < least(answered_at_ms, first_resolved_at_ms, ${nowMs})) AS answer_missed,
        count(*) FILTER (WHERE resolve_kept) AS resolve_kept,
        count(*) FILTER (WHERE NOT resolve_kept OR (resolve_kept IS NULL AND paused_at_ms IS NULL
          AND resolve_due_at_ms < ${nowMs})) AS resolve_missed
      FROM generate_series(
        (${fromMs}::bigint - ${mondayMs}::bigint) / ${weekMs}::bigint,
        (${thisWeekMs}::bigint - ${mondayMs}::bigint) / ${weekMs}::bigint) AS w(week)
      LEFT JOIN one USING (week)
      GROUP BY w.week ORDER BY w.week`.execute(this.#deps.db);
    return rows.map((row) => ({
      weekAtMs: row.week_at_ms,
      opened: row.opened,
      answered: row.answered,
      firstAnswerMs: { median: rounded(row.answer_median), p90: rounded(row.answer_p90) },
      resolved: row.resolved,
      resolveMs: { median: rounded(row.resolve_median), p90: rounded(row.resolve_p90) },
      reopenedShare: share(row.reopened, row.resolved),
      automationShare: share(row.automated, row.resolved),
      firstAnswerPromise: { kept: row.answer_kept, missed: row.answer_missed },
      resolvePromise: { kept: row.resolve_kept, missed: row.resolve_missed },
    }));
  }

  /** Every cause that was found in the last `days` days, or has an open case: the most frequent first. */
  async causes(days: number): Promise<{ sinceMs: number; items: FoundCause[] }> {
    const sinceMs = this.#deps.clock.nowMs() - days * dayMs;
    const { rows } = await sql<FoundCause>`
      SELECT cause, sum(cases)::int AS cases, sum(incidents)::int AS incidents, sum(open)::int AS open FROM (
        SELECT cause, (known_at_ms >= ${sinceMs})::int AS cases, 0 AS incidents, (NOT is_closed)::int AS open
        FROM service_case
        WHERE (known_at_ms >= ${sinceMs} OR NOT is_closed) AND status <> 'merged'
          AND (resolved_by IS NULL OR resolved_by NOT LIKE 'incident:%')
        UNION ALL
        SELECT cause, 0, 1, 0 FROM incident WHERE opened_at_ms >= ${sinceMs}
      ) AS found
      GROUP BY cause ORDER BY sum(cases) + sum(incidents) DESC, cause LIMIT ${causesShown}`.execute(this.#deps.db);
    return { sinceMs, items: rows };
  }
}
