import { createHash } from "node:crypto";
import type { ContentItem } from "#protocol/content.ts";
import { type Fetched, limitedFetch, type Reach } from "./limited-fetch.ts";

type Image = NonNullable<ContentItem["image"]>;
type Outcome = "waiting" | "whole" | "wrong" | "failed";

/** Most pictures that are fetched for what the feeds list at one time. */
const picturesMax = 100;

export interface PictureCounters {
  fetched: number;
  /** Bytes of another size or hash than the item names. */
  wrong: number;
  failed: number;
}

/**
 * The pictures of what the feeds list, fetched by their references one after the other. Only bytes of the size and the hash that the item
 * names are a picture; an item whose picture is not is shown without one, and the log says why.
 */
export class ItemPictures {
  readonly counters: PictureCounters = { fetched: 0, wrong: 0, failed: 0 };
  readonly #reach: Reach;
  readonly #note: (what: string, data: Record<string, unknown>) => void;
  readonly #stopper = new AbortController();
  /** By reference. The display of a simulated appliance paints nothing, so that bytes are let go once they are checked. */
  readonly #outcomes = new Map<string, Outcome>();
  #queue = Promise.resolve();

  constructor(reach: Reach, note: (what: string, data: Record<string, unknown>) => void) {
    this.#reach = reach;
    this.#note = note;
  }

  /** Fetches what these items refer to and was not fetched yet, and forgets all others. What failed is tried again. */
  want(items: readonly ContentItem[]): void {
    const wanted = items.flatMap(({ id, image }) => (image === undefined ? [] : [{ id, image }])).slice(0, picturesMax);
    const references = new Set(wanted.map(({ image }) => referenceOf(image)));
    for (const reference of this.#outcomes.keys()) if (!references.has(reference)) this.#outcomes.delete(reference);
    for (const { id, image } of wanted) {
      if ((this.#outcomes.get(referenceOf(image)) ?? "failed") !== "failed") continue;
      this.#outcomes.set(referenceOf(image), "waiting");
      this.#queue = this.#queue.then(() => this.#fetch(id, image));
    }
  }

  /** Whether the display shows the picture that an item names. */
  has({ image }: ContentItem): boolean {
    return image !== undefined && this.#outcomes.get(referenceOf(image)) === "whole";
  }

  async stop(): Promise<void> {
    this.#stopper.abort();
    await this.#queue;
  }

  async #fetch(itemId: string, image: Image): Promise<void> {
    const { signal } = this.#stopper;
    if (signal.aborted || !this.#outcomes.has(referenceOf(image))) return;
    const { outcome, why } = judge(await limitedFetch(this.#reach, image.href, image.sizeBytes, signal), image);
    if (this.#outcomes.has(referenceOf(image))) this.#outcomes.set(referenceOf(image), outcome);
    this.counters[outcome === "whole" ? "fetched" : outcome] += 1;
    if (why !== null) this.#note("picture.left_out", { itemId, why });
  }
}

const referenceOf = ({ href, sha256, sizeBytes }: Image): string => `${sha256} ${sizeBytes} ${href}`;

function judge(
  fetched: Fetched,
  { sha256, sizeBytes }: Image,
): { outcome: Exclude<Outcome, "waiting">; why: string | null } {
  if (fetched.kind === "status") return { outcome: "failed", why: `status_${fetched.status}` };
  if (fetched.kind === "failed" && fetched.why !== "too_long") return { outcome: "failed", why: fetched.why };
  if (fetched.kind === "failed" || fetched.bytes.length !== sizeBytes) return { outcome: "wrong", why: "size" };
  const isIt = createHash("sha256").update(fetched.bytes).digest("hex") === sha256.toLowerCase();
  return isIt ? { outcome: "whole", why: null } : { outcome: "wrong", why: "hash" };
}
