/**
 * What the API answers, as far as the console reads it. /api/openapi.json is the whole of it; test/console holds these against what the
 * service declares.
 */

export interface Overview {
  atMs: number;
  devices: { total: number; online: number; models: { model: string; total: number; online: number }[] };
  /** Since the service began: the difference of two answers is a rate. */
  readingsCommitted: number;
  deliveries: Record<string, number>;
  firmwareConfirmed: number;
  cases: Record<string, number>;
  points: number;
  quarantined: number;
}

export interface Health {
  status: "ok" | "degraded";
  /** What is wrong, a sentence each. */
  problems: string[];
  gateway: { up: boolean; connections: number };
  upRoad: { behindRecords: number; behindMs: number };
  /** Where readings are kept, and what has not reached it yet. */
  telemetry: {
    store: "postgres" | "influx";
    up: boolean;
    waitingFor: string | null;
    behindRecords: number;
    behindMs: number;
    parked: number;
    erasuresWaiting: number;
    /** Hours of appliances whose rollups should have been made by now. */
    rollups: { hoursBehind: number; behindMs: number };
  };
  process: { uptimeMs: number };
}

export interface Me {
  kind: string;
  name: string;
  role: string;
}

export interface Page<Item> {
  items: Item[];
  nextCursor: string | null;
}

export interface Device {
  id: string;
  model: string;
  serial: string;
  householdId: string | null;
  soldAtMs: number | null;
  warrantyUntilMs: number | null;
  createdAtMs: number;
  online: boolean;
  /** When it last came or went. */
  presenceAtMs: number | null;
  /** While it says more than a limit allows, and is read no faster than that. */
  held: { sinceMs: number; reason: string; limit: number | null } | null;
  blockedAtMs: number | null;
  reported: Record<string, unknown>;
  desired: Record<string, unknown>;
  desiredVersion: number;
}

export interface Delivery {
  id: string;
  deviceId: string;
  kind: string;
  label: string;
  /** The last step that the appliance reported. */
  step: string | null;
  changedAtMs: number;
}

/** [the bucket's beginning, minimum, mean, maximum, count] */
export type RangePoint = [atMs: number, min: number, mean: number, max: number, count: number];

export interface RangeSeries {
  deviceId: string;
  metric: string;
  unit: string;
  label: string;
  /** The range that the model declares. */
  min: number | null;
  max: number | null;
  points: RangePoint[];
  /** The beginnings of the buckets in which something lies outside that range. */
  outside: number[];
}

/** Appliances that are missing from an answer about several households. */
export type LeftOut = { devices: number; because: "no_consent_to_improve" } | null;

export interface TelemetryRange {
  fromMs: number;
  toMs: number;
  bucketMs: number;
  series: RangeSeries[];
  leftOut?: LeftOut;
}

export interface LatestValue {
  metric: string;
  label: string;
  unit: string;
  value: number | boolean;
  atMs: number;
  /** The appliance's clock cannot have been right; `atMs` is the gateway's. */
  clockSuspect: boolean;
  declared: boolean;
}

export interface TimelineEntry {
  atMs: number;
  kind: "event" | "presence" | "delivery" | "case" | "firing" | "points" | "quarantine" | "security" | "rollout";
  /** Unique within its kind. */
  id: string;
  title: string;
  data: Record<string, unknown>;
}

export interface TimelineAnswer {
  items: TimelineEntry[];
  nextBeforeMs: number | null;
}

export interface SecurityEvent {
  id: string;
  kind: string;
  severity: "info" | "warning" | "alert";
  /** One sentence, for people. */
  title: string;
  atMs: number;
  /** When it was last told: what goes on is one event. */
  lastAtMs: number;
  count: number;
  address: string | null;
  /** The name that somebody gave. */
  name: string | null;
  /** The appliance of that name, where there is one. */
  deviceId: string | null;
  /** Who did it, where they have proved it. */
  by: string | null;
}

export interface Batch {
  key: string;
  model: string;
  quota: number;
  enrolled: number;
  validUntilMs: number | null;
  state: "open" | "closed";
  createdAtMs: number;
}

export interface BatchDetail extends Batch {
  serials: Partial<Record<string, number>>;
  /** Claim secrets that work now: their age, and the end of their grace. */
  secrets: { createdAtMs: number; validUntilMs: number | null }[];
}

export interface Certificate {
  fingerprint: string;
  deviceId: string;
  issuedAtMs: number;
  notAfterMs: number;
  batch: string | null;
  revokedAtMs: number | null;
  revokedReason: string | null;
}

export interface ImportReport {
  imported: number;
  unchanged: number;
  /** The first of the lines that were not imported. */
  errors: { line: number; field: string; message: string }[];
  errorsMore: number;
}

/** One appliance, asked for by its id. */
export interface DeviceDetail extends Device {
  /** Tokens that work now, newest first: their age, and the end of their grace. */
  credentials: { tokens: { createdAtMs: number; validUntilMs: number | null }[] };
}

export interface Connection {
  fromMs: number;
  /** Null while it is open, and where nobody could say when it ended. */
  toMs: number | null;
  open: boolean;
  address: string | null;
  via: "tcp" | "tls" | "ws" | "wss" | null;
  login: "token" | "certificate" | "claim" | "open" | null;
  /** Why it ended, in plain words. */
  ended: string | null;
}

export interface WirePacket {
  /** The same id again replaces what was said. */
  id: string;
  atMs: number;
  /** How often it came in a row. */
  count: number;
  direction: "in" | "out" | "none";
  type:
    | "closed"
    | "connect"
    | "connack"
    | "publish"
    | "puback"
    | "pubrec"
    | "pubrel"
    | "pubcomp"
    | "subscribe"
    | "suback"
    | "unsubscribe"
    | "unsuback"
    | "pingreq"
    | "pingresp"
    | "disconnect"
    | "reserved";
  /** In bytes; 0 where it is not known. */
  size: number;
  messageId: number | null;
  publish: { qos: number; dup: boolean; retain: boolean; topic: string | null } | null;
  filters: string[];
  codes: number[];
  connect: {
    clean: boolean;
    keepaliveS: number;
    via: NonNullable<Connection["via"]>;
    login: Connection["login"];
  } | null;
  reasons: string[];
  /** Why it was refused or ended, in plain words. */
  sentence: string | null;
}

/** What an event of a wire's stream says. */
export interface WireAnswer {
  packets: WirePacket[];
  /** Where there is nothing to see, why. */
  sentence: string | null;
}

/** RFC 9457, with Hearth's code and advice. */
export interface ProblemBody {
  title: string;
  detail: string;
  help: string;
  code: string;
  requestId: string;
  errors?: { pointer: string; message: string }[];
  newest?: NewestVersion;
}

/** What is there in place of the version that a change was made from. */
export interface NewestVersion {
  version: number;
  atMs: number;
  by: string;
}

/** How long is kept what; null where the store of readings decides. */
export interface Retention {
  store: "postgresql" | "influxdb";
  readingsMs: number | null;
  minutesMs: number | null;
  hoursMs: number | null;
  daysMs: number | null;
  eventsMs: number;
}
