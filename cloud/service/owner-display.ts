import { deliveryLifeMs, type NewDelivery } from "../deliveries/deliveries.ts";
import type { DeviceRef } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { ConversationStore } from "./conversation-store.ts";
import { ownLanguage } from "../platform/own-words.ts";
import { displayMessage, ownerWords } from "./core/owner-words.ts";
import type { Severity } from "./core/severity.ts";

/** A household as those who write to it see it; null where there is none. */
export type HomeOf = (householdId: string) => Promise<{ locale: string; members: number } | null>;

export interface OwnerDisplayDeps {
  clock: Clock;
  ids: Ids;
  deliveries: { create(tx: Db, wanted: readonly NewDelivery[]): Promise<{ ids: string[]; afterCommit: () => void }> };
  /** The language of the household that has a device; null where nobody has it. */
  localeOf: (device: DeviceRef) => Promise<string | null>;
  homeOf: HomeOf;
  talk: ConversationStore;
}

/** A word to the owner, ready for the display. */
export interface DisplayWord {
  /** Null where there is no display: they read it in their app alone. */
  device: DeviceRef | null;
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

  /** The language that an appliance's people, or those of a household alone, are written to in, and its words. Before the transaction. */
  async wordsFor(device: DeviceRef | null, householdId: string | null) {
    const { localeOf, homeOf } = this.#deps;
    const home = device === null && householdId !== null ? await homeOf(householdId) : null;
    const locale = (device === null ? home?.locale : await localeOf(device)) ?? "en";
    return { locale, language: ownLanguage(locale), words: ownerWords(locale) };
  }

  /** Sends a word under a subject of its own, so that none replaces another. */
  async show(
    tx: Db,
    { device, priority, ...word }: DisplayWord,
  ): Promise<{ deliveryId: string | undefined; afterCommit: () => void }> {
    if (device === null) return { deliveryId: undefined, afterCommit() {} };
    const { clock, ids, deliveries, talk } = this.#deps;
    const expiresAtMs = clock.nowMs() + deliveryLifeMs("message");
    const body = displayMessage({ id: `case-${ids.next()}`, ...word });
    const wanted: NewDelivery = {
      device,
      kind: "message",
      subject: body.id,
      label: body.title,
      body,
      priority,
      expiresAtMs,
    };
    const made = await deliveries.create(tx, [wanted]);
    const deliveryId = made.ids[0] ?? "";
    await talk.displayed(tx, deliveryId, word.caseId);
    return { deliveryId, afterCommit: made.afterCommit };
  }
}
