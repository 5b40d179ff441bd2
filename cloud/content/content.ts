import type { ContentItem } from "#protocol/content.ts";
import type { Model } from "#protocol/model.ts";
import type { Feed } from "#protocol/topics.ts";
import type { DeviceRef } from "../devices/devices.ts";
import type { Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { type DecisionItem, windowIn } from "./core/decision-item.ts";
import { stepVersion } from "./core/version-life.ts";
import { type ContentDraft, type ContentKind, deliveryOfKind, feedOfKind } from "./content-shapes.ts";
import * as store from "./content-store.ts";
import {
  type ContentSummary,
  type ContentVersion,
  oversize,
  recipeMisfits,
  refused,
  type Refused,
  toSummary,
} from "./content-views.ts";
import { changeFeeds, feedSnapshot, type FeedTopics } from "./feeds.ts";
import { type FeedPlace, modelsOfItem, publishedTo, readFeedVersion } from "./feeds-store.ts";
import {
  type Delivered,
  type DeliveryMaker,
  type Reader,
  Sending,
  type SendingDeps,
  usualExpiryMs,
  type Wanted,
} from "./sending.ts";

export { contentProblems } from "./errors.ts";
export type { ContentSummary, ContentVersion, Refused } from "./content-views.ts";
export type { DecisionItem } from "./core/decision-item.ts";
export type { FeedTopics } from "./feeds.ts";
export type { Delivered, Reader, Wanted } from "./sending.ts";

/** What content needs to know of devices. */
interface Appliances {
  find(ids: string[]): Promise<Map<string, DeviceRef>>;
  model(key: string): Promise<Model | null>;
}

interface ContentDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  outbox: Outbox;
  audit: Audit;
  devices: Appliances;
  deliveries: DeliveryMaker;
  /** How each device's household reads, by device key. Who is left out reads English, in UTC. */
  readersOf?: SendingDeps["readersOf"];
  /** Called after each committed change of feeds, in the order of their versions. */
  onChanged: (topics: FeedTopics) => void;
  /** Called with every topic where a change was committed and could not be announced. */
  onMissed: (topics: FeedTopics) => void;
}

const contentOf = (draft: ContentDraft): store.VersionContent => ({
  class: draft.class,
  is_shareable: draft.isShareable,
  topics: [...new Set(draft.topics)].toSorted(),
  models: draft.models,
  offer_key: draft.kind === "offer" ? draft.offerKey : null,
  image_sha256: null,
  locales: draft.locales,
});

/** Of what is sent now, by hand. */
const unscheduled: store.VersionSchedule = {
  feed_models: [],
  from_local: null,
  until_local: null,
  zone: null,
  from_ms: null,
  until_ms: null,
};

/** Recipes, tips, notices, messages and offers: written, published to feeds, sent to appliances. */
export class Content {
  readonly #deps: ContentDeps;
  /** The newest version of the feeds that went to the gateway. */
  #toldVersion = 0;
  readonly #modelOf = (key: string): Promise<Model | null> => this.#deps.devices.model(key);

  /** Items for single appliances and households. */
  readonly sending: Sending;

