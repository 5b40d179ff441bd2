import type { DeliveryKind } from "#protocol/delivery.ts";
import type { DeviceRef } from "../devices/devices.ts";
import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { type DeliveryState, newDelivery } from "./core/delivery-life.ts";
import { DeliveryMoves, type MoveBook, phaseFact } from "./delivery-moves.ts";
import * as store from "./deliveries-store.ts";

/** Most deliveries that one call of `create` takes. */
export const deliveriesPerCallMax = 10_000;

export interface NewDelivery {
  device: DeviceRef;
  kind: DeliveryKind;
  /** What it is about: a newer delivery for the same (device, kind, subject) replaces an open older one. */
  subject: string;
  /** What people call it, on a timeline. The subject where left out. */
  label?: string;
  body: Record<string, unknown>;
  /** 0 (whenever there is room) to 9 (safety). */
  priority: number;
  expiresAtMs: number;
}

const replaced: DeliveryState = { phase: "superseded", attempt: 1, step: null };

const subjectText = ({ device_key, kind, subject }: store.SubjectKey) => `${device_key} ${kind} ${subject}`;

/**
 * Creates deliveries in the caller's transaction, with the same few statements for one and for ten thousand. An open older one for the
 * same (device, kind, subject) is superseded where the appliance has not gone too far with it.
 *
 * @returns their ids in the order of `wanted`
 */
export async function createDeliveries(
  tx: Db,
  wanted: readonly NewDelivery[],
  { book, ids, nowMs }: { book: MoveBook; ids: Ids; nowMs: number },
): Promise<string[]> {
  if (wanted.length === 0) return [];
  if (wanted.length > deliveriesPerCallMax) throw new RangeError(`at most ${deliveriesPerCallMax} deliveries at once`);
  const subjects = new Map<string, store.SubjectKey & { count: number }>();
  const keyed = wanted.map((one) => {
    const key = { device_key: one.device.key, kind: one.kind, subject: one.subject };
    const text = subjectText(key);
    const subject = subjects.get(text) ?? { ...key, count: 0 };
    subject.count += 1;
    subjects.set(text, subject);
    return { one, key, text, ordinal: subject.count };
  });
  const keys = [...subjects.values()];
  const last = new Map((await store.takeGenerations(tx, keys)).map((row) => [subjectText(row), row.generation]));
  // Of a subject whose numbers begin here there is nothing older.
  const known = keys.filter((key) => (last.get(subjectText(key)) ?? 0) > key.count);
  await supersede(tx, known, book, nowMs);
  const bodies = [...new Set(wanted.map(({ body }) => body))];
  const bodyAt = new Map(bodies.map((body, at) => [body, at]));
  const rows = keyed.map(({ one, key, text, ordinal }): store.DeliveryInsert => {
    const count = subjects.get(text)?.count ?? 1;
    // Two for one subject in the same call: the later replaces the earlier, as it would in two calls.
    const state = ordinal < count ? replaced : newDelivery;
    return {
      id: ids.next(),
      ...key,
      device_id: one.device.id,
      label: one.label ?? one.subject,
      generation: (last.get(text) ?? count) - count + ordinal,
      priority: one.priority,
      body_at: bodyAt.get(one.body) ?? 0,
      created_at_ms: nowMs,
      expires_at_ms: one.expiresAtMs,
      ...store.stateColumns({ kind: one.kind, expiresAtMs: one.expiresAtMs }, state, nowMs),
    };
  });
  await store.insertDeliveries(tx, rows, bodies);
  await book.outbox.add(
    tx,
    rows.map((row) => phaseFact(row, row.phase === "queued" ? newDelivery : replaced, nowMs)),
  );
  return rows.map(({ id }) => id);
}

async function supersede(tx: Db, keys: readonly store.SubjectKey[], book: MoveBook, nowMs: number): Promise<void> {
  if (keys.length === 0) return;
  const older = await store.lockOpenOfSubjects(tx, keys);
  const moves = new DeliveryMoves(older, nowMs);
  for (const { id } of older) moves.apply(id, { kind: "superseded", atMs: nowMs });
  await moves.save(tx, book);
}
