/**
 * What endpoints are told, and when they are tried again.
 *
 *   queued --2xx--> delivered
 *     |  ^-- any other answer, or none: again after a pause, ten times over three days
 *     +--the last pause is over--> failed
 *     +--410, or the event is gone--> dropped
 */
import { z } from "zod";
import { fraction } from "../../platform/fraction.ts";
import { type OutboxEvent, toCloudEvent } from "./cloud-event.ts";
import { positionText } from "./position.ts";

export const webhookStatuses = ["queued", "delivered", "failed", "dropped"] as const;
export type WebhookStatus = (typeof webhookStatuses)[number];

/** Why an endpoint is sent nothing. */
export const disabledReasons = ["gone", "failing", "staff"] as const;
export type DisabledReason = (typeof disabledReasons)[number];

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** The pauses between ten attempts, as Standard Webhooks proposes them: 75 hours and a half. */
const pausesMs = [5 * second, 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour, 14 * hour, 20 * hour, 24 * hour];
export const attemptsMax = pausesMs.length + 1;
/** The longest that a receiver can ask to be left alone. */
const askedMsMax = 24 * hour;
/** Nothing arrived for so long, and something was tried: the endpoint is disabled. */
export const failingMsMax = 5 * 24 * hour;
/** For so long a secret counts after another took its place. */
export const formerSecretMs = 24 * hour;

/**
 * When to try again after an attempt that failed, within a twelfth of the pause, so that what failed together does not come back
 * together; null: it has been tried often enough.
 *
 * @param attempt from 1, of those since it was queued
 * @param askedMs what the receiver asked to be left alone for
 */
export function nextAttemptAtMs(deliveryId: string, attempt: number, nowMs: number, askedMs = 0): number | null {
  const pauseMs = pausesMs[attempt - 1];
  if (pauseMs === undefined) return null;
  const jittered = Math.round(pauseMs * (11 / 12 + fraction(`${deliveryId} ${attempt}`) / 6));
  return nowMs + Math.max(jittered, Math.min(askedMs, askedMsMax));
}

/** `hearth.points.earned`, `hearth.points.*`, or `*` for everything. */
export const typeFilter = z
  .string()
  .max(100)
  .regex(
    /^(\*|hearth(\.[a-z][a-z0-9_]*)*\.(\*|[a-z][a-z0-9_]*))$/,
    "must be a type such as hearth.points.earned, the beginning of types such as hearth.points.*, or *",
  );

/** A test is for the endpoint that it was asked for, and for nobody else. */
export const testType = "hearth.webhook.tested";

export function wantsEvent(
  endpoint: { id: string; types: readonly string[] },
  event: Pick<OutboxEvent, "type" | "subject">,
): boolean {
  if (event.type === testType) return event.subject === `webhook:${endpoint.id}`;
  return endpoint.types.some((type) =>
    type.endsWith("*") ? event.type.startsWith(type.slice(0, -1)) : event.type === type,
  );
}

/**
 * Which of those that are due are sent now: in their order, and of one subject one after the other.
 *
 * @param due in the order of the outbox
 * @param underWay subjects of which one is being sent
 */
export function pickNext<D extends { subject: string }>(
  due: readonly D[],
  underWay: ReadonlySet<string>,
  limit: number,
): D[] {
  const taken = new Set(underWay);
  const picked: D[] = [];
  for (const delivery of due) {
    if (picked.length >= limit) break;
    if (taken.has(delivery.subject)) continue;
    taken.add(delivery.subject);
    picked.push(delivery);
  }
  return picked;
}

/** Words about people: who needs them reads them through the API, where that is recorded. */
const personal = new Set(["name", "email", "phone", "address", "text", "note", "words", "members"]);

function withoutPeople(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPeople);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, held]): [string, unknown][] => {
      if (personal.has(key) && typeof held !== "number") return [];
      // Who it was is nobody's business outside; of what kind they were may matter.
      if (key === "by" && typeof held === "string") return [[key, held.split(":")[0]]];
      return [[key, withoutPeople(held)]];
    }),
  );
}

/** As Standard Webhooks advises. */
const bodyBytesMax = 20_000;

/**
 * The body of an event's message: a CloudEvent in structured mode. `sequence` orders the events of this source as text. One that would
 * be too long says with `dataref` where it is read.
 */
export function webhookBody(event: OutboxEvent, publicUrl: string): string {
  // What a case is called may be a person's own words.
  const { title, ...untitled } = event.data;
  const data = event.type.startsWith("hearth.case.") || title === undefined ? untitled : { title, ...untitled };
  const { xid, id } = event.position;
  const sequence = `${xid.padStart(20, "0")}-${String(id).padStart(15, "0")}`;
  const whole = { ...toCloudEvent(event), sequence, data: withoutPeople(data) };
  const body = JSON.stringify(whole);
  if (Buffer.byteLength(body) < bodyBytesMax) return body;
  const dataref = `${publicUrl}/api/v1/events?limit=1&after=${positionText({ xid, id: id - 1 })}`;
  const { data: _tooLong, ...rest } = whole;
  return JSON.stringify({ ...rest, dataref });
}
