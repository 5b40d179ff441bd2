import { timestampLifeMs } from "#protocol/update.ts";

/** What signed documents say of the time. */
export interface TimeEvidence {
  /** When the verified timestamp runs out: it is no older than its life. */
  timestampExpiresMs: number;
  /** When the director signed its statement, where there is one. */
  statementIssuedMs: number | null;
  /** The first expiry among the verified metadata whose keys are kept offline. */
  offlineExpiresMs: number;
}

/**
 * A time that has passed for certain. It only moves forward, and expiry is held against it where the appliance's clock is behind.
 *
 * Evidence comes from keys that are online, so somebody who has them could name a time far ahead, after which every document would look
 * expired for ever. So the floor never passes the expiry of what was signed offline and verified just now: the next document signed
 * offline lives longer than that, and updates go on.
 */
export function raisedFloor(floorMs: number, evidence: TimeEvidence): number {
  const { timestampExpiresMs, statementIssuedMs, offlineExpiresMs } = evidence;
  const said = Math.max(timestampExpiresMs - timestampLifeMs, statementIssuedMs ?? 0);
  return Math.max(floorMs, Math.min(said, offlineExpiresMs - 1));
}
