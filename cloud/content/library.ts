import { type Overtaken, changedMeanwhile } from "../platform/based-on.ts";
import { type Db, transaction } from "../platform/database.ts";
import { type Principal, principalText } from "../staff/staff.ts";
import { marketsOf } from "../platform/best-locale.ts";
import { diffVersions, type FieldDiff } from "./core/version-diff.ts";
import { stepVersion } from "./core/version-life.ts";
import { type CheckedDraft, checkDraft } from "./check-draft.ts";
import { type ContentDeps, noteChange } from "./content-deps.ts";
import { type ContentDraft, contentDraft } from "./content-shapes.ts";
import * as store from "./content-store.ts";
import {
  type ContentDetail,
  type ContentSummary,
  keptOff,
  oversize,
  refused,
  type Refused,
  toSummary,
  toVersion,
} from "./content-views.ts";
import { modelsOfItem, publishedTo } from "./feeds-store.ts";
import { findMedia } from "./media-store.ts";

/** What is written, in every version. Each save is a version, and none is ever changed. */
export class Library {
  readonly #deps: ContentDeps;

  constructor(deps: ContentDeps) {
    this.#deps = deps;
  }

  async create(
    by: Principal,
    draft: ContentDraft,
  ): Promise<{ kind: "created"; item: ContentSummary } | Refused<"content_too_large" | "media_not_found">> {
    const { clock, ids, db } = this.#deps;
    const id = ids.next();
    const unfit = await this.#unfit({ id, version: 1 }, draft);
    if (unfit !== null) return unfit;
    const made = { created_at_ms: clock.nowMs(), created_by: principalText(by) };
    return transaction(db, async (tx) => {
      await store.insertItem(tx, { id, kind: draft.kind, ...made });
      await store.insertVersion(tx, { item_id: id, version: 1, ...contentOf(draft), ...made });
      await noteChange(this.#deps, tx, by, "created", { id, kind: draft.kind, version: 1 }, { after: draft });
      return { kind: "created" as const, item: await this.#summary(tx, id) };
    });
  }

  /** Adds a version as a draft. What is live stays live until the new version is published; what is in review is overtaken. */
  async update(
    by: Principal,
    id: string,
    draft: ContentDraft,
    /** The version that was changed; refused where there is a newer one. */
    basedOn: number | null = null,
  ): Promise<
    | { kind: "updated"; item: ContentSummary }
    | Overtaken
    | Refused<"content_not_found" | "content_kind_fixed" | "content_too_large" | "media_not_found">
  > {
    const { clock, db } = this.#deps;
    return transaction(db, async (tx) => {
      const row = await store.lockItem(tx, id);
      if (row === null) return refused("content_not_found");
      if (row.kind !== draft.kind) return refused("content_kind_fixed", { detail: `It is a ${row.kind}.` });
      const other = changedMeanwhile(basedOn, { version: row.version, atMs: row.version_at_ms, by: row.version_by });
      if (other !== null) return other;
      const version = row.version + 1;
      const unfit = await this.#unfit({ id, version }, draft);
      if (unfit !== null) return unfit;
      const made = { created_at_ms: clock.nowMs(), created_by: principalText(by) };
      const overtaken = stepVersion(row.state, "overtake");
      if (overtaken.kind === "moved") {
        await store.setState(tx, id, row.version, overtaken.to);
        const step = { version: row.version, at_ms: made.created_at_ms, by: made.created_by, note: null };
        await store.insertStep(tx, id, { ...step, event: "overtake", state: overtaken.to });
      }
      await store.insertVersion(tx, { item_id: id, version, ...contentOf(draft), ...made });
      const before = { version: row.version, locales: row.locales };
      await noteChange(
        this.#deps,
        tx,
        by,
        "updated",
        { ...row, version },
        { before, after: { locales: draft.locales } },
      );
      return { kind: "updated" as const, item: await this.#summary(tx, id) };
    });
  }

  async list(query: store.ListQuery): Promise<ContentSummary[]> {
    const rows = await store.listItems(this.#deps.db, query);
    const models = await publishedTo(
      this.#deps.db,
      rows.map(({ id }) => id),
    );
    return rows.map((row) => toSummary(row, models.get(row.id) ?? []));
  }

  async get(id: string): Promise<ContentDetail | null> {
    const { db, devices } = this.#deps;
    const row = await store.findItem(db, id);
    if (row === null) return null;
    const [versions, steps, models, onFeeds] = await Promise.all([
      store.versionsOf(db, id),
      store.stepsOf(db, id),
      devices.models(),
      modelsOfItem(db, id),
    ]);
    const meant = models.filter(({ key }) => row.models === null || row.models.includes(key));
    return {
      ...toSummary(row, onFeeds),
      image: row.image,
      offerKey: row.offer_key,
      versions: versions.map(toVersion),
      steps: steps.map(({ version, at_ms, event, state, by, note }) => ({
        version,
        atMs: at_ms,
        event,
        state,
        by,
        note,
      })),
      markets: marketsOf(Object.keys(row.locales), meant),
      keptOff: keptOff(
        row,
        versions.find(({ state }) => state === "live"),
        models,
        onFeeds,
      ),
    };
  }

  /** What changed from one version to another, field by field. */
  async diff(
    id: string,
    from: number,
    to: number,
  ): Promise<{ kind: "diff"; fields: FieldDiff[] } | Refused<"content_version_not_found">> {
    const { db } = this.#deps;
    const [before, after] = await Promise.all([store.findVersion(db, id, from), store.findVersion(db, id, to)]);
    if (before === null || after === null) {
      return refused("content_version_not_found", { detail: `Version ${before === null ? from : to}.` });
    }
    return { kind: "diff", fields: diffVersions(comparable(before), comparable(after)) };
  }

  /** What is wrong with a draft and with which models, and what each market would read. Stores nothing. */
  async check(draft: unknown): Promise<CheckedDraft> {
    const parsed = contentDraft.safeParse(draft);
    return checkDraft(parsed, await this.#deps.devices.models());
  }

  async #unfit(
    made: { id: string; version: number },
    draft: ContentDraft,
  ): Promise<Refused<"content_too_large" | "media_not_found"> | null> {
    const image = draft.image === null ? null : await findMedia(this.#deps.db, draft.image);
    if (draft.image !== null && image === null) {
      return refused("media_not_found", { fields: [{ pointer: "/body/image", message: "no such picture" }] });
    }
    const tooLarge = oversize({ ...draft, ...made, image: null });
    return tooLarge === null ? null : refused("content_too_large", { detail: tooLarge });
  }

  async #summary(tx: Db, id: string): Promise<ContentSummary> {
    const row = await store.findItem(tx, id);
    if (row === null) throw new Error("an item that was just written is not there");
    return toSummary(row, await modelsOfItem(tx, id));
  }
}

const contentOf = (draft: ContentDraft) => ({
  class: draft.class,
  is_shareable: draft.isShareable,
  topics: [...new Set(draft.topics)].toSorted(),
  models: draft.models,
  offer_key: draft.kind === "offer" ? draft.offerKey : null,
  image_sha256: draft.image,
  locales: draft.locales,
});

/** A version as its author sees it. */
const comparable = (row: store.ItemVersionRow): Record<string, unknown> => ({
  class: row.class,
  isShareable: row.is_shareable,
  topics: row.topics,
  models: row.models,
  offerKey: row.offer_key,
  image: row.image?.sha256 ?? null,
  locales: row.locales,
});
