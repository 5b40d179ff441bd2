/**
 * Erasing in InfluxDB. What is to go is written down first, and InfluxDB is told until it has done it and nothing from before the
 * erasure is on its way any longer.
 *
 * Everything of an appliance also loses its name there, at once: from then on nobody can tell whose it was, whether InfluxDB is away
 * or, as version 3, cannot delete.
 */
import { sql } from "kysely";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { Logger } from "../platform/logger.ts";
import { deleteIn, lastSoundIn, type SeriesSpan, suspectReceivedIn } from "./core/influxql.ts";
import { type InfluxServer, LinesRefused } from "./influx-server.ts";
import type { InfluxSeries } from "./influx-series.ts";
import type { ParkedReadings } from "./parked-readings.ts";
import type { ErasedSpan } from "./telemetry-store.ts";

export interface InfluxErasuresDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  logger: Logger;
  server: InfluxServer;
  series: InfluxSeries;
  parked: ParkedReadings;
  /** When the oldest reading was received that is not stored yet; null where nobody knows. */
  oldestWaitingMs: () => number | null;
}

interface Erasure {
  id: string;
  series: string;
  from_ms: number;
  to_ms: number;
  is_whole: boolean;
  erased_at_ms: number;
}

/** Longer than a write may take, and than the gateway's word on what waits may be old. */
const settleMs = 60_000;
const erasuresAtOnce = 50;
/** Readings by a clock that nobody believes are deleted one by one. */
const suspectsAtOnce = 500;

export class InfluxErasures {
  readonly #deps: InfluxErasuresDeps;

  constructor(deps: InfluxErasuresDeps) {
    this.#deps = deps;
  }

  /**
   * @throws while InfluxDB does not delete a part of what an appliance said; it is told again by itself. Everything of an appliance
   *   needs no InfluxDB
   */
  async erase(spans: readonly ErasedSpan[]): Promise<void> {
    const { db, clock } = this.#deps;
    const nowMs = clock.nowMs();
    const noted: Erasure[] = [];
    for (const span of spans.toSorted((a, b) => a.deviceKey - b.deviceKey)) {
      const erasure = await transaction(db, (tx) => this.#note(tx, span, nowMs));
      if (erasure !== null) noted.push(erasure);
    }
    for (const erasure of noted) {
      try {
        await this.#delete(erasure);
      } catch (error) {
        this.#deps.logger.warn({ event: "influx.erasure_waits", error: String(error) });
        if (!erasure.is_whole) throw error;
      }
    }
  }

  /** Tells InfluxDB of what it has not deleted, and of what may have been stored since by whoever was writing then. */
  async tick(): Promise<void> {
    const { db, clock, logger, oldestWaitingMs } = this.#deps;
    const { rows } = await sql<Erasure>`
      SELECT id, series, from_ms, to_ms, is_whole, erased_at_ms FROM reading_erasure
      ORDER BY deleted_at_ms NULLS FIRST, id LIMIT ${erasuresAtOnce}`.execute(db);
    for (const erasure of rows) {
      const waiting = oldestWaitingMs();
      const settledMs = erasure.erased_at_ms + settleMs;
      const isLast = waiting !== null && waiting > erasure.erased_at_ms && clock.nowMs() > settledMs;
      try {
        await this.#delete(erasure);
      } catch (error) {
        if (!(error instanceof LinesRefused && erasure.is_whole)) throw error;
        // Nobody can tell whose it was, which is as much as can be done here.
        logger.error({ event: "influx.cannot_delete", error: error.message });
      }
      if (isLast) await sql`DELETE FROM reading_erasure WHERE id = ${erasure.id}`.execute(db);
    }
  }

  /** How many spans InfluxDB has not deleted at all. */
  async waiting(): Promise<number> {
    const { rows } = await sql<{ n: number }>`
      SELECT count(*) AS n FROM reading_erasure WHERE deleted_at_ms IS NULL`.execute(this.#deps.db);
    return rows[0]?.n ?? 0;
  }

  /** Asks InfluxDB itself. @returns of how many spans it holds anything, by the appliance's clock or by the gateway's */
  async find(spans: readonly ErasedSpan[]): Promise<number> {
    const { series, server } = this.#deps;
    const names = await series.find(spans.map(({ deviceKey }) => deviceKey));
    let found = 0;
    for (const { deviceKey, fromMs, toMs } of spans) {
      const name = names.get(deviceKey)?.name;
      if (name === undefined) continue;
      const questions = [lastSoundIn({ series: name, fromMs, toMs }, 1), suspectReceivedIn(name, fromMs, toMs, 1)];
      let rows = 0;
      for await (const answer of server.ask(questions)) rows += answer.rows.length;
      if (rows > 0) found += 1;
    }
    return found;
  }

  async #note(tx: Db, { deviceKey, fromMs, toMs }: ErasedSpan, nowMs: number): Promise<Erasure | null> {
    const { ids, series, parked } = this.#deps;
    await parked.erase(tx, deviceKey, fromMs, toMs);
    const name = (await series.find([deviceKey])).get(deviceKey)?.name;
    if (name === undefined) return null;
    const isWhole = fromMs <= 0 && toMs > nowMs;
    if (isWhole) {
      await series.rename(tx, deviceKey, nowMs);
      series.forget(deviceKey);
    }
    const erasure = { id: ids.next(), series: name, from_ms: fromMs, to_ms: toMs, is_whole: isWhole };
    await sql`INSERT INTO reading_erasure (id, series, from_ms, to_ms, is_whole, erased_at_ms)
      VALUES (${erasure.id}, ${name}, ${fromMs}, ${toMs}, ${isWhole}, ${nowMs})`.execute(tx);
    return { ...erasure, erased_at_ms: nowMs };
  }

  async #delete(erasure: Erasure): Promise<void> {
    const { db, clock, server } = this.#deps;
    const span = { series: erasure.series, fromMs: erasure.from_ms, toMs: erasure.to_ms };
    await server.delete([deleteIn(span, erasure.is_whole ? "any" : "sound")]);
    if (!erasure.is_whole) await this.#deleteSuspects(span);
    await sql`UPDATE reading_erasure SET deleted_at_ms = ${clock.nowMs()} WHERE id = ${erasure.id}`.execute(db);
  }

  /** InfluxDB deletes by time alone, and the time of these is not theirs. */
  async #deleteSuspects({ series, fromMs, toMs }: SeriesSpan): Promise<void> {
    const { server } = this.#deps;
    for (;;) {
      const times: number[] = [];
      for await (const { rows } of server.ask([suspectReceivedIn(series, fromMs, toMs, suspectsAtOnce)]))
        times.push(...rows.map((row) => Number(row[0])));
      await server.delete(times.map((atMs) => deleteIn({ series, fromMs: atMs, toMs: atMs + 1 }, "suspect")));
      if (times.length < suspectsAtOnce) return;
    }
  }
}
