/** The campaigns' thread by a clock that is set, whose memory `workerData.clock` is. It dies where `workerData.dies` says so. */
import { parentPort, workerData } from "node:worker_threads";
import type { CampaignReport } from "../../cloud/campaign-thread.ts";
import { serveCampaigns } from "../../cloud/campaign-work.ts";
import { deaths } from "./set-campaign-thread.ts";
import { SharedClock } from "./shared-clock.ts";

if (parentPort === null) throw new Error("this is a thread of a test, and no program");
const port = parentPort;
const dies = new Int32Array(workerData.dies);
const die = () => {
  throw new Error("this thread dies of a test");
};
if (dies[0] === deaths.asItStarts) die();
serveCampaigns(
  {
    on: (_event, heard) => port.on("message", heard),
    postMessage(report: CampaignReport) {
      // Outside of every promise, as where there is no memory left.
      if (dies[0] === deaths.beforeItTells && report.kind === "waiting") process.exit(1);
      port.postMessage(report);
    },
  },
  workerData.data,
  new SharedClock(workerData.clock),
);
