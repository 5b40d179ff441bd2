import type { Subscription } from "aedes";
import type { GatewayLimits } from "#protocol/link/limits.ts";
import { filterMatches, parseTopic, topicPrefix } from "#protocol/topics.ts";
import type { LimitHits } from "./limit-hits.ts";

export type QoS = Subscription["qos"];
export type Retained = { topic: string; payload: Buffer; cmd: "publish"; qos: QoS; retain: true; dup: false };

type RetainedLimits = Pick<GatewayLimits, "retainedItemsMax" | "retainedBytesMax">;

/** The last message of each topic that was published to be retained, by model, within bounds of number and bytes. */
export class RetainedItems {
  readonly #limits: RetainedLimits;
  readonly #hits: LimitHits;
  readonly #byModel = new Map<string, Map<string, Retained>>();
  #count = 0;
  #bytes = 0;

  constructor(limits: RetainedLimits, hits: LimitHits) {
    this.#limits = limits;
    this.#hits = hits;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** An empty payload withdraws [MQTT-3.3.1-10]. What goes beyond a bound is not kept, and nothing else in its place. */
  put({ topic, payload, qos = 1 }: { topic: string; payload: string | Buffer; qos?: QoS }): void {
    const model = modelOf(topic);
    const items = this.#byModel.get(model) ?? new Map<string, Retained>();
    const known = items.get(topic);
    if (known !== undefined) {
      this.#count -= 1;
      this.#bytes -= bytesOf(known);
    }
    const item: Retained = { topic, payload: Buffer.from(payload), cmd: "publish", qos, retain: true, dup: false };
    if (item.payload.length > 0 && this.#hasRoomFor(bytesOf(item))) {
      items.set(topic, item);
      this.#count += 1;
      this.#bytes += bytesOf(item);
    } else {
      items.delete(topic);
    }
    if (items.size === 0) this.#byModel.delete(model);
    else this.#byModel.set(model, items);
  }

  *matching(filters: readonly string[]): Iterable<Retained> {
    for (const filter of filters) {
      for (const items of this.#groupsFor(filter)) {
        for (const [topic, item] of items) if (filterMatches(filter, topic)) yield item;
      }
    }
  }

  #hasRoomFor(bytes: number): boolean {
    const { retainedItemsMax, retainedBytesMax } = this.#limits;
    if (this.#count >= retainedItemsMax) this.#hits.hit("retainedItemsMax");
    else if (this.#bytes + bytes > retainedBytesMax) this.#hits.hit("retainedBytesMax");
    else return true;
    return false;
  }

  /** A filter for content of one model, as all devices have, is matched against that model's items alone. */
  #groupsFor(filter: string): Iterable<Map<string, Retained>> {
    const model = filter.startsWith(contentPrefix) ? filter.slice(contentPrefix.length).split("/")[0] : "+";
    if (model === undefined || model === "+" || model === "#") return this.#byModel.values();
    return [model, noModel].flatMap((group) => this.#byModel.get(group) ?? []);
  }
}

const bytesOf = ({ topic, payload }: Retained): number => topic.length + payload.length;

const contentPrefix = `${topicPrefix}/content/`;
const noModel = "";

/** The model of a content topic; all others are together. */
function modelOf(text: string): string {
  const topic = parseTopic(text);
  return topic?.kind === "feed" || topic?.kind === "item" ? topic.model : noModel;
}
