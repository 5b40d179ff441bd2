import { z } from "zod";

/**
 * Stretches of an appliance's time in which something was judged that a word from then, had it come in time, might have changed. So
 * that whoever hears one later can say that it was too late.
 */
export const span = z.strictObject({ fromMs: z.number(), toMs: z.number() });
export type Span = z.infer<typeof span>;

/** Spans of a device under one rule that are remembered. */
export const spansMax = 8;
export const spans = z.array(span).max(spansMax);

/** Of more than are remembered, the two with the least between them become one: rather said once too often than not at all. */
export function withSpan(known: readonly Span[], next: Span): Span[] {
  const all = [...known, next].toSorted((a, b) => a.fromMs - b.fromMs);
  if (all.length <= spansMax) return all;
  const gapAfter = (at: number): number => (all[at + 1]?.fromMs ?? Infinity) - (all[at]?.toMs ?? 0);
  let least = 0;
  for (let at = 1; at < all.length - 1; at += 1) if (gapAfter(at) < gapAfter(least)) least = at;
  const [first, second] = all.slice(least, least + 2);
  if (first === undefined || second === undefined) throw new Error("there are more spans than one");
  const merged = { fromMs: first.fromMs, toMs: Math.max(first.toMs, second.toMs) };
  return [...all.slice(0, least), merged, ...all.slice(least + 2)];
}

/** Ends are in a span: what has the very time of one was judged, or is of the same moment as what was. */
export const isWithin = (known: readonly Span[] | undefined, atMs: number): boolean =>
  known?.some(({ fromMs, toMs }) => atMs >= fromMs && atMs <= toMs) === true;
