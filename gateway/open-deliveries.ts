import type { Client } from "aedes";

/** Message ids of deliveries that were written to one connection past the broker, and not acknowledged yet. */
export class OpenDeliveries {
  readonly #ids = new Set<number>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get isFull(): boolean {
    return this.#ids.size >= this.#max;
  }

  /** A new id, from the broker's own counter for this connection: it and we must not give one id to two messages. */
  open(client: Client): number {
    let messageId = 0;
    do {
      const next: unknown = Reflect.get(client, "_nextId");
      messageId = typeof next === "number" && next >= 1 ? next : 1;
      Reflect.set(client, "_nextId", messageId >= 65_535 ? 1 : messageId + 1);
    } while (this.#ids.has(messageId));
    this.#ids.add(messageId);
    return messageId;
  }

  /** @returns whether the id was one of these, so that the broker need not hear of it */
  acknowledge(messageId: number): boolean {
    return this.#ids.delete(messageId);
  }
}
