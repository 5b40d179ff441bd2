import type { MessagePort } from "node:worker_threads";
import type { CloudMessage, GatewayMessage, GatewayStatus } from "#protocol/link/messages.ts";
import { GatewayLink, type GatewayLinkDeps } from "./ingest/gateway-link.ts";

/** The way from the slices down to the gateway, whichever link to it is up at the moment. */
export class GatewayHub {
  #port: MessagePort | null = null;
  #link: GatewayLink | null = null;

  get status(): GatewayStatus | null {
    return this.#link?.status ?? null;
  }

  /** What the gateway says of listening to appliances; null where there is none, or it does not. */
  get listening(): GatewayLink["listening"] {
    return this.#link?.listening ?? null;
  }

  /** When the oldest reading was received that is not stored yet, now where there is none; null where the gateway has not said. */
  oldestPointsWaitingMs(nowMs: number): number | null {
    const points = this.status?.behind.points ?? null;
    return points === null ? null : nowMs - points.oldestMs;
  }

  get failure(): string | null {
    return this.#link?.failure ?? null;
  }

  /** Joins a fresh gateway to the slices; the link before it is over. */
  attach(port: MessagePort, deps: Omit<GatewayLinkDeps, "send">): void {
    this.#link?.stop();
    this.#port = port;
    const link = new GatewayLink({
      ...deps,
      // A link that is over keeps speaking to its own, closed port, where nobody listens.
      send: (message) => port.postMessage(message),
    });
    this.#link = link;
    port.on("message", (message: GatewayMessage) => link.receive(message));
  }

  /** To the gateway, or nowhere while there is none: what is durable is sent again when it is back. */
  send(message: CloudMessage): void {
    this.#port?.postMessage(message);
  }

  /** Hears the gateway no more: what it still says is for the next start. */
  stop(): void {
    this.#link?.stop();
  }

  async drain(timeoutMs: number): Promise<void> {
    await this.#link?.drain(timeoutMs);
  }
}
