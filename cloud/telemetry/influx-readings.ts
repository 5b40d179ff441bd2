/** InfluxDB as the store of readings: its parts, made and joined. */
import type { MetricLayout } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { Logger } from "../platform/logger.ts";
import { problem } from "../platform/problem.ts";
import { AheadClocks } from "./ahead-clocks.ts";
import { InfluxErasures } from "./influx-erasures.ts";
import { InfluxPoints } from "./influx-points.ts";
import { InfluxSeries } from "./influx-series.ts";
import { type InfluxConfig, InfluxServer } from "./influx-server.ts";
import { InfluxTelemetryStore } from "./influx-telemetry-store.ts";
import type { ParkedReadings } from "./parked-readings.ts";
import { telemetryProblems } from "./telemetry-problems.ts";
import type { ErasedSpan, TelemetryStore } from "./telemetry-store.ts";

export interface InfluxReadingsDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  logger: Logger;
  config: InfluxConfig;
  parked: ParkedReadings;
  layoutOf: (model: string) => MetricLayout;
  /** When the oldest reading was received that is not stored yet, now where there is none; null where nobody knows. */
  oldestWaitingMs: () => number | null;
}

export class InfluxReadings {
  readonly store: InfluxTelemetryStore;
  readonly points: InfluxPoints;
  readonly #parked: ParkedReadings;
  readonly ahead: AheadClocks;
  readonly #server: InfluxServer;
  readonly #series: InfluxSeries;
  readonly #erasures: InfluxErasures;
  readonly #clock: Clock;
  readonly #oldestWaitingMs: () => number | null;

  constructor(deps: InfluxReadingsDeps) {
    const server = new InfluxServer(deps.config, deps.logger);
    const series = new InfluxSeries(deps);
    this.#server = server;
    this.#series = series;
    this.#clock = deps.clock;
    this.#parked = deps.parked;
    this.#oldestWaitingMs = deps.oldestWaitingMs;
    this.ahead = new AheadClocks(deps);
    this.#erasures = new InfluxErasures({ ...deps, server, series });
    this.points = new InfluxPoints({ ...deps, server, series });
    this.store = new InfluxTelemetryStore({ ...deps, server, series, erasures: this.#erasures, ahead: this.ahead });
  }

  /** Whether nothing that was received before then waits to be stored, as far as is known. */
  hasAllUntil(atMs: number): boolean {
    const oldestMs = this.#oldestWaitingMs();
    return oldestMs !== null && oldestMs >= atMs;
  }

  /** Readings of a time of which none waits to be stored any longer; away while some do. */
  get complete(): Pick<TelemetryStore, "readings"> {
    return {
      readings: (query) => {
        if (!this.hasAllUntil(query.toMs)) throw problem(telemetryProblems, "telemetry_store_away");
        return this.store.readings(query);
      },
    };
  }

  load(): Promise<void> {
    return this.#series.load();
  }

  isUp(): Promise<boolean> {
    return this.#server.ping();
  }

  /** Looks for readings of appliances in a time. @returns of how many of these spans there are any */
  find(spans: readonly ErasedSpan[]): Promise<number> {
    return this.#erasures.find(spans);
  }

  /** Spans that InfluxDB has been told to delete, and has not. */
  erasuresWaiting(): Promise<number> {
    return this.#erasures.waiting();
  }

  async tick(): Promise<void> {
    this.ahead.tick(this.#clock.nowMs());
    await this.#parked.trim();
    await this.#erasures.tick();
  }
}
