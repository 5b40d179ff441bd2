import type { DeviceRef } from "../devices/devices.ts";
import type { DeviceMessage, MessagePage } from "../platform/device-message.ts";
import type { StoredReading, TelemetryStore } from "./telemetry-store.ts";

/** How far back is looked for readings, step by step until there are enough: an appliance at rest says one a minute. */
const lookBackMs = [60_000, 900_000, 7_200_000, 86_400_000] as const;

/** The newest readings of a device as it sent them, at most a day back from the page's end or from its newest reading. */
export async function storedReadings(
  store: TelemetryStore,
  device: DeviceRef,
  page: MessagePage,
): Promise<DeviceMessage[]> {
  const span = { device, sinceMs: 0 };
  const latest = (await store.latest([span])).get(device.key) ?? [];
  const newestMs = latest.reduce((most, { atMs }) => Math.max(most, atMs), 0);
  const toMs = Math.min(page.beforeMs, newestMs + 1);
  let found: StoredReading[] = [];
  for (const backMs of lookBackMs) {
    found = [];
    for await (const readings of store.readings({ devices: [span], metrics: null, fromMs: toMs - backMs, toMs }))
      found.push(...readings);
    if (found.length >= page.limit) break;
  }
  return found
    .toSorted((a, b) => b.atMs - a.atMs)
    .slice(0, page.limit)
    .map(({ atMs, metrics }) => ({
      channel: "telemetry",
      atMs,
      receivedAtMs: null,
      payload: { atMs, m: metrics },
    }));
}
