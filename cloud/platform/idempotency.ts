import { createHash } from "node:crypto";
import { sql } from "kysely";
import { z } from "zod";
import type { Db } from "./database.ts";

/** What asking twice with one key can be refused for. */
export const idempotencyProblems = {
  idempotency_key_reused: {
    status: 422,
    title: "The key was used for something else",
    help: "A key stands for one request, sent again where its answer was lost. Take a new one for other content.",
  },
} as const;

/** Request headers of a route that may be asked again; all other headers stay as they are. */
export const idempotencyHeaders = z.looseObject({
  "idempotency-key": z
    .string()
    .regex(/^[\x21-\x7e]{1,100}$/, "must be 1 to 100 visible ASCII characters")
    .optional()
    .describe("Send the same one again where the answer was lost: what was done is done once, and is answered again."),
});

/** How long a key is remembered. */
export const idempotencyKeptMs = 7 * 86_400_000;

export interface OnceAsked {
  /** Whose key it is: of another principal the same letters are another key. */
  principal: string;
  /** What is done, with what it is done to: `case.open`, `case.answer:ID`. */
  operation: string;
  /** Without one, everything is done as often as it is asked for. */
  key: string | undefined;
  content: unknown;
}

export interface Once<T> {
  answer: T;
  isReplay: boolean;
}

/**
 * Does `work` once for each key, in the caller's transaction, and answers the first answer to whoever asks again. A refusal is not
 * remembered: what could not be done may be possible later.
 *
 * @param work its answer is kept as JSON
 * @returns null where the key was used for other content
 */
export async function once<T extends { kind: string }>(
  tx: Db,
  { principal, operation, key, content }: OnceAsked,
  nowMs: number,
  work: () => Promise<T>,
): Promise<Once<T> | null> {
  if (key === undefined) return { answer: await work(), isReplay: false };
  // Two who ask at once wait for each other: the second finds the answer of the first.
  await sql`SELECT pg_advisory_xact_lock(${lockClass}, hashtext(${JSON.stringify([principal, operation, key])}))`.execute(
    tx,
  );
  const contentHash = createHash("sha256").update(JSON.stringify(content)).digest();
  const { rows } = await sql<{ content_hash: Buffer; answer: T }>`
    SELECT content_hash, answer FROM idempotent_answer
    WHERE principal = ${principal} AND operation = ${operation} AND key = ${key}`.execute(tx);
  const [known] = rows;
  if (known !== undefined)
    return known.content_hash.equals(contentHash) ? { answer: known.answer, isReplay: true } : null;
  const answer = await work();
  if (answer.kind === "refused") return { answer, isReplay: false };
  await sql`
    INSERT INTO idempotent_answer (principal, operation, key, content_hash, answer, at_ms)
    VALUES (${principal}, ${operation}, ${key}, ${contentHash}, ${JSON.stringify(answer)}::jsonb, ${nowMs})`.execute(
    tx,
  );
  return { answer, isReplay: false };
}

/** Forgets keys that are older than they are kept. */
export async function trimIdempotency(db: Db, nowMs: number): Promise<void> {
  await sql`DELETE FROM idempotent_answer WHERE at_ms < ${nowMs - idempotencyKeptMs}`.execute(db);
}

/** Apart from whatever else locks by a number. */
const lockClass = 0x1de_0;
