/** The campaigns' thread by a clock that is set, whose memory `workerData.clock` is. */
import { parentPort, workerData } from "node:worker_threads";
import { serveCampaigns } from "../../cloud/campaign-work.ts";
import { SharedClock } from "./shared-clock.ts";

if (parentPort === null) throw new Error("this is a thread of a test, and no program");
serveCampaigns(parentPort, workerData.data, new SharedClock(workerData.clock));
