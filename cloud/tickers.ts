import type { GatewayHub } from "./gateway-hub.ts";
import type { Certificates } from "./pki/pki.ts";
import { type Clock, every, type Ticker } from "./platform/clock.ts";
import type { Logger } from "./platform/logger.ts";
import type { Slices } from "./slices.ts";

/** What has to happen from time to time whether or not anybody asks. */
export function startTickers(
  slices: Slices,
  hub: GatewayHub,
  certificates: Certificates,
  clock: Clock,
  logger: Logger,
): Ticker[] {
  const tick = (name: string, intervalMs: number, work: () => Promise<unknown>) =>
    every(
      intervalMs,
      async () => void (await work()),
      (error) => logger.warn({ event: "tick.failed", name, error: String(error) }),
    );
  return [
    tick("certificates", 2_000, () => certificates.check()),
    tick("quarantine", 60_000, () => slices.ingest.tick()),
    tick("devices", 600_000, () => slices.devices.tick()),
    tick("deliveries", 1_000, () => slices.deliveries.tick(clock.nowMs())),
    tick("dispatcher", 1_000, async () => slices.dispatcher.tick(clock.nowMs())),
    tick("desired", 1_000, async () => slices.desired.tick()),
    tick("rollups", 2_000, () => slices.telemetry.follow()),
    tick("unknown-metrics", 30_000, () => slices.telemetry.unknownMetrics.flush()),
    tick("telemetry-erasures", 5_000, () => slices.telemetry.erase()),
    tick("retention", 600_000, () => slices.telemetry.keep()),
    tick("rollouts", 1_000, () => slices.rollouts.tick()),
    tick("cases", 1_000, () => slices.service.tick()),
    tick("rules", 1_000, () => slices.service.tickRules()),
    tick("rule-firings", 600_000, () => slices.service.rules.trim()),
    tick("store-watch", 10_000, async () => slices.storeWatch?.tick()),
    tick("notices", 1_000, () => slices.notices.tick()),
    tick("webhooks", 1_000, () => slices.webhooks.tick()),
    tick("erasures", 5_000, () => slices.rights.tick()),
    tick("webhooks-retention", 600_000, () => slices.webhooks.trim()),
    tick("notices-retention", 600_000, () => slices.notices.trim()),
    tick("evidence", 1_000, () => slices.service.evidence.tick()),
    tick("idempotency", 3_600_000, () => slices.trimIdempotency()),
    tick("conversations", 1_000, () => slices.service.tickConversations()),
    tick("diagnosis", 2_000, () => slices.service.diagnosis.tick()),
    tick("points", 10_000, () => slices.loyalty.tick()),
    tick("offers", 1_000, () => slices.loyalty.offers.tick()),
    tick("cancellations", 1_000, () => slices.loyalty.cancellations.tick()),
    tick("campaigns", 1_000, () => slices.engagement.tick()),
    tick("campaign-counts", 5_000, () => slices.engagement.tidy()),
    tick("decisions-retention", 600_000, () => slices.engagement.trim()),
    tick("letters", 1_000, () => slices.engagement.tickLetters()),
    tick("content", 5_000, () => slices.content.tick()),
    tick("segments", 1_000, () => slices.segments.tick()),
    tick("segment-sizes", 5_000, () => slices.segments.tidy()),
    tick("security", 10_000, () => slices.security.flush()),
    tick("security-retention", 600_000, () => slices.security.tick()),
    tick("events", 60_000, () => slices.events.tick()),
    tick("influx", 60_000, async () => slices.influx?.tick()),
    tick("firmware", 60_000, () => slices.firmware.tick()),
    tick("incidents", 10_000, () => slices.service.tickIncidents()),
    tick("firmware-watch", 600_000, () => slices.firmwareWatch.tick()),
    tick("listening", 5_000, () => slices.listening.beat(hub.listening)),
    tick("listening-retention", 3_600_000, () => slices.listening.tick()),
    tick("lifecycle", 1_000, () => slices.lifecycle.tick()),
    tick("lifecycle-pace", 300_000, () => slices.lifecycle.measure()),
    tick("lifecycle-retention", 3_600_000, () => slices.lifecycle.trim()),
    tick("households", 60_000, () => slices.households.tick()),
  ];
}
