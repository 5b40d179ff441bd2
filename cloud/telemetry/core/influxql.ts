/** The questions to InfluxDB, in the InfluxQL that its versions 1, 2 and 3 share. */
import { measurement, receivedField } from "./influx-lines.ts";

/** What lies under one name in a time. */
export interface SeriesSpan {
  /** The name that stands for the appliance. */
  series: string;
  /** Inclusive. */
  fromMs: number;
  /** Exclusive. */
  toMs: number;
}

/** Times that devices may say lie between 2000 and 2100, and InfluxDB knows none much beyond. */
const timeMsMax = Date.UTC(2101, 0, 1);
const ms = (atMs: number): string => `${Math.min(Math.max(0, Math.floor(atMs)), timeMsMax)}ms`;

const name = (text: string): string => `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
const text = (value: string): string => `'${value.replaceAll(/['\\]/g, String.raw`\$&`)}'`;

const from = `FROM ${name(measurement)}`;
const received = name(receivedField);
const [isSound, isSuspect] = [`"clock" = 'ok'`, `"clock" = 'suspect'`];

const of = (series: string): string => `WHERE "device" = ${text(series)}`;
const within = ({ series, fromMs, toMs }: SeriesSpan): string =>
  `${of(series)} AND time >= ${ms(fromMs)} AND time < ${ms(toMs)}`;

export const foldNames = ["min", "max", "mean", "count"] as const;

/** Minimum, maximum, mean and count (`min0`, `max0`, ... `min1`, ...) of each metric in each bucket that holds anything. */
export function foldsIn(span: SeriesSpan, metrics: readonly string[], bucketMs: number): string {
  const folds = metrics.flatMap((metric, at) =>
    foldNames.map((fold) => `${fold.toUpperCase()}(${name(metric)}) AS ${name(fold + at)}`),
  );
  return `SELECT ${folds.join(", ")} ${from} ${within(span)} AND ${isSound} GROUP BY time(${bucketMs}ms) FILL(none)`;
}

/**
 * Readings in the order of their time. Those whose time cannot be right come from `sinceMs` on by the gateway's clock; those by a sound
 * clock may come from before it, since no question can say two ranges of time.
 *
 * @param metrics null for all
 */
export function readingsIn(span: SeriesSpan, metrics: readonly string[] | null, sinceMs: number): string {
  const columns = metrics === null ? "*" : [...metrics.map(name), received].join(", ");
  const isSince = sinceMs <= 0 ? "" : ` AND (${isSound} OR ${received} >= ${sinceMs})`;
  return `SELECT ${columns} ${from} ${within(span)}${isSince}`;
}

/** The last readings by a sound clock, newest first. */
export const lastSoundIn = (span: SeriesSpan, limit: number): string =>
  `SELECT * ${from} ${within(span)} AND ${isSound} ORDER BY time DESC LIMIT ${limit}`;

/** When the last reading was received whose own time cannot be right, as `received`. */
export const lastReceived = (series: string): string =>
  `SELECT MAX(${received}) AS "received" ${from} ${of(series)} AND ${isSuspect}`;

/** Readings whose own time cannot be right, received from `sinceMs` on and before `untilMs`; the latest by their own time, newest first. */
export const suspectReceivedIn = (series: string, sinceMs: number, untilMs: number, limit: number): string =>
  `SELECT * ${from} ${of(series)} AND ${isSuspect} AND ${received} >= ${sinceMs} AND ${received} < ${untilMs} ORDER BY time DESC LIMIT ${limit}`;

/** The mean, as `mean`, of the newest values of a metric. */
export const meanOfLast = (span: SeriesSpan, metric: string, limit: number): string =>
  `SELECT MEAN("v") AS "mean" FROM (SELECT ${name(metric)} AS "v" ${from} ${within(span)} AND ${isSound} ORDER BY time DESC LIMIT ${limit}) ORDER BY time DESC`;

/** Deletes what lies in a span; of readings whose own time cannot be right, only with `suspects`. Versions 1 and 2 can. */
export const deleteIn = (span: SeriesSpan, clock: "sound" | "suspect" | "any"): string => {
  const which = clock === "any" ? "" : ` AND ${clock === "sound" ? isSound : isSuspect}`;
  return `DELETE ${from} ${within(span)}${which}`;
};
