import { z } from "zod";

/** Around its opening, a case keeps this much of what the appliance did before and after. */
export const evidenceBeforeMs = 72 * 3_600_000;
export const evidenceAfterMs = 3_600_000;
/** Half an hour a point. */
export const evidencePoints = 146;
export const evidenceMetricsMax = 8;
export const evidenceEventsMax = 100;

/** Readings that an appliance held back for a little are still waited for. */
const settleMs = 300_000;
/** Whoever cannot read the readings for so long leaves the evidence as it is. */
const giveUpMs = 7 * 86_400_000;
export const evidenceRetryMs = 60_000;

/** What of a case's first entry says which metrics its rule looked at. */
const traced = z.object({
  metric: z.string().optional().catch(undefined),
  trace: z
    .object({ readings: z.array(z.object({ metric: z.string() })).catch([]) })
    .optional()
    .catch(undefined),
});

/** The metrics worth keeping: those that the rule looked at, then the model's own in its order. */
export function keyMetrics(opened: Record<string, unknown>, declared: readonly string[]): string[] {
  const said = traced.parse(opened);
  const looked = [said.metric ?? [], said.trace?.readings.map(({ metric }) => metric) ?? []].flat();
  return [...new Set([...looked, ...declared])].slice(0, evidenceMetricsMax);
}

/**
 * The time that evidence is taken from. It does not reach over the day on which the appliance came to its household: what one did is no
 * part of another's case, and goes with whose it was.
 *
 * @param householdSinceMs null where it is nobody's
 */
export function evidenceSpan(openedAtMs: number, householdSinceMs: number | null) {
  const [fromMs, toMs] = [openedAtMs - evidenceBeforeMs, openedAtMs + evidenceAfterMs];
  if (householdSinceMs === null) return { fromMs, toMs };
  return openedAtMs < householdSinceMs
    ? { fromMs, toMs: Math.min(toMs, householdSinceMs) }
    : { fromMs: Math.max(fromMs, householdSinceMs), toMs };
}

/**
 * When the evidence is to be taken again: once more when what came after the opening is there too; null: it is whole.
 *
 * @param nowMs when it was taken
 */
export function nextEvidenceAtMs(openedAtMs: number, nowMs: number): number | null {
  const wholeAtMs = openedAtMs + evidenceAfterMs + settleMs;
  return nowMs < wholeAtMs ? wholeAtMs : null;
}

/** When evidence that could not be taken is tried again; null: no longer. */
export const retryEvidenceAtMs = (knownAtMs: number, nowMs: number): number | null =>
  nowMs - knownAtMs < giveUpMs ? nowMs + evidenceRetryMs : null;
