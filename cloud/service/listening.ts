import { sql } from "kysely";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import { type Listened, silenceUntilAt, silenceUntilMs } from "./core/listened.ts";

/** What the gateway last said of itself, as far as silence goes. */
export interface GatewayHeard {
  bootId: string;
  /** How often it has said so in this boot: the same number again means that nothing was heard since. */
  reports: number;
  /** Age of the oldest thing it received that is not committed; 0 where there is none. */
  oldestWaitingMs: number;
}

interface Stretch extends Listened {
  beatMs: number;
}

/** Between two beats of one stretch: longer, and nobody knows who listened meanwhile. */
const beatGapMsMax = 20_000;
/** No silence longer than this can be told. */
const keptMs = 100 * 86_400_000;
const stretchesMax = 5_000;

/** Keeps the record of when the service listened, and says whose silence counts. */
export class Listening {
  readonly #db: Db;
  readonly #clock: Clock;
  #stretches: Stretch[] = [];
  #last: GatewayHeard | null = null;

  constructor(deps: { db: Db; clock: Clock }) {
    this.#db = deps.db;
    this.#clock = deps.clock;
  }

  async load(): Promise<void> {
    const { rows } = await sql<{ boot_id: string; from_ms: number; until_ms: number; beat_ms: number }>`
      SELECT * FROM listened ORDER BY from_ms DESC LIMIT ${stretchesMax}`.execute(this.#db);
    this.#stretches = rows
      .map((row) => ({ bootId: row.boot_id, fromMs: row.from_ms, untilMs: row.until_ms, beatMs: row.beat_ms }))
      .toReversed();
  }

  /**
   * Notes that the service listens, every few seconds. A beat that fails or does not come, as while the database is away, is time in
   * which nobody listened.
   *
   * @param heard null while the gateway is away, draining, or cannot take what appliances say
   */
  async beat(heard: GatewayHeard | null): Promise<void> {
    const before = this.#last;
    if (heard === null || (before?.bootId === heard.bootId && before.reports === heard.reports)) return;
    this.#last = heard;
    const nowMs = this.#clock.nowMs();
    const committedMs = nowMs - heard.oldestWaitingMs;
    const last = this.#stretches.at(-1);
    const goesOn = last?.bootId === heard.bootId && nowMs - last.beatMs <= beatGapMsMax;
    const stretch: Stretch = goesOn
      ? { ...last, untilMs: Math.max(last.untilMs, committedMs), beatMs: nowMs }
      : { bootId: heard.bootId, fromMs: nowMs, untilMs: nowMs, beatMs: nowMs };
    await this.#store(stretch);
    if (goesOn) this.#stretches.pop();
    this.#stretches.push(stretch);
  }

  /** `silenceUntilMs` of the record as it stands: up to the last beat. */
  silenceUntilMs(forMs: number): number {
    return silenceUntilMs(forMs, this.#stretches);
  }

  /** The same as it was at a time in the past, as far as the record goes back. */
  silenceUntilAt(forMs: number, atMs: number): number {
    return silenceUntilAt(forMs, this.#stretches, atMs);
  }

  /** Forgets what no silence reaches back to. */
  async tick(): Promise<void> {
    const beforeMs = this.#clock.nowMs() - keptMs;
    await sql`DELETE FROM listened WHERE beat_ms < ${beforeMs}`.execute(this.#db);
    this.#stretches = this.#stretches.filter(({ beatMs }) => beatMs >= beforeMs).slice(-stretchesMax);
  }

  async #store({ bootId, fromMs, untilMs, beatMs }: Stretch): Promise<void> {
    await sql`
      INSERT INTO listened (boot_id, from_ms, until_ms, beat_ms) VALUES (${bootId}, ${fromMs}, ${untilMs}, ${beatMs})
      ON CONFLICT (boot_id, from_ms) DO UPDATE SET until_ms = excluded.until_ms, beat_ms = excluded.beat_ms`.execute(
      this.#db,
    );
  }
}
