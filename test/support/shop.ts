/** A shop that takes orders and cancels them: a real HTTP server that charges once for each key, as the contract asks of it. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";

export const shopSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

interface ShopBody {
  type: "hearth.offer.order" | "hearth.offer.cancel";
  data: { idempotencyKey: string; article: string; price: { amountMinor: number; currency: string } };
}

export class TestShop {
  /** What was charged and not given back, by key. */
  readonly charged = new Map<string, number>();
  /** What was to be forgotten, by key: such an order is not taken any more. */
  readonly cancelled = new Set<string>();
  /** Every call with an order, in order. */
  readonly calls: string[] = [];
  /** What it answers to an order, and to whoever cancels one. What it answers with 2xx is done first. */
  answer: () => number = () => 200;
  answerToCancel: () => number = () => 200;
  /** Charges whatever it answers: an answer that never comes in. */
  chargesAnyway = false;
  /** Runs when a call was charged and is not answered yet. */
  beforeAnswer: () => Promise<void> = async () => {};
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body = Buffer.concat(chunks).toString();
        const key = String(request.headers["webhook-id"]);
        const atMs = Number(request.headers["webhook-timestamp"]) * 1_000;
        const isSigned =
          new Webhook(shopSecret).sign(key, new Date(atMs), body) === request.headers["webhook-signature"];
        void this.#take(key, body, isSigned).then((status) => response.writeHead(status).end());
      });
    });
  }

  static async open(): Promise<TestShop> {
    const shop = new TestShop();
    await new Promise<void>((done) => shop.#server.listen(0, "127.0.0.1", done));
    return shop;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/orders`;
  }

  async close(): Promise<void> {
    await new Promise((done) => this.#server.close(done));
  }

  async #take(key: string, body: string, isSigned: boolean): Promise<number> {
    const { type, data } = JSON.parse(body) as ShopBody;
    if (type === "hearth.offer.cancel") return isSigned ? this.#cancel(data.idempotencyKey) : 401;
    this.calls.push(key);
    if (!isSigned) return 401;
    const status = this.answer();
    if (status < 300 || this.chargesAnyway) {
      if (!this.cancelled.has(data.idempotencyKey) && !this.charged.has(data.idempotencyKey))
        this.charged.set(data.idempotencyKey, data.price.amountMinor);
    }
    await this.beforeAnswer();
    return status;
  }

  #cancel(key: string): number {
    const status = this.answerToCancel();
    if (status < 300) {
      this.cancelled.add(key);
      this.charged.delete(key);
    }
    return status;
  }
}
