import { createHash } from "node:crypto";
import { type ClaimIdentity, claimPrefix } from "#protocol/link/messages.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { type Refused, refused } from "../platform/refused.ts";
import type { Audit, Principal } from "../staff/staff.ts";
import { BatchesStore, type Batch } from "./batches-store.ts";
import type { SerialState } from "./core/serial-life.ts";
import { SerialsStore } from "./serials-store.ts";

/**
 * How long the secrets before a rotation still work unless the caller says otherwise: appliances that carry them may lie in a shop
 * for months.
 */
export const claimGraceMsDefault = 180 * 86_400_000;
export const claimGraceMsMax = 3_650 * 86_400_000;
/** Secrets of one batch that work at once. */
const secretsMax = 5;
const secretPrefix = "hearth_claim_";

/** A claim secret is checked against its hash: 256 random bits need no slow one. */
const sha256 = (secret: string) => createHash("sha256").update(secret).digest("hex");

export interface NewBatch {
  key: string;
  model: string;
  quota: number;
  validFromMs?: number | undefined;
  validUntilMs?: number | null | undefined;
}

export interface BatchChange {
  quota?: number | undefined;
  validUntilMs?: number | null | undefined;
  state?: "open" | "closed";
}

export interface BatchDetail extends Batch {
  serials: Record<SerialState, number>;
  secrets: { createdAtMs: number; validUntilMs: number | null }[];
}

const changeable = ({ quota, validUntilMs, state }: Batch): BatchChange => ({ quota, validUntilMs, state });

export interface BatchesDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  hasModel: (key: string) => Promise<boolean>;
  /** After the commit: what the gateway knows under `name` does not count any more. */
  changed: (name: string, disconnect: boolean) => void;
}

/** Production batches: how many appliances of which model may be enrolled in which time, and the claim secret that they carry. */
export class Batches {
  readonly #deps: BatchesDeps;
  readonly #store = new BatchesStore();
  readonly #serials = new SerialsStore();

  constructor(deps: BatchesDeps) {
    this.#deps = deps;
  }

  /** Makes a batch. Its claim secret is in the answer and nowhere else. */
  async create(
    by: Principal,
    { key, model, quota, validFromMs, validUntilMs = null }: NewBatch,
  ): Promise<
    { kind: "created"; batch: Batch; secret: string } | Refused<"batch_exists"> | Refused<"batch_model_not_found">
  > {
    const { db, clock, ids, audit, hasModel } = this.#deps;
    if (!(await hasModel(model))) return refused("batch_model_not_found");
    const nowMs = clock.nowMs();
    const times = { validFromMs: validFromMs ?? nowMs, validUntilMs, createdAtMs: nowMs };
    const batch: Batch = { key, model, quota, enrolled: 0, state: "open", ...times };
    const secret = secretPrefix + ids.secret();
    return transaction(db, async (tx) => {
      if (!(await this.#store.insert(tx, batch))) return refused("batch_exists");
      await this.#store.insertSecret(tx, key, sha256(secret), nowMs);
      const after = { model, quota, validFromMs: batch.validFromMs, validUntilMs };
      await audit.record(tx, { principal: by, action: "batch.created", subject: `batch:${key}`, after });
      return { kind: "created" as const, batch, secret };
    });
  }

  page(afterKey: string | null, limit: number): Promise<Batch[]> {
    return this.#store.page(this.#deps.db, afterKey, limit);
  }

  async get(key: string): Promise<BatchDetail | null> {
    const { db, clock } = this.#deps;
    const batch = await this.#store.find(db, key);
    if (batch === null) return null;
    const secrets = await this.#store.secrets(db, key, clock.nowMs());
    return {
      ...batch,
      serials: await this.#serials.counts(db, key),
      secrets: secrets.map(({ createdAtMs, validUntilMs }) => ({ createdAtMs, validUntilMs })),
    };
  }

  /** Changes what is given. A batch that is closed ends the connections that its secret opened. */
  async change(
    by: Principal,
    key: string,
    change: BatchChange,
  ): Promise<{ kind: "changed"; batch: Batch } | Refused<"batch_not_found">> {
    const { db, audit, changed } = this.#deps;
    const outcome = await transaction(db, async (tx) => {
      const before = await this.#store.lock(tx, key);
      if (before === null) return refused("batch_not_found");
      const { quota = before.quota, validUntilMs = before.validUntilMs, state = before.state } = change;
      const batch: Batch = { ...before, quota, validUntilMs, state };
      await this.#store.update(tx, batch);
      await audit.record(tx, {
        principal: by,
        action: "batch.changed",
        subject: `batch:${key}`,
        before: changeable(before),
        after: changeable(batch),
      });
      return { kind: "changed" as const, batch };
    });
    if (outcome.kind === "changed") changed(claimPrefix + key, outcome.batch.state === "closed");
    return outcome;
  }

  /**
   * Gives a batch a new claim secret.
   *
   * @param graceMs how long those before still work; 0 ends them now, and the connections that they opened
   */
  async rotateSecret(
    by: Principal,
    key: string,
    graceMs: number,
  ): Promise<
    | { kind: "rotated"; secret: string; graceEndsAtMs: number | null }
    | Refused<"batch_not_found">
    | Refused<"too_many_claim_secrets">
  > {
    const { db, clock, ids, audit, changed } = this.#deps;
    const secret = secretPrefix + ids.secret();
    const outcome = await transaction(db, async (tx) => {
      if ((await this.#store.lock(tx, key)) === null) return refused("batch_not_found");
      const nowMs = clock.nowMs();
      const before = await this.#store.secrets(tx, key, nowMs);
      // Ending one of them for room would shut out, without a word, the appliances that carry it.
      if (graceMs > 0 && before.length >= secretsMax) return refused("too_many_claim_secrets");
      await this.#store.endSecrets(tx, key, nowMs + graceMs, nowMs);
      await this.#store.insertSecret(tx, key, sha256(secret), nowMs);
      const graceEndsAtMs = graceMs > 0 && before.length > 0 ? nowMs + graceMs : null;
      await audit.record(tx, {
        principal: by,
        action: "batch.secret_rotated",
        subject: `batch:${key}`,
        after: { graceEndsAtMs },
      });
      return { kind: "rotated" as const, secret, graceEndsAtMs };
    });
    if (outcome.kind === "rotated") changed(claimPrefix + key, graceMs === 0);
    return outcome;
  }

  /** What the gateway may know, or null where nothing can be enrolled by this batch now. */
  async identity(key: string): Promise<ClaimIdentity | null> {
    const { db, clock } = this.#deps;
    const nowMs = clock.nowMs();
    const batch = await this.#store.find(db, key);
    if (batch === null || batch.state === "closed") return null;
    const untilMs = batch.validUntilMs;
    if (nowMs < batch.validFromMs || nowMs >= (untilMs ?? Infinity)) return null;
    const secrets = await this.#store.secrets(db, key, nowMs);
    const tokens = secrets.map(({ sha256: hash, validUntilMs }) => {
      const endsAtMs = Math.min(validUntilMs ?? Infinity, untilMs ?? Infinity);
      return { sha256: hash, validUntilMs: endsAtMs === Infinity ? null : endsAtMs };
    });
    return { kind: "claim", batch: key, tokens };
  }
}
