import { Worker } from "node:worker_threads";
import { CampaignThread, type CampaignThreadData } from "../../cloud/campaign-thread.ts";
import { createLogger } from "../../cloud/platform/logger.ts";
import type { Slices } from "../../cloud/slices.ts";
import type { SharedClock } from "./shared-clock.ts";

const workerUrl = new URL("./campaign-worker.ts", import.meta.url);

/** When a thread dies of itself. */
export const deaths = { never: 0, asItStarts: 1, beforeItTells: 2 } as const;

/** The campaigns' thread as Hearth has it, but for its clock; and it may be told to die. */
export class SetCampaignThread extends CampaignThread {
  /** Those that were started for it, the newest last. */
  readonly workers: Worker[];
  readonly #dies: Int32Array;

  /** @param slices of the main thread, asked for once the thread says something */
  constructor(
    given: Omit<CampaignThreadData, "notices" | "logLevel">,
    clock: SharedClock,
    slices: () => Pick<Slices, "deliveries">,
  ) {
    const data: CampaignThreadData = { ...given, notices: { mail: null, reach: "public" }, logLevel: "warn" };
    const workers: Worker[] = [];
    const dies = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    super({
      clock,
      logger: createLogger("silent"),
      startWorker() {
        const worker = new Worker(workerUrl, { workerData: { clock: clock.memory, dies: dies.buffer, data } });
        workers.push(worker);
        return worker;
      },
      onWaiting: (deviceIds, how) => slices().deliveries.waits(deviceIds, how),
      onDied: (sinceMs) => slices().deliveries.untold(sinceMs),
    });
    this.workers = workers;
    this.#dies = dies;
  }

  dies(when: keyof typeof deaths): void {
    this.#dies[0] = deaths[when];
  }
}
