/**
 * Preloaded into a service that a test starts (`--import`): on a message from its parent the main thread stands still, as a bug
 * would make it. Nothing of the product knows of it.
 */
import { isMainThread } from "node:worker_threads";

const isBlock = (message: unknown): message is { blockMs: number } =>
  typeof message === "object" && message !== null && "blockMs" in message;

if (isMainThread) {
  process.on("message", (message) => {
    if (!isBlock(message)) return;
    const stand = () => {
      // Nothing wakes it before its time.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, message.blockMs);
      process.send?.({ kind: "unblocked" });
    };
    // The parent has to hear of it before nothing can be sent any more.
    process.send?.({ kind: "blocked" }, undefined, {}, stand);
  });
}
