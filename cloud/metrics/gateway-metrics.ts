/** What the gateway says of itself, as Prometheus has it: read from its last status at each scrape. */
import type { Registry } from "prom-client";
import { type GatewayStatus, pubackBucketsMs } from "#protocol/link/messages.ts";
import { countAtScrape, countsAtScrape, gaugeAtScrape } from "./at-scrape.ts";

type Named = readonly [counter: string, name: string, help: string];

/** Counters with a name of their own. */
const named: readonly Named[] = [
  ["connects", "connects", "Connections taken."],
  ["logins", "logins", "Devices let in."],
  ["claim_logins", "claim_logins", "Connections let in by the claim credential of a production batch."],
  ["messages", "messages", "Messages of devices read."],
  ["message_bytes", "message_bytes", "Bytes of their payloads."],
  ["acked", "pubacks", "PUBACKs written, each after its message was on disk."],
  ["dropped_qos0", "qos0_dropped", "Messages of QoS 0 dropped while the spool was full."],
  ["delivered", "deliveries_written", "Deliveries written to a device."],
  ["undelivered", "deliveries_not_written", "Deliveries that found their device absent or busy."],
  ["subscribes_refused", "subscriptions_refused", "Filters answered with 0x80."],
  ["feeds_published", "feed_items_published", "Feed items sent to subscribers and retained."],
  ["feeds_refused", "feed_items_refused", "Feed items that were no content, too large or too many."],
  ["sessions_dropped", "sessions_dropped", "Persistent sessions ended because of a limit."],
  ["batches", "batches_offered", "Batches of records offered to the cloud."],
  ["gaps", "spool_gaps", "Ranges of records that were lost before the cloud had them."],
  ["spool_write_failures", "spool_write_failures", "Commits of the spool that failed."],
  ["cached_identities_used", "cached_identities_used", "Devices let in from memory while the cloud was silent."],
  ["asks_unanswered", "identity_questions_unanswered", "Questions about a device that the cloud did not answer."],
];

/** Counters that say one thing for many reasons: a metric for each beginning, with the rest as its label. */
const families = [
  ["refused_", "refusals", "reason", "Logins refused, by reason."],
  ["closed_", "disconnects", "reason", "Connections that ended, by reason."],
  ["limit_", "limit_hits", "limit", "How often each limit was met."],
] as const;

const hasOwnName = new Set(named.map(([counter]) => counter));
const familyOf = (counter: string) => families.find(([beginning]) => counter.startsWith(beginning));

/** @param status the gateway's last word, or null before the first */
export function gatewayMetrics(registry: Registry, status: () => GatewayStatus | null): void {
  const entries = () => Object.entries(status()?.counters ?? {});
  for (const [counter, name, help] of named) {
    countAtScrape(registry, { name: `hearth_gateway_${name}_total`, help }, () => status()?.counters[counter] ?? 0);
  }
  for (const [beginning, name, label, help] of families) {
    countsAtScrape(registry, { name: `hearth_gateway_${name}_total`, help, label }, () =>
      entries()
        .filter(([counter]) => counter.startsWith(beginning))
        .map(([counter, count]) => [counter.slice(beginning.length), count]),
    );
  }
  const other = { name: "hearth_gateway_other_total", help: "What the gateway counts besides.", label: "counter" };
  countsAtScrape(registry, other, () =>
    entries().filter(([counter]) => !hasOwnName.has(counter) && familyOf(counter) === undefined),
  );
  for (const [name, help, read] of gauges) {
    gaugeAtScrape(registry, { name: `hearth_${name}`, help }, () => {
      const now = status();
      return now === null ? 0 : read(now);
    });
  }
}

const gauges: readonly (readonly [name: string, help: string, read: (now: GatewayStatus) => number])[] = [
  ["gateway_connections", "Devices that are connected.", (now) => now.connections],
  ["gateway_connects_waiting", "Connections that wait for their turn.", (now) => now.connectsWaiting],
  ["gateway_held_messages", "Messages read and not on disk yet.", (now) => now.held],
  ["gateway_held_back_devices", "Devices that say more than they may.", (now) => now.heldBack],
  ["gateway_sessions", "Persistent sessions, also of devices that are not here.", (now) => now.sessions],
  ["gateway_queued_messages", "Messages that wait for sessions.", (now) => now.queued],
  ["gateway_queued_bytes", "Memory that they take.", (now) => now.queuedBytes],
  ["gateway_retained_items", "Retained items.", (now) => now.retainedItems],
  ["gateway_retained_bytes", "Memory that they take.", (now) => now.retainedBytes],
  ["spool_records", "Records on disk that the database does not have yet.", (now) => now.spoolRecords],
  ["spool_bytes", "Bytes of them.", (now) => now.spoolBytes],
  ["spool_limit_bytes", "Bytes that the spool may take.", (now) => now.spoolBytesMax],
  ["spool_full", "1 while the spool is at its bound.", (now) => (now.spoolFull ? 1 : 0)],
  ["spool_oldest_age_seconds", "Age of the oldest of its records.", (now) => now.spoolOldestMs / 1_000],
];

/**
 * How long devices waited for their PUBACKs, as text: it was counted in the gateway, and the library takes observations only. All of
 * one commit count with the age of its oldest message.
 */
export function pubackHistogram(status: GatewayStatus | null): string {
  const name = "hearth_puback_latency_seconds";
  const { counts, sumMs } = status?.pubacks ?? { counts: [], sumMs: 0 };
  let total = 0;
  const buckets = [...pubackBucketsMs, Infinity].map((endMs, at) => {
    total += counts[at] ?? 0;
    return `${name}_bucket{le="${endMs === Infinity ? "+Inf" : endMs / 1_000}"} ${total}`;
  });
  return [
    `# HELP ${name} From the arrival of a message of QoS 1 to its being on disk, when its PUBACK is written.`,
    `# TYPE ${name} histogram`,
    ...buckets,
    `${name}_sum ${sumMs / 1_000}`,
    `${name}_count ${total}`,
    "",
  ].join("\n");
}
