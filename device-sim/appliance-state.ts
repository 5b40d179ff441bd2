import type { DeviceRecord, InboxEntry, Preloaded } from "./agent/device-record.ts";
import type { ShownCode } from "./agent/pairing-desk.ts";
import type { FeedCache, FeedCounters } from "./agent/feed-cache.ts";
import type { InboxCounters } from "./agent/inbox.ts";
import type { PictureCounters } from "./agent/item-pictures.ts";
import type { Display, Reason, Unseen } from "./core/display.ts";
import * as machines from "./core/machine.ts";
import type { Metrics } from "./core/machine-event.ts";
import type { LinkCounters } from "./link/device-link.ts";
import type { ProvisioningCounters } from "./provisioner.ts";
import { contentItem } from "#protocol/content.ts";
import { feeds } from "#protocol/topics.ts";

/** What an appliance is like at one moment, for people and tests that look at it from outside. */
export interface ApplianceState {
  id: string;
  model: string;
  atMs: number;
  connected: boolean;
  operation: string;
  hot: boolean;
  heating: boolean;
  metrics: Metrics;
  firmware: { version: string; releaseCounter: number; update: string };
  settings: DeviceRecord["settings"];
  preloaded: readonly Preloaded[];
  deliveries: { id: string; kind: string; step: string | null }[];
  /** Ids of the items that the display may offer, by feed. */
  feeds: Record<string, string[]>;
  /** Ids of those whose picture the display shows. */
  pictures: string[];
  faults: string[];
  identifying: boolean;
  /** The pairing code on the display, or null. */
  pairing: ShownCode | null;
  /** What covers the display by itself, and how much waits to be looked at. */
  display: Display;
  unacknowledged: number;
}

/** A message as the display sees it. */
export function asUnseen({ id, content }: InboxEntry): Unseen {
  const item = contentItem.safeParse(content).data;
  return {
    deliveryId: id,
    title: item?.title ?? "",
    isSafety: item?.kind === "notice" && (item.class === "safety" || item.class === "recall"),
  };
}

/** Why a thing came, where it says so. */
export function reasonOf(entry: InboxEntry | undefined): Reason | null {
  const item = contentItem.safeParse(entry?.content).data;
  return item !== undefined && "why" in item && item.why !== undefined ? { title: item.title, why: item.why } : null;
}

/** What an appliance counted since it was made. */
export interface ApplianceCounters {
  readings: number;
  events: number;
  link: LinkCounters;
  dropped: { readings: number; notable: number };
  inbox: InboxCounters;
  feeds: FeedCounters;
  pictures: PictureCounters;
  /** Of one that gets its own certificate. */
  provisioning: ProvisioningCounters | null;
}

/** The parts of the state that come from machine, memory and feeds. */
export function describe(
  machine: machines.MachineState,
  record: DeviceRecord,
  feedCache: FeedCache,
): Omit<
  ApplianceState,
  "id" | "model" | "connected" | "identifying" | "pairing" | "pictures" | "display" | "unacknowledged"
> {
  const { firmware, update, settings, preloaded, inbox } = record;
  const version = firmware.slots[firmware.active]?.version ?? "unknown";
  return {
    atMs: machine.atMs,
    operation: machines.operationOf(machine),
    hot: machines.isHot(machine),
    heating: machines.isHeating(machine),
    metrics: machines.metricsOf(machine),
    firmware: { version, releaseCounter: firmware.confirmedCounter, update: update.kind },
    settings,
    preloaded,
    deliveries: inbox.map(({ id, kind, receipt, reply }) => ({
      id,
      kind,
      step: receipt?.step ?? (reply === null ? null : "replied"),
    })),
    feeds: Object.fromEntries(feeds.map((feed) => [feed, feedCache.items(feed).map((item) => item.id)])),
    faults: Object.keys(machine.faults),
  };
}
