import type { ContentItem } from "#protocol/content.ts";
import type { Model } from "#protocol/model.ts";
import { unitsOfLocale } from "#protocol/units.ts";
import { deliveryLifeMs, type NewDelivery } from "../deliveries/deliveries.ts";
import type { DeviceRef } from "../devices/devices.ts";
import { type Db, transaction } from "../platform/database.ts";
import { bestLocale, fallbackLocale } from "../platform/best-locale.ts";
import { type DecisionItem, needsOf } from "./core/decision-item.ts";
import { localWindow } from "./core/local-window.ts";
import { unfitFor } from "./core/machine-fit.ts";
import type { ContentDeps, Reader } from "./content-deps.ts";
import { deliveryOfKind, itemInLocale, priorityOf, type VersionText } from "./content-shapes.ts";
import * as store from "./content-store.ts";
import { inEachLocale, recipeMisfits, type Refused, titleOf } from "./content-views.ts";
import { lockFeedVersion } from "./feeds-store.ts";

/** One item for one device. */
export interface Wanted {
  itemId: string;
  device: DeviceRef;
  expiresAtMs: number;
  /** The class's own where left out. */
  priority?: number | undefined;
  /** The terms of an offer, as they were granted. */
  extra?: Record<string, unknown> | undefined;
  /** Why the household gets it, in the language of a locale. Few texts: a body is made, and stored, once for all who are told the same. */
  why?: ((locale: string) => string) | undefined;
}

export interface Delivered {
  /** In the order in which they were asked for, without those that were skipped. */
  deliveries: { itemId: string; deviceId: string; deliveryId: string }[];
  /**
   * Nothing was made for these: the item is not out, is an offer without its terms, asks for what the appliance cannot or must not do, or its
   * time in the household's zone is not now.
   */
  skipped: {
    itemId: string;
    deviceId: string;
    rule: "not_sendable" | "needs_a_grant" | "does_not_fit" | "not_yet" | "over";
  }[];
  /** To be run once the transaction is committed. */
  afterCommit: () => void;
}

const nobodys: Reader = { locale: fallbackLocale, timeZone: "UTC", units: null };

/** How many appliances one tick tells of a safety notice. */
const notifiedAtOnce = 5_000;

/** Brings items to single appliances: in the household's language, in its own time. */
export class Sending {
  readonly #deps: ContentDeps;
  readonly #hrefOf: (sha256: string) => string;

  constructor(deps: ContentDeps, hrefOf: (sha256: string) => string) {
    this.#deps = deps;
    this.#hrefOf = hrefOf;
  }

  /** The items that may be sent now or soon; those that are not live or scheduled are left out. */
  async forDecision(db: Db, itemIds: readonly string[]): Promise<Map<string, DecisionItem>> {
    const rows = await store.sendableVersions(db, itemIds);
    const models = rows.some(({ kind }) => kind === "recipe") ? await this.#deps.devices.models() : [];
    return new Map(rows.map((row) => [row.id, toDecisionItem(row, models)]));
  }

  /** Where recipes are among these no model gets other limits until the transaction ends: what is decided by them is what goes. */
  async holdLimits(tx: Db, itemIds: readonly string[]): Promise<void> {
    if (await store.isAnyRecipe(tx, itemIds)) await lockFeedVersion(tx, false);
  }

  /** Makes the deliveries in the caller's transaction, at most 10,000 at once. */
  async deliver(tx: Db, wanted: readonly Wanted[]): Promise<Delivered> {
    const versions = new Map(
      (await store.sendableVersions(tx, [...new Set(wanted.map(({ itemId }) => itemId))])).map((row) => [row.id, row]),
    );
    return this.make(tx, wanted, (itemId) => versions.get(itemId) ?? null);
  }

