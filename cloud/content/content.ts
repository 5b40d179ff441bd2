import type { ContentItem } from "#protocol/content.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Principal } from "../staff/staff.ts";
import { type DecisionItem, windowIn } from "./core/decision-item.ts";
import { type ContentDeps, noteChange, type Reader } from "./content-deps.ts";
import { deliveryOfKind, isForDecisions, type ContentKind } from "./content-shapes.ts";
import * as store from "./content-store.ts";
import { refused, type Refused, titleOf, toSchedule, type VersionSchedule } from "./content-views.ts";
import { FeedFit } from "./feed-fit.ts";
import { feedSnapshot, type FeedTopics } from "./feeds.ts";
import { readFeedVersion } from "./feeds-store.ts";
import { Library } from "./library.ts";
import { Media } from "./media.ts";
import { Newcomers } from "./newcomers.ts";
import { Publishing } from "./publishing.ts";
import { type Delivered, Sending, usualExpiryMs, type Wanted } from "./sending.ts";
import { TakenBack } from "./taken-back.ts";
import { TestDevices } from "./test-devices.ts";

export type { DecisionItem } from "./core/decision-item.ts";
export type { Reader } from "./content-deps.ts";
export { contentTopic } from "./content-shapes.ts";
export { contentProblems } from "./errors.ts";
export type { FeedTopics } from "./feeds.ts";
export type { Delivered, Wanted } from "./sending.ts";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Most that one look at the calendar shows. */
const calendarMax = 500;

export interface CalendarEntry extends VersionSchedule {
  id: string;
  version: number;
  kind: ContentKind;
  title: string;
  state: store.VersionRow["state"];
  class: store.VersionRow["class"];
}

/** Recipes, tips, notices, messages and offers: written, reviewed, scheduled, published to feeds, sent to appliances. */
export class Content {
  readonly #deps: ContentDeps;
  /** The newest version of the feeds that went to the gateway. */
  #toldVersion = 0;

  readonly library: Library;
  readonly publishing: Publishing;
  /** Items for single appliances and households. */
  readonly sending: Sending;
  readonly media: Media;
  readonly testDevices: TestDevices;
  /** Appliances that came after a notice. */
  readonly newcomers: Newcomers;
  /** What a lowered limit took back from single appliances. */
  readonly takenBack: TakenBack;
  /** Models' feeds, kept to what their appliances can do. */
  readonly feedFit: FeedFit;

