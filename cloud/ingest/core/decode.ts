import { isUtf8 } from "node:buffer";
import type { ZodType } from "zod";
import { z } from "zod";
import { reply as replySchema } from "#protocol/command.ts";
import { receipt as receiptSchema } from "#protocol/delivery.ts";
import { deviceEvent } from "#protocol/device-event.ts";
import type { QuarantineReason } from "#protocol/errors.ts";
import type { SequencedRecord } from "#protocol/link/up-chunk.ts";
import { loginKinds, vias } from "#protocol/link/login.ts";
import { gatewaySecurityKinds, type Presence, type SecurityReport } from "#protocol/link/messages.ts";
import { isReading, type Reading, readingsPerMessageMax, telemetry } from "#protocol/reading.ts";
import { reported as reportedSchema } from "#protocol/state.ts";
import { epochMs, safeText } from "#protocol/text.ts";
import type {
  DeviceRef,
  EventFact,
  PresenceFact,
  ReadingFact,
  ReceiptFact,
  ReplyFact,
  ReportedFact,
} from "../../devices/devices.ts";
import type { SecurityFact } from "../../security/security.ts";
import { isClockSuspect } from "../../telemetry/telemetry.ts";

/** What a record says, or why it cannot be taken. */
export interface Rejected {
  record: SequencedRecord;
  reason: QuarantineReason;
  detail: string;
}

/** A batch, taken apart by what its records mean. Within each list the order is the order of arrival. */
export interface DecodedBatch {
  readings: ReadingFact[];
  events: { fact: EventFact; record: SequencedRecord }[];
  reported: ReportedFact[];
  receipts: { fact: ReceiptFact; record: SequencedRecord }[];
  replies: { fact: ReplyFact; record: SequencedRecord }[];
  presence: PresenceFact[];
  security: SecurityFact[];
  rejected: Rejected[];
}

const presenceSchema: ZodType<Presence> = z.object({
  bootId: z.uuid(),
  connectionId: z.int().min(0),
  state: z.enum(["connected", "disconnected", "held", "released"]),
  reason: z.string().max(64).exactOptional(),
  limit: z.int().min(0).exactOptional(),
  address: safeText(64).exactOptional(),
  via: z.enum(vias).exactOptional(),
  login: z.enum(loginKinds).exactOptional(),
});

const securitySchema: ZodType<SecurityReport> = z.object({
  kind: z.enum(gatewaySecurityKinds),
  reason: safeText(64),
  atMs: epochMs,
  lastAtMs: epochMs,
  count: z.int().min(1),
  address: safeText(64),
  name: safeText(64),
});

class Unusable extends Error {
  readonly reason: QuarantineReason;

  constructor(reason: QuarantineReason, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The JSON of a payload. */
function parseJson(payload: Uint8Array): unknown {
  const text = asBuffer(payload).toString("utf8");
  // What is not UTF-8 leaves this character; most text has none, and need not be looked at twice.
  if (text.includes("\u{FFFD}") && !isUtf8(payload)) throw new Unusable("not_json", "the bytes are not UTF-8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Unusable("not_json", error instanceof Error ? error.message : String(error));
  }
  // Schemas pass over this name without a word, and nothing may be dropped in silence. JSON can write it with escapes, too.
  if ((text.includes("__proto__") || text.includes("\\u")) && namesProto(value)) {
    throw new Unusable("wrong_shape", "payload: the name __proto__ is refused");
  }
  return value;
}

/** Whether a value has a key `__proto__` anywhere. */
function namesProto(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.hasOwn(value, "__proto__") || Object.values(value).some(namesProto);
}

const describe = (error: z.ZodError) =>
  error.issues
    .slice(0, 5)
    .map((issue) => `${issue.path.length === 0 ? "payload" : issue.path.join(".")}: ${issue.message}`)
    .join("; ")
    .slice(0, 1_000);

function parse<T>(schema: ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new Unusable("wrong_shape", describe(parsed.error));
  return parsed.data;
}

/** One reading or many. The quick guard takes what is right; only what it refuses is asked of the schema, which knows why. */
function parseReadings(value: unknown): Reading[] {
  if (isReading(value)) return [value];
  if (Array.isArray(value) && value.length > 0 && value.length <= readingsPerMessageMax && value.every(isReading))
    return value;
  // The schema of the one that was meant: of a choice between the two a refusal would name no field.
  const [one, many] = telemetry.options;
  return Array.isArray(value) ? parse(many, value) : [parse(one, value)];
}

const emptyBatch = (): DecodedBatch => ({
  readings: [],
  events: [],
  reported: [],
  receipts: [],
  replies: [],
  presence: [],
  security: [],
  rejected: [],
});

function decodeInto(
  batch: DecodedBatch,
  record: SequencedRecord,
  device: DeviceRef | undefined,
  gatewayId: string,
): void {
  // Whoever it is about need not be an appliance, or need not be the one that they say.
  if (record.channel === "security") {
    batch.security.push({ device: device ?? null, report: parse(securitySchema, parseJson(record.payload)) });
    return;
  }
  if (device === undefined) throw new Unusable("unknown_device", "the registry has no device of this id");
  const { receivedAtMs } = record;
  const value = parseJson(record.payload);
  switch (record.channel) {
    case "telemetry":
      for (const reading of parseReadings(value)) {
        batch.readings.push({ device, receivedAtMs, atMs: reading.atMs, metrics: reading.m });
      }
      return;
    case "events": {
      const event = parse(deviceEvent, value);
      const clockSuspect = isClockSuspect(event.atMs, receivedAtMs, device);
      const orderAtMs = clockSuspect ? receivedAtMs : event.atMs;
      batch.events.push({ fact: { device, receivedAtMs, event, clockSuspect, orderAtMs }, record });
      return;
    }
    case "reported": {
      const reported = parse(reportedSchema, value);
      // A clock that runs ahead must not make its report win for ever.
      const atMs = isClockSuspect(reported.atMs, receivedAtMs, device) ? receivedAtMs : reported.atMs;
      batch.reported.push({ device, receivedAtMs, reported: { ...reported, atMs } });
      return;
    }
    case "receipts":
      batch.receipts.push({ fact: { device, receivedAtMs, receipt: parse(receiptSchema, value) }, record });
      return;
    case "replies":
      batch.replies.push({ fact: { device, receivedAtMs, reply: parse(replySchema, value) }, record });
      return;
    case "presence":
      batch.presence.push({ device, receivedAtMs, gatewayId, presence: parse(presenceSchema, value) });
  }
}

/**
 * Takes a batch apart. A record that cannot be used is set aside with its reason and stops none of its neighbours.
 *
 * A generator, so that the caller may see to other things between pieces: each step takes `piece` records, the last returns the whole.
 *
 * @param deviceOf the registry's answer for the devices of the batch
 */
export function* decodeBatch(
  records: readonly SequencedRecord[],
  deviceOf: ReadonlyMap<string, DeviceRef>,
  gatewayId: string,
  piece = 256,
): Generator<void, DecodedBatch> {
  const batch = emptyBatch();
  let taken = 0;
  for (const record of records) {
    taken += 1;
    if (taken % piece === 0) yield;
    const device = deviceOf.get(record.deviceId);
    try {
      decodeInto(batch, record, device, gatewayId);
    } catch (error) {
      if (!(error instanceof Unusable)) throw error;
      batch.rejected.push({ record, reason: error.reason, detail: error.message });
    }
  }
  return batch;
}
