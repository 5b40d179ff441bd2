/** What lies in the URL: plain words after the question mark, so that a link can be read, typed and shared. */
import { isRolloutStateKind } from "./rollouts.ts";
import type { RolloutStateKind } from "../api/rollout-shapes.ts";
import { timelineKinds, type TimelineKind } from "./timeline.ts";
import { packetFilter, type PacketFilter } from "./wire.ts";

/** Reads `?a=1&b=x` as strings; nothing is parsed further than its page asks. */
export const parseSearch = (search: string): Record<string, string> => Object.fromEntries(new URLSearchParams(search));

/** Writes a search, leaving out what is not set. Commas and colons stay readable. */
export function stringifySearch(search: Record<string, unknown>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    if (typeof value === "number") params.set(name, String(value));
    else if (typeof value === "string" && value !== "") params.set(name, value);
  }
  const text = params.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  return text === "" ? "" : `?${text}`;
}

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

export interface DeviceListSearch {
  q?: string | undefined;
  model?: string | undefined;
  online?: "true" | "false" | undefined;
  tag?: string | undefined;
  country?: string | undefined;
  version?: string | undefined;
  cursor?: string | undefined;
}

export function deviceListSearch(search: Record<string, unknown>): DeviceListSearch {
  const online = search["online"] === "true" ? "true" : search["online"] === "false" ? "false" : undefined;
  return {
    q: text(search["q"]),
    model: text(search["model"]),
    online,
    tag: text(search["tag"]),
    country: text(search["country"]),
    version: text(search["version"]),
    cursor: text(search["cursor"]),
  };
}

export interface SecuritySearch {
  severity?: "info" | "warning" | "alert" | undefined;
  kind?: string | undefined;
  device?: string | undefined;
  address?: string | undefined;
  cursor?: string | undefined;
}

export function securitySearch(search: Record<string, unknown>): SecuritySearch {
  const severity = search["severity"];
  return {
    severity: severity === "info" || severity === "warning" || severity === "alert" ? severity : undefined,
    kind: text(search["kind"]),
    device: text(search["device"]),
    address: text(search["address"]),
    cursor: text(search["cursor"]),
  };
}

export interface ProvisioningSearch {
  tab?: "import" | "certificates" | undefined;
  device?: string | undefined;
  certificates?: "expiring" | "revoked" | undefined;
  cursor?: string | undefined;
}

export function provisioningSearch(search: Record<string, unknown>): ProvisioningSearch {
  const { tab, certificates } = search;
  return {
    tab: tab === "import" || tab === "certificates" ? tab : undefined,
    device: text(search["device"]),
    certificates: certificates === "expiring" || certificates === "revoked" ? certificates : undefined,
    cursor: text(search["cursor"]),
  };
}

export interface RolloutsSearch {
  tab?: "calendar" | undefined;
  state?: RolloutStateKind | undefined;
  cursor?: string | undefined;
}

export function rolloutsSearch(search: Record<string, unknown>): RolloutsSearch {
  const { tab, state } = search;
  return {
    tab: tab === "calendar" ? tab : undefined,
    state: isRolloutStateKind(state) ? state : undefined,
    cursor: text(search["cursor"]),
  };
}

export interface PlannerSearch {
  /** The release that the plan begins with. */
  release?: string | undefined;
  /** The draft that is changed. */
  draft?: string | undefined;
}

export const plannerSearch = (search: Record<string, unknown>): PlannerSearch => ({
  release: text(search["release"]),
  draft: text(search["draft"]),
});

export interface ReleasesSearch {
  tab?: "components" | undefined;
  model?: string | undefined;
  /** The release that is open. */
  release?: string | undefined;
  /** A component, and the version below which it is looked for. */
  component?: string | undefined;
  below?: string | undefined;
  cursor?: string | undefined;
}

