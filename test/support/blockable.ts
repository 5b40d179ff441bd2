/**
 * Preloaded into a service that a test starts (`--import`): on a message from its parent the main thread computes and does nothing
 * else, as a bug would make it. Nothing of the product knows of it.
 */
import { isMainThread } from "node:worker_threads";

const isBlock = (message: unknown): message is { blockMs: number } =>
  typeof message === "object" && message !== null && "blockMs" in message;

if (isMainThread) {
  process.on("message", (message) => {
    if (!isBlock(message)) return;
    const spin = () => {
      const endMs = performance.now() + message.blockMs;
      while (performance.now() < endMs);
      process.send?.({ kind: "unblocked" });
    };
    // The parent has to hear of it before nothing can be sent any more.
    process.send?.({ kind: "blocked" }, undefined, {}, spin);
  });
}
