/** The campaigns' thread: its composition root. `workerData` is a `CampaignThreadData`; the parent asks, and hears `CampaignReport`s. */
import { parentPort, workerData } from "node:worker_threads";
import { serveCampaigns } from "./campaign-work.ts";
import { systemClock } from "./platform/clock.ts";

if (parentPort === null) throw new Error("this is a thread of Hearth's, and no program");
serveCampaigns(parentPort, workerData, systemClock);
