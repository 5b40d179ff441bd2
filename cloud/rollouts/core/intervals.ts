import type { Interval } from "#protocol/maintenance-window.ts";

/** What of `from` no interval of `taken` covers. Both in order and without overlap, as is the answer. */
export function without(from: readonly Interval[], taken: readonly Interval[]): Interval[] {
  const left: Interval[] = [];
  let next = 0;
  for (const { fromMs, toMs } of from) {
    let startMs = fromMs;
    // One that reaches beyond this interval is looked at again for the next.
    while (next < taken.length && (taken[next]?.toMs ?? 0) <= startMs) next += 1;
    for (let at = next; at < taken.length && startMs < toMs; at += 1) {
      const hole = taken[at];
      if (hole === undefined || hole.fromMs >= toMs) break;
      if (startMs < hole.fromMs) left.push({ fromMs: startMs, toMs: hole.fromMs });
      startMs = Math.max(startMs, hole.toMs);
    }
    if (startMs < toMs) left.push({ fromMs: startMs, toMs });
  }
  return left;
}

/** What two lists share. Both in order and without overlap, as is the answer. */
export function shared(a: readonly Interval[], b: readonly Interval[]): Interval[] {
  const both: Interval[] = [];
  let [inA, inB] = [0, 0];
  for (;;) {
    const [one, other] = [a[inA], b[inB]];
    if (one === undefined || other === undefined) return both;
    const fromMs = Math.max(one.fromMs, other.fromMs);
    const toMs = Math.min(one.toMs, other.toMs);
    if (fromMs < toMs) both.push({ fromMs, toMs });
    if (one.toMs < other.toMs) inA += 1;
    else inB += 1;
  }
}

/** The part of an interval that lies in a range, or null. */
export function cut({ fromMs, toMs }: Interval, range: Interval): Interval | null {
  const inside = { fromMs: Math.max(fromMs, range.fromMs), toMs: Math.min(toMs, range.toMs) };
  return inside.fromMs < inside.toMs ? inside : null;
}
