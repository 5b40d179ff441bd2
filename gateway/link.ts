import type { MessagePort } from "node:worker_threads";
import type { CloudMessage, GatewayMessage } from "#protocol/link/messages.ts";

/** The gateway's end of the link to the cloud. */
export interface Link {
  /** @param transfer buffers of the message that the sender gives away */
  send(message: GatewayMessage, transfer?: ArrayBuffer[]): void;
  onMessage(receive: (message: CloudMessage) => void): void;
  onClosed(closed: () => void): void;
}

export function portLink(port: MessagePort): Link {
  return {
    send: (message, transfer = []) => port.postMessage(message, transfer),
    onMessage: (receive) => {
      port.on("message", receive);
    },
    onClosed: (closed) => {
      port.on("close", closed);
    },
  };
}
