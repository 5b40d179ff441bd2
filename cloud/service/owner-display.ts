import { deliveryLifeMs, type NewDelivery } from "../deliveries/deliveries.ts";
import type { DeviceRef } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { ConversationStore } from "./conversation-store.ts";
import { displayMessage, ownerLanguage, ownerWords } from "./core/owner-words.ts";
import type { Severity } from "./core/severity.ts";

export interface OwnerDisplayDeps {
  clock: Clock;
  ids: Ids;
  deliveries: { create(tx: Db, wanted: readonly NewDelivery[]): Promise<{ ids: string[]; afterCommit: () => void }> };
  /** The language of the household that has a device; null where nobody has it. */
  localeOf: (device: DeviceRef) => Promise<string | null>;
  talk: ConversationStore;
}

/** A word to the owner, ready for the display. */
export interface DisplayWord {
  device: DeviceRef;
  caseId: string;
  locale: string;
  title: string;
  text: string;
  ask?: "feedback" | "human";
  priority: number;
}

/** Safety goes before everything; an answer before what nobody waits for. */
export const answerPriority = (severity: Severity): number => (severity === "safety" ? 9 : 7);
export const feedbackPriority = 2;

/** What the service says on the displays of appliances. */
export class OwnerDisplay {
  readonly #deps: OwnerDisplayDeps;

  constructor(deps: OwnerDisplayDeps) {
    this.#deps = deps;
  }

  /** The language that an appliance's people are written to in, and its words. Before the transaction. */
  async wordsFor(device: DeviceRef) {
    const locale = (await this.#deps.localeOf(device)) ?? "en";
    return { locale, language: ownerLanguage(locale), words: ownerWords(locale) };
  }

  /** Sends words, each under a subject of its own, so that none replaces another. In the order given. */
  async show(tx: Db, wanted: readonly DisplayWord[]): Promise<{ ids: string[]; afterCommit: () => void }> {
    const { clock, ids, deliveries, talk } = this.#deps;
    const expiresAtMs = clock.nowMs() + deliveryLifeMs("message");
    const made = await deliveries.create(
      tx,
      wanted.map(({ device, priority, ...word }): NewDelivery => {
        const body = displayMessage({ id: `case-${ids.next()}`, ...word });
        return { device, kind: "message", subject: body.id, label: body.title, body, priority, expiresAtMs };
      }),
    );
    for (const [at, { caseId }] of wanted.entries()) await talk.displayed(tx, made.ids[at] ?? "", caseId);
    return made;
  }
}
