/** A shop that takes orders: a real HTTP server that charges once for each key, as the contract asks of it. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";

export const shopSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

interface OrderBody {
  data: { idempotencyKey: string; article: string; price: { amountMinor: number; currency: string } };
}

export class TestShop {
  /** What was charged, by key. */
  readonly charged = new Map<string, number>();
  /** Every call, in order. */
  readonly calls: string[] = [];
  /** What it answers; a call that it answers with 2xx is charged first. */
  answer: () => number = () => 200;
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
    this.calls.push(key);
    if (!isSigned) return 401;
    const status = this.answer();
    if (status < 300) {
      const { data } = JSON.parse(body) as OrderBody;
      if (!this.charged.has(data.idempotencyKey)) this.charged.set(data.idempotencyKey, data.price.amountMinor);
    }
    await this.beforeAnswer();
    return status;
  }
}
