/**
 * The writing half of InfluxDB as a store of readings.
 *
 *   readings -> merge -> take out what is there already -> lines -> InfluxDB
 *                                                            |
 *                              refused: halve until the bad line is alone, and park it with the reason
 *
 * InfluxDB lets the last value of a (device, time, metric) win, and here the first one does. So whatever is not newer than everything
 * of its device is looked up before it is written, and only what is missing goes out: nothing to ask for a device that speaks in the
 * order of time, and one question for one that speaks again or late.
 */
import type { MetricLayout, ReadingFact } from "../devices/devices.ts";
import type { Db } from "../platform/database.ts";
import { lineOf, mergedReadings, without } from "./core/influx-lines.ts";
import { lastSoundIn, readingsIn } from "./core/influxql.ts";
import { isClockSuspect, readingKey } from "./core/reading-rows.ts";
import { runsOf } from "./core/reading-runs.ts";
import { InfluxAway, type InfluxServer, LinesRefused } from "./influx-server.ts";
import type { InfluxSeries, Series } from "./influx-series.ts";
import type { ParkedReadings } from "./parked-readings.ts";
import type { ParkedReading, ParkReason, PointsSink } from "./points-sink.ts";

export interface InfluxPointsDeps {
  server: InfluxServer;
  series: InfluxSeries;
  parked: ParkedReadings;
  layoutOf: (model: string) => MetricLayout;
}

const linesPerWrite = 5_000;

interface Line {
  fact: ReadingFact;
  text: string;
}

export class InfluxPoints implements PointsSink {
  readonly #deps: InfluxPointsDeps;
  /** Whoever writes: what one has looked up, another must not write meanwhile. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(deps: InfluxPointsDeps) {
    this.#deps = deps;
  }

  write(facts: readonly ReadingFact[]): Promise<ParkedReading[]> {
    const written = this.#turn.then(() => this.#write(facts));
    this.#turn = written.catch(() => {});
    // Whoever stores wants to know what InfluxDB said, and gets no problem for somebody who asks for a chart.
    return written.catch((error: unknown) => {
      throw error instanceof Error && error.cause instanceof InfluxAway ? error.cause : error;
    });
  }

  park(tx: Db, parked: readonly ParkedReading[]): Promise<void> {
    return this.#deps.parked.park(tx, parked);
  }

  async #write(facts: readonly ReadingFact[]): Promise<ParkedReading[]> {
    const known = await this.#deps.series.ensure([...new Set(facts.map(({ device }) => device.key))]);
    const seriesOf = ({ device }: ReadingFact): Series | undefined => known.get(device.key);
    const wanted = mergedReadings(facts).filter((fact) => fact.receivedAtMs >= (seriesOf(fact)?.sinceReceivedMs ?? 0));
    const { fresh, late } = await this.#withoutStored(wanted, seriesOf);
    for (const moment of outOfOrder(facts)) late.add(moment);
    const { kept, parked } = await this.#withFields(fresh);
    const lines = kept.map((fact) => ({
      fact,
      text: lineOf(fact, seriesOf(fact)?.name ?? "", late.has(readingKey(fact))),
    }));
    for (let at = 0; at < lines.length; at += linesPerWrite)
      parked.push(...(await this.#storeOrHalve(lines.slice(at, at + linesPerWrite))));
    for (const fact of wanted) noteNewest(fact, seriesOf(fact));
    return parked;
  }

  /** Takes out the values that are there already, and says of which moments nothing was, though something newer of their device may be. */
  async #withoutStored(
    facts: readonly ReadingFact[],
    seriesOf: (fact: ReadingFact) => Series | undefined,
  ): Promise<{ fresh: ReadingFact[]; late: Set<string> }> {
    const doubtful = facts.filter((fact) => mayBeStored(fact, seriesOf(fact)));
    const runs = runsOf(doubtful);
    if (runs.length === 0) return { fresh: [...facts], late: new Set<string>() };
    const unknown = new Map(
      doubtful.flatMap((fact): [Series, ReadingFact][] => {
        const series = seriesOf(fact);
        return series === undefined || series.newestMs !== null || isSuspect(fact) ? [] : [[series, fact]];
      }),
    );
    await this.#learnNewest([...unknown]);
    const stored = new Map<string, Set<string>>();
    const statements = runs.map(({ first, last }) => {
      const span = { series: seriesOf(first)?.name ?? "", fromMs: first.atMs, toMs: last.atMs + 1 };
      return readingsIn(span, null, 0);
    });
    for await (const { statement, columns, rows } of this.#deps.server.ask(statements)) {
      const key = runs[statement]?.first.device.key;
      for (const row of rows) {
        const metrics = columns.filter((_, at) => at > 0 && typeof row[at] === "number");
        stored.set(`${key} ${String(row[0])}`, new Set(metrics));
      }
    }
    const fresh = facts.flatMap((fact) => {
      const there = stored.get(readingKey(fact));
      return (there === undefined ? fact : without(fact, (metric) => there.has(metric))) ?? [];
    });
    const late = doubtful.filter((fact) => !isSuspect(fact) && fact.atMs < (seriesOf(fact)?.newestMs ?? 0));
    return { fresh, late: new Set(late.map(readingKey).filter((moment) => !stored.has(moment))) };
  }

  /** The newest that is there of devices of which nothing was written since the start; each with its last reading of these. */
  async #learnNewest(devices: readonly [Series, ReadingFact][]): Promise<void> {
    const statements = devices.map(([{ name }, { atMs }]) =>
      lastSoundIn({ series: name, fromMs: atMs + 1, toMs: Number.MAX_SAFE_INTEGER }, 1),
    );
    for await (const { statement, rows } of this.#deps.server.ask(statements)) {
      const [series] = devices[statement] ?? [];
      if (series !== undefined) series.newestMs = Number(rows[0]?.[0]);
    }
  }

  /** Takes out metrics that are beyond the fields of their model. */
  async #withFields(facts: readonly ReadingFact[]): Promise<{ kept: ReadingFact[]; parked: ParkedReading[] }> {
    const { series, layoutOf } = this.#deps;
    for (const [model, own] of Map.groupBy(facts, ({ device }) => device.model)) {
      const unknown = unknownMetrics(own, (metric) => hasField(metric, layoutOf(model), model, series));
      if (unknown.size > 0) await series.addFields(model, unknown);
    }
    const kept: ReadingFact[] = [];
    const parked: ParkedReading[] = [];
    for (const fact of facts) {
      const { model } = fact.device;
      const layout = layoutOf(model);
      const lacks = (metric: string) => !hasField(metric, layout, model, series);
      const left = without(fact, lacks);
      if (left !== null) kept.push(left);
      if (left === fact) continue;
      const excess = without(fact, (metric) => !lacks(metric));
      if (excess !== null) parked.push(parkedOf(excess, "too_many_metrics", "no field is left for them"));
    }
    return { kept, parked };
  }

  async #storeOrHalve(lines: readonly Line[]): Promise<ParkedReading[]> {
    if (lines.length === 0) return [];
    try {
      await this.#deps.server.write(lines.map(({ text }) => text));
      return [];
    } catch (error) {
      if (!(error instanceof LinesRefused)) throw error;
      const { message } = error;
      // It says how many it has dropped: all of them, and nobody has to find out which.
      const dropped = Number(/dropped=(\d+)/.exec(message)?.[1] ?? 0);
      if (lines.length === 1 || dropped === lines.length)
        return lines.map(({ fact }) => parkedOf(fact, "refused", message));
      const middle = lines.length >> 1;
      const first = await this.#storeOrHalve(lines.slice(0, middle));
      return [...first, ...(await this.#storeOrHalve(lines.slice(middle)))];
    }
  }
}