export const releasesSearch = (search: Record<string, unknown>): ReleasesSearch => ({
  tab: search["tab"] === "components" ? "components" : undefined,
  model: text(search["model"]),
  release: text(search["release"]),
  component: text(search["component"]),
  below: text(search["below"]),
  cursor: text(search["cursor"]),
});

export interface ModelsSearch {
  /** The key of the model that is shown; the first where left out. */
  model?: string | undefined;
}

export const modelsSearch = (search: Record<string, unknown>): ModelsSearch => ({ model: text(search["model"]) });

export const ranges = {
  "15m": { words: "15 min", spanMs: 15 * 60_000, refreshMs: 2_000 },
  "1h": { words: "1 h", spanMs: 3_600_000, refreshMs: 2_000 },
  "24h": { words: "24 h", spanMs: 86_400_000, refreshMs: 10_000 },
  "7d": { words: "7 d", spanMs: 7 * 86_400_000, refreshMs: 60_000 },
  "30d": { words: "30 d", spanMs: 30 * 86_400_000, refreshMs: 60_000 },
} as const;
export type RangeName = keyof typeof ranges;
export const rangeNames: RangeName[] = ["15m", "1h", "24h", "7d", "30d"];
export const isRangeName = (name: unknown): name is RangeName => rangeNames.some((known) => known === name);

const deviceTabs = ["connections", "credentials", "wire", "messages"] as const;
export type DeviceTab = (typeof deviceTabs)[number];
const deviceTab = (value: unknown): DeviceTab | undefined => deviceTabs.find((tab) => tab === value);

export const messageChannels = ["telemetry", "events", "reported", "receipts"] as const;
export type MessageChannel = (typeof messageChannels)[number];

export interface DeviceSearch {
  /** Readings and timeline where left out. */
  tab?: DeviceTab | undefined;
  range?: RangeName | undefined;
  /** A range that somebody dragged open; both or none. */
  from?: number | undefined;
  to?: number | undefined;
  /** The appliance that is shown beside it. */
  with?: string | undefined;
  /** Readings are watched as they come. */
  live?: "on" | undefined;
  /** Names divided by commas. */
  metrics?: string | undefined;
  /** Kinds divided by commas; all where left out. */
  kinds?: string | undefined;
  /** The selected entry of the timeline. */
  item?: string | undefined;
  /** Which packets of the wire are shown; all where left out. */
  packet?: PacketFilter | undefined;
  /** Whose words are shown of what it says; all where left out. */
  channel?: MessageChannel | undefined;
  /** Whose clock is shown: the reader's where left out. */
  clock?: "utc" | "appliance" | undefined;
}

const whole = (value: unknown): number | undefined => {
  const number = Number(value);
  return value !== "" && value !== undefined && Number.isSafeInteger(number) && number > 0 ? number : undefined;
};

export function deviceSearch(search: Record<string, unknown>): DeviceSearch {
  const from = whole(search["from"]);
  const to = whole(search["to"]);
  const dragged = from !== undefined && to !== undefined && to > from;
  const clock = search["clock"] === "utc" || search["clock"] === "appliance" ? search["clock"] : undefined;
  return {
    tab: deviceTab(search["tab"]),
    range: isRangeName(search["range"]) ? search["range"] : undefined,
    from: dragged ? from : undefined,
    to: dragged ? to : undefined,
    with: text(search["with"]),
    live: search["live"] === "on" && !dragged ? "on" : undefined,
    metrics: text(search["metrics"]),
    kinds: text(search["kinds"]),
    item: text(search["item"]),
    packet: packetFilter(search["packet"]),
    channel: messageChannels.find((channel) => channel === search["channel"]),
    clock,
  };
}

/** The kinds that are shown; all of them where nobody chose, or chose none that exists. */
export function kindsShown(kinds: string | undefined): TimelineKind[] {
  const chosen = new Set((kinds ?? "").split(","));
  const known = timelineKinds.filter((kind) => chosen.has(kind));
  return known.length === 0 ? [...timelineKinds] : known;
}
