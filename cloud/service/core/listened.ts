/**
 * Whose silence counts. An appliance is silent only while somebody listened: not while the gateway was down or draining, not while
 * what it had received waited for the database, and not just after a start, when every appliance must come back first.
 */

/** A stretch in which appliances could speak, and what they said until its end is committed. */
export interface Listened {
  /** The gateway's boot. */
  bootId: string;
  fromMs: number;
  untilMs: number;
}

/** How long appliances have for coming back to a gateway that started anew: they try again with a growing pause. */
export const comeBackMs = 300_000;

/** Each stretch without the time in which appliances came back to their gateway, the newest first. */
function counted(listened: readonly Listened[]): { fromMs: number; untilMs: number }[] {
  const ordered = listened.toSorted((a, b) => a.fromMs - b.fromMs);
  return ordered
    .map(({ bootId, fromMs, untilMs }, at) => {
      const isSameBoot = ordered[at - 1]?.bootId === bootId;
      return { fromMs: isSameBoot ? fromMs : fromMs + comeBackMs, untilMs };
    })
    .filter(({ fromMs, untilMs }) => fromMs < untilMs)
    .toReversed();
}

/**
 * Until when silences of a length are over. An appliance that was last heard at `t` has been silent for `forMs` exactly where
 * `t + forMs` is at or before the answer: one number for a whole fleet, and a rule's due times go by it instead of the clock.
 *
 * It never runs ahead of what is committed, and never goes back as time passes.
 *
 * @param forMs how long a silence must last; only time in which the service listened counts
 * @param listened all stretches that may reach into the silence
 * @returns -Infinity where the service has not yet listened for that long
 */
export function silenceUntilMs(forMs: number, listened: readonly Listened[]): number {
  let wantedMs = forMs;
  for (const { fromMs, untilMs } of counted(listened)) {
    if (untilMs - fromMs >= wantedMs) return untilMs - wantedMs + forMs;
    wantedMs -= untilMs - fromMs;
  }
  return -Infinity;
}

/**
 * `silenceUntilMs` as it was at a time in the past. From before the record begins nobody knows when the service did not listen, so that
 * time counts.
 */
export function silenceUntilAt(forMs: number, listened: readonly Listened[], atMs: number): number {
  const beganMs = Math.min(atMs, ...listened.map(({ fromMs }) => fromMs));
  const known = listened.flatMap((one) =>
    one.fromMs < atMs ? [{ ...one, untilMs: Math.min(one.untilMs, atMs) }] : [],
  );
  return silenceUntilMs(forMs, [{ bootId: "", fromMs: -Number.MAX_SAFE_INTEGER, untilMs: beganMs }, ...known]);
}