const parkedOf = (fact: ReadingFact, reason: ParkReason, detail: string): ParkedReading => ({
  device: fact.device,
  atMs: fact.atMs,
  receivedAtMs: fact.receivedAtMs,
  metrics: { ...fact.metrics },
  reason,
  detail,
});

const isSuspect = ({ atMs, receivedAtMs, device }: ReadingFact): boolean => isClockSuspect(atMs, receivedAtMs, device);

const mayBeStored = (fact: ReadingFact, series: Series | undefined): boolean =>
  isSuspect(fact) || series === undefined || series.newestMs === null || fact.atMs <= series.newestMs;

function noteNewest(fact: ReadingFact, series: Series | undefined): void {
  if (series === undefined || isSuspect(fact)) return;
  series.newestMs = Math.max(series.newestMs ?? fact.atMs, fact.atMs);
}

/** Readings that are older than what came before them of their device: in one batch here, and in two perhaps for whoever judges them. */
function outOfOrder(facts: readonly ReadingFact[]): string[] {
  const newest = new Map<number, number>();
  const found: string[] = [];
  for (const fact of facts) {
    if (isSuspect(fact)) continue;
    if (fact.atMs < (newest.get(fact.device.key) ?? 0)) found.push(readingKey(fact));
    else newest.set(fact.device.key, fact.atMs);
  }
  return found;
}

const hasField = (metric: string, layout: MetricLayout, model: string, series: InfluxSeries): boolean =>
  layout.positions.has(metric) || series.hasField(model, metric);

/** Metrics without a field, each with whether it came as a flag. */
function unknownMetrics(facts: readonly ReadingFact[], isKnown: (metric: string) => boolean): Map<string, boolean> {
  const unknown = new Map<string, boolean>();
  for (const { metrics } of facts) {
    for (const metric in metrics) {
      if (!isKnown(metric) && !unknown.has(metric)) unknown.set(metric, typeof metrics[metric] === "boolean");
    }
  }
  return unknown;
}
