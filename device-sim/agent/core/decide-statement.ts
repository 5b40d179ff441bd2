import type { UpdateFailure, UpdateStatement } from "#protocol/update.ts";
import { targetPrefix } from "./decide-image.ts";

/** A statement whose signature was found right. */
export interface SignedStatement {
  claims: UpdateStatement;
  /** Which of the director's keys signed it. */
  keyId: string;
  /** Of the statement's own text: the very same one may come again. */
  sha256: string;
}

/** The newest statement of a key that was followed. */
export interface FollowedStatement {
  seq: number;
  sha256: string;
}

export interface StatementContext {
  deviceId: string;
  deliveryId: string;
  model: string;
  /** By the appliance's clock, or by its time floor where that is later. */
  nowMs: number;
  /** Of the same key; null where none was followed yet. */
  followed: FollowedStatement | null;
}

export type StatementDecision = { kind: "accepted" } | { kind: "refused"; rule: UpdateFailure };

const refused = (rule: UpdateFailure): StatementDecision => ({ kind: "refused", rule });

/** Whether a statement is for this appliance, for this delivery, now, and newer than all before. */
export function decideStatement({ claims, sha256 }: SignedStatement, context: StatementContext): StatementDecision {
  const { deviceId, deliveryId, model, nowMs, followed } = context;
  if (claims.deviceId !== deviceId || claims.deliveryId !== deliveryId) return refused("statement_for_another");
  if (nowMs >= claims.exp * 1_000) return refused("statement_expired");
  const isTheSame = followed !== null && claims.seq === followed.seq && sha256 === followed.sha256;
  if (followed !== null && claims.seq <= followed.seq && !isTheSame) return refused("statement_replayed");
  // Before anything is looked up by it: no metadata of another family is even fetched.
  return claims.path.startsWith(targetPrefix(model)) ? { kind: "accepted" } : refused("wrong_model");
}
