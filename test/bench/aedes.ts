import { fork } from "node:child_process";
import { makeCertificate } from "./certificate.ts";
import type { AedesSetup } from "./aedes-process.ts";
import { madeUpDevices, newBareItem, type Peer } from "./peer.ts";

/** Bare aedes in a process of its own. */
export async function startAedes(deviceCount: number): Promise<Peer> {
  const { devices, publisher } = madeUpDevices(deviceCount);
  const child = fork(new URL("./aedes-process.ts", import.meta.url), {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    execArgv: ["--import", new URL("./collect-garbage.ts", import.meta.url).href],
  });
  const listening = new Promise<{ port: number; tlsPort: number }>((resolve, reject) => {
    child.once("message", resolve as (message: unknown) => void);
    child.once("exit", (code) => reject(new Error(`aedes ended with code ${code}`)));
  });
  const setup: AedesSetup = { devices: [...devices, publisher], certificate: makeCertificate() };
  child.send(setup);
  const { port, tlsPort } = await listening;
  return {
    pid: child.pid ?? 0,
    port,
    tlsPort,
    devices,
    collectGarbage: () => void child.send({ collectGarbage: true }),
    newItem: async () => newBareItem(port, publisher),
    async stop() {
      const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      child.kill();
      await gone;
    },
  };
}
