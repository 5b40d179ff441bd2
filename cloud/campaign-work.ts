import type { CampaignReport, CampaignThreadData } from "./campaign-thread.ts";
import { GatewayHub } from "./gateway-hub.ts";
import type { Clock } from "./platform/clock.ts";
import { Database } from "./platform/database.ts";
import { randomIds } from "./platform/ids.ts";
import { createLogger } from "./platform/logger.ts";
import { createSlices } from "./slices.ts";

/** Two for the pages, which come one after the other, and two for what they ask outside of them. */
const connectionsMax = 4;

/** The way to whoever asks. */
interface Port {
  on(event: "message", heard: () => void): void;
  postMessage(report: CampaignReport): void;
}

/**
 * Carries out campaigns whenever the port asks: the same slices as in the main thread, so that whatever hears of a decision there hears of it
 * here, in its transaction. Nothing else of them runs here. What they keep in memory is read anew before each page, since it is
 * changed in the other thread; and whom something waits for is told to that one, which has the road to the gateway.
 */
export function serveCampaigns(port: Port, data: CampaignThreadData, clock: Clock): void {
  const { connection, logLevel, secret, publicUrl, ...rest } = data;
  const logger = createLogger(logLevel);
  const onError = (error: Error) => logger.warn({ event: "database.connection_lost", error: error.message });
  const slices = createSlices({
    ...rest,
    database: new Database({ connection, connectionsMax, onError }),
    clock,
    ids: randomIds,
    logger,
    hub: new GatewayHub(),
    secret: Buffer.from(secret),
    publicUrl: () => publicUrl,
    fleetCa() {
      throw new Error("nobody is enrolled here");
    },
    deviceCertificateMs: 0,
  });
  const report = (what: CampaignReport) => port.postMessage(what);
  slices.deliveries.whenWaiting((deviceIds, how) => report({ kind: "waiting", deviceIds, how }));
  port.on("message", () => {
    slices.engagement
      .carryOut(() => slices.loadForCampaigns())
      .then(
        (round) => report({ kind: "done", round }),
        (error: unknown) => report({ kind: "failed", why: String(error) }),
      );
  });
}
