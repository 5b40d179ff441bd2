import { Worker } from "node:worker_threads";
import { CampaignThread, type CampaignThreadData } from "../../cloud/campaign-thread.ts";
import type { Slices } from "../../cloud/slices.ts";
import type { SharedClock } from "./shared-clock.ts";

const workerUrl = new URL("./campaign-worker.ts", import.meta.url);

/** The campaigns' thread as Hearth has it, but for its clock. */
export class SetCampaignThread extends CampaignThread {
  /** Those that were started for it, the newest last. */
  readonly workers: Worker[];

  /** @param slices of the main thread, asked for once the thread says something */
  constructor(
    given: Omit<CampaignThreadData, "notices" | "logLevel">,
    clock: SharedClock,
    slices: () => Pick<Slices, "deliveries">,
  ) {
    const data: CampaignThreadData = { ...given, notices: { mail: null, reach: "public" }, logLevel: "warn" };
    const workers: Worker[] = [];
    super({
      startWorker() {
        const worker = new Worker(workerUrl, { workerData: { clock: clock.memory, data } });
        workers.push(worker);
        return worker;
      },
      onWaiting: (deviceIds, how) => slices().deliveries.waits(deviceIds, how),
    });
    this.workers = workers;
  }
}