  constructor(deps: ContentDeps) {
    this.#deps = deps;
    const { db, clock, deliveries, readersOf = async () => new Map<number, Reader>() } = deps;
    this.sending = new Sending({ db, clock, deliveries, model: this.#modelOf, readersOf });
  }

  // What decides about households asks this.

  /** The items that may be sent now or soon; those that are not live or scheduled are left out. */
  forDecision(db: Db, itemIds: readonly string[]): Promise<Map<string, DecisionItem>> {
    return this.sending.forDecision(db, itemIds);
  }

  /** When an item is for a household that lives in `timeZone`: its author's local times, on its own clock. */
  windowIn(item: Pick<DecisionItem, "schedule">, timeZone: string): { fromMs: number; untilMs: number } {
    return windowIn(item, timeZone);
  }

  /** Makes deliveries in the caller's transaction, each in the household's language and in its own time; at most 10,000 at once. */
  deliver(tx: Db, wanted: readonly Wanted[]): Promise<Delivered> {
    return this.sending.deliver(tx, wanted);
  }

  /**
   * The item as somebody who reads `locale` gets it, for e-mail and the like; null where it is not out.
   *
   * @param extra the terms of an offer: without them it cannot be rendered
   */
  render(itemId: string, locale: string, extra?: Record<string, unknown>): Promise<ContentItem | null> {
    return this.sending.render(this.#deps.db, itemId, locale, extra);
  }

  // Writing

  async create(
    by: Principal,
    draft: ContentDraft,
  ): Promise<{ kind: "created"; item: ContentSummary } | Refused<"content_too_large">> {
    const { clock, ids, db, audit } = this.#deps;
    const id = ids.next();
    const tooLarge = oversize({ ...draft, id, version: 1 });
    if (tooLarge !== null) return refused("content_too_large", { detail: tooLarge });
    const made = { created_at_ms: clock.nowMs(), created_by: principalText(by) };
    await transaction(db, async (tx) => {
      await store.insertItem(tx, { id, kind: draft.kind, ...made });
      await store.insertVersion(tx, { item_id: id, version: 1, ...contentOf(draft), ...made });
      await audit.record(tx, { principal: by, action: "content.created", subject: `content:${id}`, after: draft });
    });
    const row: store.ItemRow = { id, kind: draft.kind, version: 1, state: "draft", ...contentOf(draft), ...made };
    return { kind: "created", item: toSummary(row, []) };
  }

  /** Adds a version as a draft. What is live stays live until the new version is published. */
  async update(
    by: Principal,
    id: string,
    draft: ContentDraft,
  ): Promise<
    | { kind: "updated"; item: ContentSummary }
    | Refused<"content_not_found" | "content_kind_fixed" | "content_too_large">
  > {
    const { clock, db, audit } = this.#deps;
    return transaction(db, async (tx) => {
      const row = await store.lockItem(tx, id);
      if (row === null) return refused("content_not_found");
      if (row.kind !== draft.kind) return refused("content_kind_fixed", { detail: `It is a ${row.kind}.` });
      const version = row.version + 1;
      const tooLarge = oversize({ ...draft, id, version });
      if (tooLarge !== null) return refused("content_too_large", { detail: tooLarge });
      const made = { created_at_ms: clock.nowMs(), created_by: principalText(by) };
      await store.insertVersion(tx, { item_id: id, version, ...contentOf(draft), ...made });
      await audit.record(tx, {
        principal: by,
        action: "content.updated",
        subject: `content:${id}`,
        before: { version: row.version, locales: row.locales },
        after: { version, locales: draft.locales },
      });
      const next: store.ItemRow = { ...row, version, state: "draft", ...contentOf(draft) };
      return { kind: "updated", item: toSummary(next, await modelsOfItem(tx, id)) };
    });
  }

  async list(query: { kind: ContentKind | null; beforeId: string | null; limit: number }): Promise<ContentSummary[]> {
    const rows = await store.listItems(this.#deps.db, query);
    const models = await publishedTo(
      this.#deps.db,
      rows.map(({ id }) => id),
    );
    return rows.map((row) => toSummary(row, models.get(row.id) ?? []));
  }

  async get(id: string): Promise<{ item: ContentSummary; versions: ContentVersion[] } | null> {
    const row = await store.findItem(this.#deps.db, id);
    if (row === null) return null;
    const versions = await store.versionsOf(this.#deps.db, id);
    return {
      item: toSummary(row, await modelsOfItem(this.#deps.db, id)),
      versions: versions.map((version) => ({
        version: version.version,
        state: version.state,
        locales: version.locales,
        createdAtMs: version.created_at_ms,
        createdBy: version.created_by,
      })),
    };
  }

  // Feeds

  /**
   * Puts the newest version on the feed of its kind, for exactly these models and in each of its locales. A version that was live before is
   * withdrawn with the same step.
   */
  async publish(
    by: Principal,
    id: string,
    to: { models: string[]; feed: Feed },
  ): Promise<
    | { kind: "published"; item: ContentSummary }
    | Refused<
        | "content_not_found"
        | "not_for_feeds"
        | "wrong_feed"
        | "promotional_on_feed"
        | "content_withdrawn"
        | "content_not_live"
        | "content_model_unknown"
        | "recipe_does_not_fit"
        | "feed_full"
      >
  > {
    const models = [...new Set(to.models)].toSorted();
    const outcome = await transaction(this.#deps.db, async (tx) => {
      const row = await store.lockItem(tx, id);
      if (row === null) return refused("content_not_found");
      const feed = feedOfKind[row.kind];
      if (feed === null) return refused("not_for_feeds");
      if (feed !== to.feed) return refused("wrong_feed", { detail: `A ${row.kind} goes to ${feed}.` });
      if (row.class === "promotional" || row.class === "loyalty_status") return refused("promotional_on_feed");
      const next = stepVersion(row.state, "publish");
      if (next.kind === "refused") return refused(next.rule);
      const unfit = await recipeMisfits(row, models, this.#modelOf);
      if (unfit !== null) return unfit;
      const before = await modelsOfItem(tx, id);
      const locales = Object.keys(row.locales);
      const keys = models.flatMap((model) =>
        locales.map((locale): FeedPlace => ({ model, locale, textLocale: locale, feed })),
      );
      const scope = { models: [...new Set([...before, ...models])], feed };
      const published = { id, version: row.version, publishedAtMs: this.#deps.clock.nowMs() };
      const changed = await changeFeeds(tx, published, scope, keys);
      if (changed.kind === "refused") return refused(changed.rule);
      await this.#replaceLive(tx, row);
      await store.setState(tx, id, row.version, next.to);
      await this.#note(tx, by, "published", row, { before: { models: before }, after: { models } });
      return {
        kind: "published" as const,
        item: toSummary({ ...row, state: next.to }, models),
        topics: changed.topics,
      };
    });
    if (outcome.kind === "refused") return outcome;
    this.#announce(outcome.topics);
    return { kind: "published", item: outcome.item };
  }

  /** Withdraws the version that was live before the one that is published now. */
  async #replaceLive(tx: Db, row: store.ItemRow): Promise<void> {
    const live = await store.liveVersion(tx, row.id);
    if (live === null || live.version === row.version) return;
    const next = stepVersion(live.state, "replace");
    if (next.kind === "moved") await store.setState(tx, row.id, live.version, next.to);
  }

  /** Takes the item off every feed. */
  async withdraw(
    by: Principal,
    id: string,
  ): Promise<
    | { kind: "withdrawn"; item: ContentSummary }
    | Refused<"content_not_found" | "content_not_live" | "content_withdrawn">
  > {
    const outcome = await transaction(this.#deps.db, async (tx) => {
      const row = await store.lockItem(tx, id);
      if (row === null) return refused("content_not_found");
      const live = await store.liveVersion(tx, id);
      const feed = feedOfKind[row.kind];
      const next = stepVersion(live?.state ?? row.state, "withdraw");
      if (next.kind === "refused") return refused(next.rule);
      if (live === null || feed === null) return refused("content_not_live");
      const models = await modelsOfItem(tx, id);
      const item = { id, version: live.version, publishedAtMs: this.#deps.clock.nowMs() };
      const changed = await changeFeeds(tx, item, { models, feed }, []);
      if (changed.kind === "refused") throw new Error("a feed that shrinks was refused as full");
      await store.setState(tx, id, live.version, next.to);
      await this.#note(
        tx,
        by,
        "withdrawn",
        { ...row, version: live.version },
        { before: { models }, after: { models: [] } },
      );
      const state = live.version === row.version ? next.to : row.state;
      return { kind: "withdrawn" as const, item: toSummary({ ...row, state }, []), topics: changed.topics };
    });
    if (outcome.kind === "refused") return outcome;
    this.#announce(outcome.topics);
    return { kind: "withdrawn", item: outcome.item };
  }

  /** Every retained topic, items before indices. */
  async snapshot(): Promise<FeedTopics> {
    const topics = await feedSnapshot(this.#deps.db);
    this.#toldVersion = Math.max(this.#toldVersion, topics.version);
    return topics;
  }

  /**
   * Sees to it that what is committed is also announced: a connection that breaks while the database commits leaves a change of which
   * nobody here knows, and the same change asked for again is none.
   */
  async tick(): Promise<void> {
    if ((await readFeedVersion(this.#deps.db)) > this.#toldVersion) this.#deps.onMissed(await this.snapshot());
  }

  /**
   * Two changes are announced in the order of their versions: the second gets the lock only after the first has committed, and needs
   * further statements before it commits itself.
   */
  #announce(topics: FeedTopics | null): void {
    if (topics === null) return;
    this.#toldVersion = Math.max(this.#toldVersion, topics.version);
    this.#deps.onChanged(topics);
  }

  async #note(
    tx: Db,
    by: Principal,
    verb: "published" | "withdrawn" | "sent",
    row: { id: string; kind: ContentKind; version: number },
    change: { before?: object; after: object },
  ): Promise<void> {
    const { id, kind, version } = row;
    const after = { kind, version, ...change.after };
    await this.#deps.outbox.add(tx, [
      { type: `hearth.content.${verb}`, subject: `content:${id}`, atMs: this.#deps.clock.nowMs(), data: after },
    ]);
    await this.#deps.audit.record(tx, {
      principal: by,
      action: `content.${verb}`,
      subject: `content:${id}`,
      before: change.before,
      after,
    });
  }

  // Sending

  /** Sends the newest version to appliances, each in the locale that suits its household best. */
  async send(
    by: Principal,
    id: string,
    deviceIds: readonly string[],
  ): Promise<
    | { kind: "sent"; deliveries: number }
    | Refused<
        | "content_not_found"
        | "not_for_sending"
        | "content_withdrawn"
        | "content_devices_unknown"
        | "content_model_unknown"
        | "recipe_does_not_fit"
      >
  > {
    const row = await store.findItem(this.#deps.db, id);
    if (row === null) return refused("content_not_found");
    const kind = deliveryOfKind[row.kind];
    if (kind === null) return refused("not_for_sending");
    if (row.state === "withdrawn") return refused("content_withdrawn");
    const nowMs = this.#deps.clock.nowMs();
    const ids = [...new Set(deviceIds)];
    const found = await this.#deps.devices.find(ids);
    const unknown = ids.filter((deviceId) => !found.has(deviceId));
    if (unknown.length > 0)
      return refused("content_devices_unknown", { detail: `${unknown.slice(0, 10).join(", ")}.` });
    const devices = [...found.values()];
    const unfit =
      row.kind === "recipe"
        ? await recipeMisfits(row, [...new Set(devices.map(({ model }) => model))], this.#modelOf)
        : null;
    if (unfit !== null) return unfit;
    const wanted = devices.map((device) => ({ itemId: id, device, expiresAtMs: usualExpiryMs(row, nowMs) }));
    const { deliveries, afterCommit } = await transaction(this.#deps.db, async (tx) => {
      const made = await this.sending.make(tx, wanted, () => ({ ...row, ...unscheduled }));
      const after = { deliveries: made.deliveries.length, deviceIds: ids.slice(0, 100) };
      await this.#note(tx, by, "sent", row, { after });
      return made;
    });
    afterCommit();
    return { kind: "sent", deliveries: deliveries.length };
  }
}
