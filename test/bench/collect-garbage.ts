/**
 * Preloaded into a Node process that a bench starts (`--import`): on a message from its parent every thread collects its garbage,
 * so that memory is what is in use. Nothing of the product knows of it.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { BroadcastChannel, isMainThread } from "node:worker_threads";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as (options: { type: "major"; flavor: "last-resort" }) => void;
const collectAll = () => collect({ type: "major", flavor: "last-resort" });

const channel = new BroadcastChannel("collect-garbage");
channel.addEventListener("message", collectAll);
channel.unref();

const isRequest = (message: unknown): boolean =>
  typeof message === "object" && message !== null && "collectGarbage" in message;

if (isMainThread) {
  process.on("message", (message) => {
    if (!isRequest(message)) return;
    channel.postMessage(null);
    collectAll();
  });
}
