/**
 * Watches what each release does to the faults of those that go over to it, and opens one incident for a release that is worse. It
 * speaks of the release and of no appliance: those that have a fault have their cases.
 */
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { faultCause } from "./core/operators/fault.ts";
import { byCalm, stepIncident } from "./core/incident.ts";
import {
  devicesMin,
  releaseFigures,
  type ReleaseFigures,
  releaseVerdict,
  watchedMsMax,
} from "./core/release-faults.ts";
import { FirmwareWatchStore, type ReleaseKey, type WatchedRelease } from "./firmware-watch-store.ts";
import type { Incidents } from "./incidents.ts";
import type { Incident } from "./incidents-store.ts";

type EventsOf = Telemetry["eventsOf"];

/** A release is watched for so long after the last appliance went over to it: then all that can be known is known. */
const releaseLifeMs = 2 * watchedMsMax;
const releasesMax = 100;
/** Of a larger fleet those that went over first. */
const devicesMax = 10_000;
/** More than this is no question of statistics. */
const faultsMax = 500_000;
const followedAtOnce = 10_000;
/** Changes become visible out of order while their transactions overlap, so that a little is read twice. */
const followedAgainMs = 60_000;
const versionsShown = 5;
const listMax = 500;

/** The cause under which a release that is worse is known. */
export const releaseCause = (version: string): string => `firmware_regression:${version}`;

export class FirmwareWatch {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #incidents: Incidents;
  readonly #eventsOf: EventsOf;
  readonly #store = new FirmwareWatchStore();

  constructor(deps: { db: Db; clock: Clock; ids: Ids; incidents: Incidents; eventsOf: EventsOf }) {
    this.#db = deps.db;
    this.#clock = deps.clock;
    this.#ids = deps.ids;
    this.#incidents = deps.incidents;
    this.#eventsOf = deps.eventsOf;
  }

  list(): Promise<WatchedRelease[]> {
    return this.#store.list(this.#db, listMax);
  }

  /** Every few minutes. */
  async tick(): Promise<void> {
    await this.#follow();
    const nowMs = this.#clock.nowMs();
    const releases = await this.#store.releases(this.#db, nowMs - releaseLifeMs, devicesMin, releasesMax);
    for (const release of releases) await this.#judge(release, nowMs);
    const judged = new Set(releases.map(({ model, version }) => `${releaseCause(version)} ${model}`));
    for (const open of await this.#incidents.store.openReleases(this.#db)) {
      // Nobody runs it any more, or it has been watched to the end: nothing will be found that is not known.
      if (!judged.has(`${open.cause} ${open.model}`)) await this.#settle(open, null);
    }
    await this.#store.forget(this.#db, nowMs - 3 * releaseLifeMs);
  }

  async #follow(): Promise<void> {
    let place = { factsAtMs: (await this.#store.followedMs(this.#db)) - followedAgainMs, key: 0 };
    for (;;) {
      const reached = await this.#store.follow(this.#db, place, followedAtOnce);
      if (reached === null) return;
      await this.#store.setFollowed(this.#db, reached.factsAtMs);
      place = reached;
    }
  }

  async #judge(release: ReleaseKey, nowMs: number): Promise<void> {
    const switched = await this.#store.switched(this.#db, release, devicesMax);
    const fromMs = Math.min(...switched.map(({ switchedAtMs }) => switchedAtMs)) - watchedMsMax;
    const deviceKeys = switched.map(({ deviceKey }) => deviceKey);
    const query = { deviceKeys, types: ["fault.raised"], fromMs, toMs: nowMs };
    const found = await this.#eventsOf(query, faultsMax);
    // They come in the order of keys: of those behind the last nothing was read, and of the last not all.
    const untilKey = found.length < faultsMax ? Infinity : (found.at(-1)?.deviceKey ?? Infinity);
    const devices = switched.filter(({ deviceKey }) => deviceKey < untilKey);
    const faults = found.map(({ data, ...fault }) => ({
      ...fault,
      code: faultCause(data).slice("fault:".length),
    }));
    const figures = releaseFigures(devices, faults, nowMs);
    const key = { cause: releaseCause(release.version), model: release.model };
    await transaction(this.#db, async (tx) => {
      await this.#incidents.store.lockCauses(tx, [key]);
      const [last] = await this.#incidents.store.lastOf(tx, [key], 0);
      const isOpen = last !== undefined && last.state.status !== "resolved";
      const verdict = releaseVerdict(figures, isOpen);
      await this.#store.write(tx, { ...release, figures, verdict, judgedAtMs: nowMs });
      const evidence = evidenceOf(release, devices, figures);
      if (isOpen) await this.#goOn(tx, last, verdict === "worse", evidence);
      else if (verdict === "worse") await this.#begin(tx, release, last, evidence);
    });
  }

  async #goOn(tx: Db, incident: Incident, isWorse: boolean, evidence: Record<string, unknown>): Promise<void> {
    const after = { ...incident, evidence };
    if (isWorse) await this.#incidents.store.write(tx, [after]);
    else await this.#resolve(tx, after);
  }

  async #begin(
    tx: Db,
    { model, version }: ReleaseKey,
    last: Incident | undefined,
    evidence: Record<string, unknown>,
  ): Promise<void> {
    const nowMs = this.#clock.nowMs();
    const line = { by: byCalm, text: null, data: evidence };
    if (last === undefined) {
      const opened: Incident = {
        id: this.#ids.next(),
        kind: "release",
        cause: releaseCause(version),
        model,
        ruleId: null,
        ruleVersion: null,
        severity: "service",
        title: `Firmware ${version} has more faults than the one before it`,
        state: { status: "open", openedAtMs: nowMs },
        openedAtMs: nowMs,
        firstAtMs: nowMs,
        lastRaisedAtMs: nowMs,
        members: 0,
        standing: 0,
        assignee: null,
        evidence,
      };
      await this.#incidents.change(tx, opened, { ...line, kind: "opened" });
      return;
    }
    // What staff resolved they have seen: the same release is not brought before them again.
    if (last.state.status !== "resolved" || last.state.by !== byCalm) return;
    const outcome = stepIncident(last.state, { kind: "returned", atMs: nowMs });
    if (outcome.kind === "moved")
      await this.#incidents.change(tx, { ...last, state: outcome.to, evidence }, { ...line, kind: "reopened" });
  }

  async #settle(open: Incident, evidence: Record<string, unknown> | null): Promise<void> {
    await transaction(this.#db, async (tx) => {
      const incident = await this.#incidents.lock(tx, open);
      if (incident !== null) await this.#resolve(tx, { ...incident, evidence: evidence ?? incident.evidence });
    });
  }

  async #resolve(tx: Db, incident: Incident): Promise<void> {
    const outcome = stepIncident(incident.state, { kind: "resolved", atMs: this.#clock.nowMs(), by: byCalm });
    if (outcome.kind === "refused") return;
    const entry = { kind: "resolved" as const, by: byCalm, text: null, data: incident.evidence };
    await this.#incidents.change(tx, { ...incident, state: outcome.to }, entry);
  }
}

function evidenceOf(
  { version }: ReleaseKey,
  devices: readonly { beforeVersion: string }[],
  figures: ReleaseFigures,
): Record<string, unknown> {
  const before = new Map<string, number>();
  for (const { beforeVersion } of devices) before.set(beforeVersion, (before.get(beforeVersion) ?? 0) + 1);
  const beforeVersions = [...before]
    .map(([of, count]) => ({ version: of, devices: count }))
    .toSorted((a, b) => b.devices - a.devices)
    .slice(0, versionsShown);
  return { version, beforeVersions, figures };
}