  /**
   * Makes deliveries of exactly these versions, whatever state they are in. Where a recipe is among them no model gets other limits until
   * the transaction ends: it goes by those that it was looked at with, or is taken back by those that come next.
   */
  async make(
    tx: Db,
    wanted: readonly Wanted[],
    versionOf: (itemId: string) => store.ItemVersionRow | null,
  ): Promise<Delivered> {
    const readers = await this.#deps.readersOf(wanted.map(({ device }) => device));
    const rendered = new Map<string, ContentItem>();
    const unfit = await this.#unfitPairs(tx, wanted, versionOf);
    const nowMs = this.#deps.clock.nowMs();
    const skipped: Delivered["skipped"] = [];
    const made: { itemId: string; delivery: NewDelivery }[] = [];
    for (const one of wanted) {
      const version = versionOf(one.itemId);
      const kind = version === null ? null : deliveryOfKind[version.kind];
      const skip = (rule: Delivered["skipped"][number]["rule"]) =>
        skipped.push({ itemId: one.itemId, deviceId: one.device.id, rule });
      if (version === null || kind === null) {
        skip("not_sendable");
        continue;
      }
      if (version.kind === "offer" && one.extra === undefined) {
        skip("needs_a_grant");
        continue;
      }
      if (unfit.has(`${version.id} ${one.device.model}`)) {
        skip("does_not_fit");
        continue;
      }
      const reader = readers.get(one.device.key) ?? nobodys;
      const window = localWindow({ from: version.from_local, until: version.until_local }, reader.timeZone);
      if (nowMs < window.fromMs || nowMs >= window.untilMs) {
        skip(nowMs < window.fromMs ? "not_yet" : "over");
        continue;
      }
      const body = this.#bodyFor(version, reader, one, rendered);
      made.push({
        itemId: one.itemId,
        delivery: {
          device: one.device,
          kind,
          subject: version.id,
          label: body.title,
          body,
          priority: one.priority ?? priorityOf[version.class],
          expiresAtMs: Math.min(one.expiresAtMs, window.untilMs),
        },
      });
    }
    const { ids, afterCommit } = await this.#deps.deliveries.create(
      tx,
      made.map(({ delivery }) => delivery),
    );
    const deliveries = ids.flatMap((deliveryId, at) => {
      const one = made[at];
      return one === undefined ? [] : [{ itemId: one.itemId, deviceId: one.delivery.device.id, deliveryId }];
    });
    return { deliveries, skipped, afterCommit };
  }

  /**
   * Makes deliveries of one version by hand and now: its author's own hours are for what goes out by itself. Refused, with nothing made, where
   * one of the appliances cannot or must not do what it asks for.
   */
  async byHand(
    tx: Db,
    version: store.ItemVersionRow,
    wanted: readonly Wanted[],
  ): Promise<({ kind: "made" } & Delivered) | Refused<"content_model_unknown" | "recipe_does_not_fit">> {
    const { devices } = this.#deps;
    if (version.kind === "recipe") await lockFeedVersion(tx, false);
    const models = [...new Set(wanted.map(({ device }) => device.model))];
    const unfit = await recipeMisfits(version, models, (key) => devices.model(key));
    if (unfit !== null) return unfit;
    const now = { ...version, from_local: null, until_local: null };
    return { kind: "made", ...(await this.make(tx, wanted, () => now)) };
  }

  /**
   * The item as a reader gets it, for roads other than an appliance's display; null where it is not out, and for an
   * offer without its terms.
   *
   * @param extra the terms of an offer, as they were granted
   */
  async render(
    db: Db,
    itemId: string,
    reader: Pick<Reader, "locale" | "units">,
    extra?: Record<string, unknown>,
  ): Promise<ContentItem | null> {
    const [version] = await store.sendableVersions(db, [itemId]);
    if (version === undefined || (version.kind === "offer" && extra === undefined)) return null;
    return this.#bodyFor(version, { ...nobodys, ...reader }, { extra }, new Map());
  }

  /**
   * Brings a safety notice that is on the feeds to every appliance of its models as well, some thousands at a time: each shows it at once
   * and says that it was acknowledged.
   *
   * @returns whether there is more to do
   */
  async notify(): Promise<boolean> {
    const { db, devices } = this.#deps;
    const { more, after } = await transaction(db, async (tx) => {
      const row = await store.lockNotifying(tx);
      if (row === null) return { more: false, after: null };
      const models = (row.notify_models ?? row.feed_models).filter((model) => row.feed_models.includes(model));
      const refs = await devices.ofModels(tx, models, row.notify_after_key, notifiedAtOnce);
      const last = refs.length < notifiedAtOnce ? null : (refs.at(-1)?.key ?? null);
      const expiresAtMs = usualExpiryMs(row, this.#deps.clock.nowMs());
      const wanted = refs.map((device) => ({ itemId: row.id, device, expiresAtMs }));
      // Danger does not wait for anybody's own time: it is said when it is on the feeds.
      const made = await this.make(tx, wanted, () => ({ ...row, from_local: null, until_local: null }));
      await store.noteNotified(tx, row.id, row.version, last);
      return { more: true, after: made };
    });
    after?.afterCommit();
    return more;
  }

  /** `item model` of each pair in which the appliance cannot, or must not, do what a step asks for. */
  async #unfitPairs(
    tx: Db,
    wanted: readonly Wanted[],
    versionOf: (itemId: string) => store.ItemVersionRow | null,
  ): Promise<ReadonlySet<string>> {
    const recipes = new Map(
      wanted.flatMap(({ itemId }) => {
        const version = versionOf(itemId);
        return version?.kind === "recipe" ? [[version.id, version] as const] : [];
      }),
    );
    if (recipes.size === 0) return new Set();
    // Before the models are read: a next version of one of them is stored before that, or finds what this makes.
    await lockFeedVersion(tx, false);
    const meant = new Set(wanted.map(({ device }) => device.model));
    const models = (await this.#deps.devices.models()).filter(({ key }) => meant.has(key));
    return new Set(
      [...recipes.values()].flatMap((row) => unfitFor(inEachLocale(row), models).map((key) => `${row.id} ${key}`)),
    );
  }

  /** The body in the best locale and the household's units. The same text for many is one object, so that it is stored once. */
  #bodyFor(
    version: store.ItemVersionRow,
    reader: Reader,
    { extra, why }: Pick<Wanted, "extra" | "why">,
    rendered: Map<string, ContentItem>,
  ): ContentItem {
    const locale = bestLocale(reader.locale, Object.keys(version.locales));
    const units = reader.units ?? unitsOfLocale(reader.locale);
    const imageHref = version.image === null ? null : this.#hrefOf(version.image.sha256);
    const reason = why === undefined ? {} : { why: why(locale) };
    if (extra !== undefined) return itemInLocale(version, locale, { imageHref, units, extra: { ...extra, ...reason } });
    const key = `${version.id} ${locale} ${units} ${reason.why ?? ""}`;
    const known = rendered.get(key);
    if (known !== undefined) return known;
    const body = itemInLocale(version, locale, { imageHref, units, extra: reason });
    rendered.set(key, body);
    return body;
  }
}

/** When a delivery of a kind is given up where nobody says otherwise. */
export const usualExpiryMs = (version: VersionText, nowMs: number): number =>
  nowMs + deliveryLifeMs(deliveryOfKind[version.kind] ?? "message");

function toDecisionItem(row: store.ItemVersionRow, models: readonly Model[]): DecisionItem {
  const texts = inEachLocale(row);
  return {
    id: row.id,
    version: row.version,
    kind: row.kind,
    class: row.class,
    title: titleOf(row.locales),
    topics: row.topics,
    isShareable: row.is_shareable,
    state: row.state === "live" ? "live" : "scheduled",
    fromMs: row.from_ms,
    untilMs: row.until_ms,
    schedule: { from: row.from_local, until: row.until_local },
    needs: needsOf(texts),
    models: row.models,
    unfit: unfitFor(texts, models),
    offerKey: row.offer_key,
    locales: Object.keys(row.locales).toSorted(),
  };
}
