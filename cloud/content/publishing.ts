import type { Model } from "#protocol/model.ts";
import { type Db, transaction } from "../platform/database.ts";
import { type Principal, principalText } from "../staff/staff.ts";
import { marketsOf } from "../platform/best-locale.ts";
import { localWindow, windowAnywhere } from "./core/local-window.ts";
import { unfitFor } from "./core/machine-fit.ts";
import { stepVersion, type VersionEvent, type VersionRefusal } from "./core/version-life.ts";
import { type ContentDeps, noteChange } from "./content-deps.ts";
import { deliveryOfKind, feedOfKind, isForDecisions } from "./content-shapes.ts";
import * as store from "./content-store.ts";
import { type ContentSummary, inEachLocale, recipeMisfits, refused, type Refused, toSummary } from "./content-views.ts";
import { changeFeeds, type FeedTopics } from "./feeds.ts";
import { type FeedPlace, lockFeedVersion, modelsOfItem, type PublishedItem } from "./feeds-store.ts";
import { addItems } from "./taken-back-store.ts";

/** Which version, where and when. Times are local: a feed reads them in `zone`, what is sent to one household in the household's own. */
export interface Schedule {
  /** Null: the newest. What is live can be given another time while a newer one is still written. */
  version: number | null;
  /** On whose feeds; none where it reaches households only by being sent. */
  models: string[];
  /** `2026-12-01T08:00`; null: at once. */
  from: string | null;
  /** Null: until it is withdrawn. */
  until: string | null;
  zone: string;
}

export type ScheduleRefusal =
  | "content_not_found"
  | "content_version_not_found"
  | "not_for_feeds"
  | "promotional_on_feed"
  | "content_window_over"
  | "content_model_unknown"
  | "recipe_does_not_fit"
  | "feed_full"
  | VersionRefusal;

type Changed<
  Rule extends Refused<VersionRefusal>["rule"] | "content_not_found" | "reviewer_is_author" | ScheduleRefusal,
> = { kind: "changed"; item: ContentSummary } | Refused<Rule>;

const system: Principal = { kind: "system" };

/** What one tick starts and ends at once, and how long a version waits whose feed is full. */
const dueMax = 100;
const putOffMs = 600_000;

/** The road of a version from draft to the end of its time. */
export class Publishing {
  readonly #deps: ContentDeps;
  readonly #hrefOf: (sha256: string) => string;
  readonly #announce: (topics: FeedTopics | null) => void;

  constructor(deps: ContentDeps, hrefOf: (sha256: string) => string, announce: (topics: FeedTopics | null) => void) {
    this.#deps = deps;
    this.#hrefOf = hrefOf;
    this.#announce = announce;
  }

  /** Hands the newest version in for review. */
  submit(by: Principal, id: string, note: string | null): Promise<Changed<"content_not_found" | VersionRefusal>> {
    return this.#step(by, id, "submit", "submitted", note);
  }

  /** By somebody else than who wrote it: whoever saved any of it since the version before that was approved. */
  approve(
    by: Principal,
    id: string,
    note: string | null,
  ): Promise<Changed<"content_not_found" | "reviewer_is_author" | VersionRefusal>> {
    return transaction(this.#deps.db, async (tx) => {
      const row = await store.lockItem(tx, id);
      if (row === null) return refused("content_not_found");
      const next = stepVersion(row.state, "approve");
      if (next.kind === "refused") return refused(next.rule);
      const authors = await store.authorsOf(tx, id, row.version);
      if (authors.includes(principalText(by))) return refused("reviewer_is_author");
      await this.#move(tx, by, row, "approve", note);
      await noteChange(this.#deps, tx, by, "approved", row, { after: { note } });
      return { kind: "changed" as const, item: await summaryOf(tx, id) };
    });
  }

  /** Back to its author, who is told why. */
  sendBack(by: Principal, id: string, note: string): Promise<Changed<"content_not_found" | VersionRefusal>> {
    return this.#step(by, id, "send_back", "sent_back", note);
  }