  constructor(deps: ContentDeps) {
    this.#deps = deps;
    this.library = new Library(deps);
    this.media = new Media(deps);
    const hrefOf = (sha256: string) => this.media.href(sha256);
    this.publishing = new Publishing(deps, hrefOf, (topics) => this.#announce(topics));
    this.sending = new Sending(deps, hrefOf);
    this.testDevices = new TestDevices(deps, this.sending);
    this.takenBack = new TakenBack(deps, this.sending);
    this.feedFit = new FeedFit(deps, this.publishing, this.takenBack, (topics) => this.#announce(topics));
    this.newcomers = new Newcomers(deps, this.sending);
  }

  // What decides about households asks this.

  /** The items that may be sent now or soon; those that are not live or scheduled are left out. */
  forDecision(db: Db, itemIds: readonly string[]): Promise<Map<string, DecisionItem>> {
    return this.sending.forDecision(db, itemIds);
  }

  /** What of these fits an appliance stays so until the transaction ends. For whoever decides in it and delivers; before other rows are held. */
  holdLimits(tx: Db, itemIds: readonly string[]): Promise<void> {
    return this.sending.holdLimits(tx, itemIds);
  }

  /** When an item is for a household that lives in `timeZone`: its author's local times, on its own clock. */
  windowIn(item: Pick<DecisionItem, "schedule">, timeZone: string): { fromMs: number; untilMs: number } {
    return windowIn(item, timeZone);
  }

  /** What a limit took back of these may be wanted again. */
  lookAgain(tx: Db, itemIds: readonly string[]): Promise<void> {
    return this.takenBack.look(tx, itemIds);
  }

  /** Makes deliveries in the caller's transaction, each in the household's language and in its own time; at most 10,000 at once. */
  deliver(tx: Db, wanted: readonly Wanted[]): Promise<Delivered> {
    return this.sending.deliver(tx, wanted);
  }

  /**
   * The item as a reader gets it, for e-mail and the like; null where it is not out, and for an offer without its terms.
   *
   * @param extra the terms of an offer, as they were granted
   */
  render(
    itemId: string,
    reader: Pick<Reader, "locale" | "units">,
    extra?: Record<string, unknown>,
  ): Promise<ContentItem | null> {
    return this.sending.render(this.#deps.db, itemId, reader, extra);
  }

  /** Lines of a timeline in which appliances name items by their ids, with what the items are called: in the title, and as `item`. */
  async named<Line extends { title: string; data: Record<string, unknown> }>(lines: readonly Line[]): Promise<Line[]> {
    const idOf = ({ data: { itemId } }: Line) => (typeof itemId === "string" && uuid.test(itemId) ? itemId : null);
    const ids = new Set(lines.flatMap((line) => idOf(line) ?? []));
    const titles = new Map(
      (await store.newestTexts(this.#deps.db, [...ids])).map(({ id, locales }) => [id, titleOf(locales)]),
    );
    return lines.map((line) => {
      const id = idOf(line);
      const title = id === null ? undefined : titles.get(id.toLowerCase());
      if (id === null || title === undefined) return line;
      const told = line.title.endsWith(id) ? line.title.slice(0, -id.length) + title : line.title;
      return { ...line, title: told, data: { ...line.data, item: title } };
    });
  }

  /** Every retained topic, items before indices. */
  async snapshot(): Promise<FeedTopics> {
    const topics = await feedSnapshot(this.#deps.db);
    this.#toldVersion = Math.max(this.#toldVersion, topics.version);
    return topics;
  }

  /**
   * Starts and ends what is due, brings safety notices to their appliances, sends again what limits allow by now, and sees to it that what is committed is also announced: a connection that breaks while the database commits leaves a change of which
   * nobody here knows, and the same change asked for again is none.
   */
  async tick(): Promise<void> {
    await this.publishing.tick();
    while (await this.sending.notify());
    while (await this.newcomers.tell());
    while (await this.takenBack.sendAgain());
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

  /** What is planned, live or over between two moments, the earliest first. */
  async calendar(fromMs: number, toMs: number): Promise<CalendarEntry[]> {
    const rows = await store.calendar(this.#deps.db, fromMs, toMs, calendarMax);
    return rows.flatMap((row) => {
      const schedule = toSchedule(row);
      if (schedule === null) return [];
      const { id, version, kind, state } = row;
      return [{ id, version, kind, state, class: row.class, title: titleOf(row.locales), ...schedule }];
    });
  }

  /** Sends the newest version that was approved to appliances, each in the locale that suits its household best. */
  async send(
    by: Principal,
    id: string,
    deviceIds: readonly string[],
  ): Promise<
    | { kind: "sent"; deliveries: number }
    | Refused<
        | "content_not_found"
        | "not_for_sending"
        | "needs_a_grant"
        | "promotional_by_hand"
        | "content_withdrawn"
        | "content_not_approved"
        | "content_devices_unknown"
        | "content_model_unknown"
        | "recipe_does_not_fit"
      >
  > {
    const { db, devices, clock } = this.#deps;
    const item = await store.findItem(db, id);
    if (item === null) return refused("content_not_found");
    if (deliveryOfKind[item.kind] === null) return refused("not_for_sending");
    if (item.kind === "offer") return refused("needs_a_grant");
    const [row] = await store.versionsIn(db, id, store.approvedStates);
    if (row === undefined) return refused(item.state === "withdrawn" ? "content_withdrawn" : "content_not_approved");
    if (isForDecisions(row.class)) return refused("promotional_by_hand");
    const ids = [...new Set(deviceIds)];
    const found = await devices.find(ids);
    const unknown = ids.filter((deviceId) => !found.has(deviceId));
    if (unknown.length > 0) {
      return refused("content_devices_unknown", { detail: `${unknown.slice(0, 10).join(", ")}.` });
    }
    const refs = [...found.values()];
    const wanted = refs.map((device) => ({ itemId: id, device, expiresAtMs: usualExpiryMs(row, clock.nowMs()) }));
    const made = await transaction(db, async (tx) => {
      const delivered = await this.sending.byHand(tx, row, wanted);
      if (delivered.kind === "refused") return delivered;
      const after = { deliveries: delivered.deliveries.length, deviceIds: ids.slice(0, 100) };
      await noteChange(this.#deps, tx, by, "sent", row, { after });
      return delivered;
    });
    if (made.kind === "refused") return made;
    made.afterCommit();
    return { kind: "sent", deliveries: made.deliveries.length };
  }
}
