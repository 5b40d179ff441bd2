import { z } from "zod";

/**
 * A fault of one device under one code, as its own events raise and clear it, over event time.
 *
 * Events come late, twice and in any order, and the newest decides. Of two in the same millisecond the clearing one is the newer. What
 * an older one would have made in time nobody knows any more: it is too late.
 *
 * A rule that begins anew is idle with the faults that it held. That they stood is remembered: when one goes, that is told.
 */
export const faultState = z.strictObject({
  phase: z.enum(["idle", "holding"]),
  lastAtMs: z.number(),
  stood: z.literal(true).optional(),
});
export type FaultState = z.infer<typeof faultState>;

export type FaultSignal = { kind: "raised" | "cleared"; atMs: number };

export const neverFaulty: FaultState = { phase: "idle", lastAtMs: -Infinity };

/** What one event makes of the state. Returns the very same state where nothing changed. */
export function evaluateFault(
  state: FaultState,
  signal: FaultSignal,
): { state: FaultState; effect: "raise" | "clear" | null; tooLate?: number } {
  const { kind, atMs } = signal;
  const stands = state.phase === "holding" || state.stood === true;
  const clearsSameMoment = atMs === state.lastAtMs && kind === "cleared" && stands;
  if (atMs <= state.lastAtMs && !clearsSameMoment) {
    const wasSaid = atMs === state.lastAtMs && (kind === "raised") === stands;
    return { state, effect: null, tooLate: wasSaid ? 0 : 1 };
  }
  if (kind === "raised") {
    return { state: { phase: "holding", lastAtMs: atMs }, effect: state.phase === "idle" ? "raise" : null };
  }
  return { state: { phase: "idle", lastAtMs: atMs }, effect: stands ? "clear" : null };
}

/** What a code may look like. */
export const faultCodePattern = /^[A-Za-z0-9_.:-]{1,64}$/;

/** Whether a rule is about a fault, by its cause. */
function isAboutFault({ codes, notCodes }: FaultCodes, cause: string): boolean {
  const code = cause.slice("fault:".length);
  return (codes?.includes(code) ?? true) && !(notCodes?.includes(code) ?? false);
}

/**
 * The cause that a rule finds in an event about a fault; null where it is not about that one. That a fault goes is told whatever the rule
 * is about by now: it may have been about it when it came.
 */
export function causeIn(
  rule: FaultCodes & { cause?: string | undefined },
  { type, data }: { type: string; data: Readonly<Record<string, unknown>> },
): string | null {
  const fault = faultCause(data);
  const isAsked = isAboutFault(rule, fault) || (type === "fault.cleared" && rule.cause === undefined);
  return isAsked ? (rule.cause ?? fault) : null;
}

/** The codes that a rule is about: all of them where it names none. */
interface FaultCodes {
  codes?: readonly string[] | undefined;
  notCodes?: readonly string[] | undefined;
}

/** The cause of a fault's case. A code that could not be shown or compared is one cause of its own. */
export function faultCause(data: Readonly<Record<string, unknown>>): string {
  const { code } = data;
  const text = typeof code === "number" ? String(code) : code;
  return typeof text === "string" && faultCodePattern.test(text) ? `fault:${text}` : "fault:unknown";
}
