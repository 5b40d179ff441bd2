import type { MessageIds } from "./message-ids.ts";

/** Message ids of deliveries that were written to one connection past the broker, and not acknowledged yet. */
export class OpenDeliveries {
  /** Made for those to whom something is delivered. */
  #ids: Set<number> | null = null;
  readonly #max: number;
  readonly #messageIds: MessageIds;

  /** @param messageIds those of the connection: the broker and we must not give one id to two messages */
  constructor(max: number, messageIds: MessageIds) {
    this.#max = max;
    this.#messageIds = messageIds;
  }

  get isFull(): boolean {
    return (this.#ids?.size ?? 0) >= this.#max;
  }

  open(): number {
    const messageId = this.#messageIds.take();
    (this.#ids ??= new Set()).add(messageId);
    return messageId;
  }

  /** @returns whether the id was one of these, so that the broker need not hear of it */
  acknowledge(messageId: number): boolean {
    return this.#ids?.delete(messageId) ?? false;
  }
}
