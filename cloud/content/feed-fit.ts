import type { Model } from "#protocol/model.ts";
import type { Db } from "../platform/database.ts";
import type { ContentDeps } from "./content-deps.ts";
import * as store from "./content-store.ts";
import { refused, type Refused, titleOf, whyUnfit } from "./content-views.ts";
import { changeFeedOfModel, type FeedTopics } from "./feeds.ts";
import { lockFeedVersion } from "./feeds-store.ts";
import type { Publishing } from "./publishing.ts";
import type { TakenBack } from "./taken-back.ts";

/** A recipe that is out and asks for what a model cannot or must not do. */
export interface UnfitRecipe {
  id: string;
  version: number;
  title: string;
  /** By step. */
  why: string[];
}

/** What a model's next version does to its feed. */
export interface FeedFitChange {
  leaves: UnfitRecipe[];
  comesBack: { id: string; version: number; title: string }[];
}

const toldMax = 50;
type Row = Awaited<ReturnType<typeof store.recipesOut>>[number];

/**
 * Keeps a model's feed to what its appliances can and may do. Where the model's next version lowers a limit, recipes leave its feed; where it
 * is raised again they are back: their authors still want them there, and nothing else of them changes. What was sent to single appliances
 * goes and comes back with them.
 */
export class FeedFit {
  readonly #deps: ContentDeps;
  readonly #publishing: Publishing;
  readonly #takenBack: TakenBack;
  readonly #announce: (topics: FeedTopics | null) => void;

  constructor(
    deps: ContentDeps,
    publishing: Publishing,
    takenBack: TakenBack,
    announce: (topics: FeedTopics | null) => void,
  ) {
    this.#deps = deps;
    this.#publishing = publishing;
    this.#takenBack = takenBack;
    this.#announce = announce;
  }

  /** Recipes that are kept off a model's feed, as it is now. */
  async kept(key: string): Promise<{ kind: "kept"; kept: UnfitRecipe[] } | Refused<"content_model_not_found">> {
    const model = await this.#deps.devices.model(key);
    if (model === null) return refused("content_model_not_found");
    const rows = await store.recipesOut(this.#deps.db, key);
    return { kind: "kept", kept: rows.flatMap((row) => (row.is_wanted && !row.is_there ? unfit(row, model) : [])) };
  }

  /** What would leave the feed and come back to it, were the model like this. */
  async preview(model: Model): Promise<FeedFitChange> {
    const { leaves, comesBack } = changeOf(await store.recipesOut(this.#deps.db, model.key), model);
    return { leaves, comesBack: comesBack.map(named) };
  }

  /** In the transaction that stores a model's next version. @returns what is done after its commit */
  async modelPut(tx: Db, before: Model, after: Model): Promise<() => void> {
    // First: whoever puts an item on a feed holds this and reads the model after it, so none goes by the version before.
    await lockFeedVersion(tx, true);
    const rows = await store.recipesOut(tx, after.key);
    const { leaves, comesBack } = changeOf(rows, after);
    await this.#takeBack(tx, after);
    const allowed = (await store.recipesToSend(tx)).filter(
      (row) => unfit(row, after).length === 0 && unfit(row, before).length > 0,
    );
    await this.#takenBack.look(tx, [...new Set(allowed.map(({ id }) => id))]);
    if (leaves.length + comesBack.length === 0) return () => {};
    const scope = { models: [after.key], feed: "recipes" as const };
    const off = leaves.map(({ id }) => id);
    const on = comesBack.map((row) => this.#publishing.publication(row, [after]));
    const { topics, onFeed } = await changeFeedOfModel(tx, scope, off, on);
    await this.#tell(tx, after, leaves, comesBack.filter(({ id }) => onFeed.includes(id)).map(named));
    return () => this.#announce(topics);
  }

  /** What waits for appliances that are away, by whatever road it came, and whatever became of its version since. */
  async #takeBack(tx: Db, after: Model): Promise<void> {
    const { deliveries, devices } = this.#deps;
    const keys = devices.keysOfModel(after.key);
    for (const { id, version } of await deliveries.openItems(tx, "recipe", keys)) {
      const row = await store.findVersion(tx, id, version);
      if (row !== null && unfit(row, after).length > 0)
        await deliveries.takeBackBeyondLimit(tx, "recipe", { id, version }, keys);
    }
  }

  async #tell(tx: Db, model: Model, leaves: UnfitRecipe[], comesBack: FeedFitChange["comesBack"]): Promise<void> {
    const subject = `model:${model.key}`;
    const atMs = this.#deps.clock.nowMs();
    const told = (type: string, items: readonly { title: string }[], words: string, severity: "service" | "info") =>
      items.length === 0
        ? []
        : [
            {
              type,
              subject,
              atMs,
              data: {
                model: model.key,
                version: model.version,
                severity,
                title: `${items.length === 1 ? "1 recipe" : `${items.length} recipes`} ${words} the feed of ${model.name}: ${items
                  .slice(0, 3)
                  .map(({ title }) => title)
                  .join(", ")}`,
                items: items.slice(0, toldMax),
                count: items.length,
              },
            },
          ];
    await this.#deps.outbox.add(tx, [
      ...told("hearth.content.left_feed", leaves, "left", "service"),
      ...told("hearth.content.back_on_feed", comesBack, "came back to", "info"),
    ]);
  }
}

function changeOf(rows: readonly Row[], model: Model): { leaves: UnfitRecipe[]; comesBack: Row[] } {
  return {
    leaves: rows.flatMap((row) => (row.is_there ? unfit(row, model) : [])),
    comesBack: rows.filter((row) => row.is_wanted && !row.is_there && unfit(row, model).length === 0),
  };
}

/** The recipe with what the model cannot do of it; nothing where it can do all. */
function unfit(row: store.ItemVersionRow, model: Model): UnfitRecipe[] {
  const why = whyUnfit(row, model);
  return why.length === 0 ? [] : [{ ...named(row), why }];
}

const named = ({ id, version, locales }: store.ItemVersionRow) => ({ id, version, title: titleOf(locales) });
