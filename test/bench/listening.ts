import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Resolves once somebody listens on a port of this machine. @throws after five seconds */
export async function untilListening(port: number): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const socket = connect({ port, host: "127.0.0.1" });
    const listens = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    socket.destroy();
    if (listens) return;
    if (tries > 100) throw new Error(`nobody listens on port ${port}`);
    await sleep(50);
  }
}