  /** Takes the schedule back; the version stays approved. */
  async unschedule(by: Principal, id: string): Promise<Changed<"content_not_found" | VersionRefusal>> {
    return transaction(this.#deps.db, async (tx) => {
      const item = await store.lockItem(tx, id);
      if (item === null) return refused("content_not_found");
      const [row] = await store.versionsIn(tx, id, ["scheduled"]);
      const next = stepVersion(row?.state ?? item.state, "unschedule");
      if (next.kind === "refused") return refused(next.rule);
      if (row === undefined) return refused("content_not_scheduled");
      await store.setSchedule(tx, id, row.version, noSchedule);
      await this.#move(tx, by, row, "unschedule", null);
      await noteChange(this.#deps, tx, by, "unscheduled", row);
      return { kind: "changed" as const, item: await summaryOf(tx, id) };
    });
  }

  async #step(
    by: Principal,
    id: string,
    on: VersionEvent,
    verb: "submitted" | "sent_back",
    note: string | null,
  ): Promise<Changed<"content_not_found" | VersionRefusal>> {
    return transaction(this.#deps.db, async (tx) => {
      const row = await store.lockItem(tx, id);
      if (row === null) return refused("content_not_found");
      const next = stepVersion(row.state, on);
      if (next.kind === "refused") return refused(next.rule);
      await this.#move(tx, by, row, on, note);
      await noteChange(this.#deps, tx, by, verb, row, { after: { note } });
      return { kind: "changed" as const, item: await summaryOf(tx, id) };
    });
  }

  /**
   * Says where and when a version goes out. What begins at once is live when this returns; a version that was live until then is
   * withdrawn with the same step. Of what is live already another time changes nothing about versions that are still to come.
   */
  async schedule(by: Principal, id: string, wanted: Schedule): Promise<Changed<ScheduleRefusal>> {
    const models = [...new Set(wanted.models)].toSorted();
    const nowMs = this.#deps.clock.nowMs();
    const window = models.length > 0 ? localWindow(wanted, wanted.zone) : windowAnywhere(wanted);
    // Local times compare as text, so that a window that ends before it begins is found in every zone.
    const isBackwards = wanted.from !== null && wanted.until !== null && wanted.until <= wanted.from;
    if (isBackwards || window.untilMs <= Math.max(nowMs, window.fromMs)) return refused("content_window_over");
    const outcome = await transaction(this.#deps.db, async (tx) => {
      const item = await store.lockItem(tx, id);
      if (item === null) return refused("content_not_found");
      const row = await store.findVersion(tx, id, wanted.version ?? item.version);
      if (row === null) return refused("content_version_not_found", { detail: `Version ${wanted.version}.` });
      // Before the limits are looked at, and before anything is noted: who stores a model's next version has the feeds first and the log last.
      await lockFeedVersion(tx, true);
      const unfit = await this.#unfit(row, models);
      if (unfit !== null) return unfit;
      const next = stepVersion(row.state, "schedule");
      if (next.kind === "refused") return refused(next.rule);
      if (row.state !== "live") await this.#replace(tx, by, id, row.version, ["scheduled"]);
      const schedule = scheduleRow(wanted, models, window, nowMs);
      await store.setSchedule(tx, id, row.version, schedule);
      await this.#move(tx, by, row, "schedule", null);
      await noteChange(this.#deps, tx, by, "scheduled", row, { after: { ...wanted, version: row.version, models } });
      if (next.to !== "live" && window.fromMs > nowMs) {
        return { kind: "changed" as const, item: await summaryOf(tx, id), topics: null };
      }
      const started = await this.#goLive(tx, by, { ...row, ...schedule, state: next.to });
      if (started.kind === "refused") throw new Held(started);
      return { kind: "changed" as const, item: await summaryOf(tx, id), topics: started.topics };
    }).catch((error: unknown) => {
      if (error instanceof Held) return error.refusal;
      throw error;
    });
    if (outcome.kind === "refused") return outcome;
    this.#announce(outcome.topics);
    return { kind: "changed", item: outcome.item };
  }

  async #unfit(
    row: store.ItemVersionRow,
    models: readonly string[],
  ): Promise<Refused<
    "not_for_feeds" | "promotional_on_feed" | "content_model_unknown" | "recipe_does_not_fit"
  > | null> {
    if (models.length > 0 && feedOfKind[row.kind] === null) return refused("not_for_feeds");
    if (models.length > 0 && isForDecisions(row.class)) return refused("promotional_on_feed");
    const meant = [...new Set([...models, ...(row.models ?? [])])];
    return recipeMisfits(row, meant, (key) => this.#deps.devices.model(key));
  }

  /** Puts a version whose time has come on its feeds, in the place of the one before. */
  async #goLive(
    tx: Db,
    by: Principal,
    row: LiveRow,
  ): Promise<{ kind: "live"; topics: FeedTopics | null } | Refused<"feed_full">> {
    const feed = feedOfKind[row.kind];
    const before = await modelsOfItem(tx, row.id);
    let topics: FeedTopics | null = null;
    if (feed !== null) {
      // A model whose next version is being stored waits for this, or this for it and reads that version.
      await lockFeedVersion(tx, true);
      const { places, ...item } = this.publication(row, await this.#models(row.feed_models));
      const scope = { models: [...new Set([...before, ...row.feed_models])], feed };
      const changed = await changeFeeds(tx, item, scope, places);
      if (changed.kind === "refused") return refused(changed.rule);
      topics = changed.topics;
    }
    await this.#replace(tx, by, row.id, row.version, row.state === "live" ? ["live"] : ["live", "scheduled"]);
    if (row.state === "scheduled") await this.#move(tx, by, row, "start", null);
    // What warns of danger is also said to every appliance by itself, and acknowledged there; of a version that is out already to those
    // of the models that it was not for until now.
    const told = row.state === "scheduled" ? [] : before;
    const untold = row.feed_models.filter((model) => !told.includes(model));
    if (row.kind === "notice" && row.class === "safety" && untold.length > 0)
      await store.startNotifying(tx, row.id, row.version, untold);
    // What a limit took back of the version before may be allowed as this one says it.
    if (row.kind === "recipe") await addItems(tx, [row.id]);
    await noteChange(this.#deps, tx, by, "published", row, {
      before: { models: before },
      after: { models: row.feed_models },
    });
    return { kind: "live", topics };
  }

  /** A version as it stands on the feeds of these models: every locale of those that can do it gets the text that its readers fall back to. */
  publication(row: LiveRow, models: readonly Model[]): PublishedItem & { places: FeedPlace[] } {
    const feed = feedOfKind[row.kind];
    const imageHref = row.image === null ? null : this.#hrefOf(row.image.sha256);
    const item = { id: row.id, version: row.version, publishedAtMs: this.#deps.clock.nowMs(), imageHref };
    if (feed === null) return { ...item, places: [] };
    const unfit = unfitFor(inEachLocale(row), models);
    const places = models
      .filter(({ key }) => !unfit.includes(key))
      .flatMap(({ key, locales }) =>
        marketsOf(Object.keys(row.locales), [{ key, locales }])
          .filter(({ onFeed }) => onFeed)
          .map(({ locale, reads }) => ({ model: key, locale, textLocale: reads, feed })),
      );
    return { ...item, places };
  }

  async #models(keys: readonly string[]): Promise<Model[]> {
    const found = await Promise.all(keys.map((key) => this.#deps.devices.model(key)));
    return found.filter((model): model is Model => model !== null);
  }

  async #replace(tx: Db, by: Principal, id: string, version: number, states: ("live" | "scheduled")[]): Promise<void> {
    for (const other of await store.versionsIn(tx, id, states)) {
      if (other.version !== version) await this.#move(tx, by, other, "replace", null);
    }
  }

  /** Takes the item off every feed, with it what was planned, and what still waits for appliances that are away. */
  async withdraw(by: Principal, id: string): Promise<Changed<"content_not_found" | VersionRefusal>> {
    const outcome = await transaction(this.#deps.db, async (tx) => {
      const item = await store.lockItem(tx, id);
      if (item === null) return refused("content_not_found");
      const out = await store.versionsIn(tx, id, store.approvedStates);
      const next = stepVersion(out[0]?.state ?? item.state, "withdraw");
      if (next.kind === "refused") return refused(next.rule);
      const before = await modelsOfItem(tx, id);
      for (const row of out) await this.#move(tx, by, row, "withdraw", null);
      const topics = await this.#offFeeds(tx, out[0] ?? item);
      const kind = deliveryOfKind[item.kind];
      const takenBack = kind === null ? 0 : await this.#deps.deliveries.cancelCarrying(tx, kind, { id });
      const change = { before: { models: before }, after: { models: [], takenBack } };
      await noteChange(this.#deps, tx, by, "withdrawn", out[0] ?? item, change);
      return { kind: "changed" as const, item: await summaryOf(tx, id), topics };
    });
    if (outcome.kind === "refused") return outcome;
    this.#announce(outcome.topics);
    return { kind: "changed", item: outcome.item };
  }

  async #offFeeds(
    tx: Db,
    row: { id: string; version: number; kind: store.ItemRow["kind"] },
  ): Promise<FeedTopics | null> {
    const feed = feedOfKind[row.kind];
    const models = await modelsOfItem(tx, row.id);
    if (feed === null || models.length === 0) return null;
    const item = { id: row.id, version: row.version, publishedAtMs: this.#deps.clock.nowMs(), imageHref: null };
    const changed = await changeFeeds(tx, item, { models, feed }, []);
    if (changed.kind === "refused") throw new Error("a feed that shrinks was refused as full");
    return changed.topics;
  }

  /** Starts what is due and ends what is over, each item by itself. */
  async tick(): Promise<void> {
    for (const due of await store.dueVersions(this.#deps.db, this.#deps.clock.nowMs(), dueMax)) {
      const topics = await transaction(this.#deps.db, (tx) => this.#doDue(tx, due));
      this.#announce(topics);
    }
  }

  async #doDue(tx: Db, due: { id: string; version: number; event: "start" | "expire" }): Promise<FeedTopics | null> {
    await store.lockItem(tx, due.id);
    const row = await store.findVersion(tx, due.id, due.version);
    // Somebody may have withdrawn or rescheduled it since it was found.
    const nowMs = this.#deps.clock.nowMs();
    if (row === null || stepVersion(row.state, due.event).kind === "refused") return null;
    if (due.event === "expire") {
      if (row.until_ms === null || row.until_ms > nowMs) return null;
      await this.#move(tx, system, row, "expire", null);
      const topics = row.state === "live" ? await this.#offFeeds(tx, row) : null;
      await noteChange(this.#deps, tx, system, "expired", row);
      return topics;
    }
    if (row.from_ms === null || row.from_ms > nowMs) return null;
    const started = await this.#goLive(tx, system, row);
    if (started.kind === "live") return started.topics;
    await store.putOff(tx, row.id, row.version, nowMs + putOffMs);
    return null;
  }

  async #move(
    tx: Db,
    by: Principal,
    row: { id: string; version: number; state: store.ItemRow["state"] },
    on: VersionEvent,
    note: string | null,
  ): Promise<void> {
    const next = stepVersion(row.state, on);
    if (next.kind === "refused") throw new Error(`${on} of a version that is ${row.state} was not looked at before`);
    const step = { version: row.version, at_ms: this.#deps.clock.nowMs(), by: principalText(by), note };
    await store.setState(tx, row.id, row.version, next.to);
    await store.insertStep(tx, row.id, { ...step, event: on, state: next.to });
  }
}

type LiveRow = Pick<
  store.ItemVersionRow,
  "id" | "kind" | "version" | "state" | "class" | "locales" | "image" | "feed_models"
>;

/** A refusal that is found out after something was written: it undoes the transaction. */
class Held extends Error {
  readonly refusal: Refused<"feed_full">;
  constructor(refusal: Refused<"feed_full">) {
    super(refusal.rule);
    this.refusal = refusal;
  }
}

const noSchedule: store.VersionSchedule = {
  feed_models: [],
  from_local: null,
  until_local: null,
  zone: null,
  from_ms: null,
  until_ms: null,
};

const scheduleRow = (
  wanted: Schedule,
  models: string[],
  window: { fromMs: number; untilMs: number },
  nowMs: number,
): store.VersionSchedule => ({
  feed_models: models,
  from_local: wanted.from,
  until_local: wanted.until,
  zone: wanted.zone,
  from_ms: Math.max(window.fromMs, 0) === 0 ? nowMs : window.fromMs,
  until_ms: Number.isFinite(window.untilMs) ? window.untilMs : null,
});

async function summaryOf(tx: Db, id: string): Promise<ContentSummary> {
  const row = await store.findItem(tx, id);
  if (row === null) throw new Error("an item that is locked is not there");
  return toSummary(row, await modelsOfItem(tx, id));
}
