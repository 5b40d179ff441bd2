/** A case in which something graver was found than it was opened for: what is promised for it is that of its kind from then on. */
import type { Mergeable } from "./case-merge.ts";
import { type SeverityTerms, settled } from "./case-promise.ts";
import { isGraver, type Severity } from "./severity.ts";

/**
 * The case as grave as what was found. Nobody waits longer for that than they would in a case that is opened now; what was promised
 * sooner stands. The very same where it is as grave already.
 *
 * @param terms of that severity
 */
export function asGraveAs<C extends Pick<Mergeable, "severity" | "state" | "promise">>(
  severity: Severity,
  found: C,
  terms: SeverityTerms,
  nowMs: number,
): C {
  if (!isGraver(severity, found.severity)) return found;
  const { promise, state } = found;
  // A clock that stands still has gone as far as it had then.
  const resolveDueAtMs = (promise.pausedAtMs ?? nowMs) + terms.resolveMs;
  // A first answer that was given is owed no more.
  const firstAnswerDueAtMs = promise.answeredAtMs === null ? nowMs + terms.firstAnswerMs : Infinity;
  const sooner = (dues: { firstAnswerDueAtMs: number; resolveDueAtMs: number }) => ({
    firstAnswerDueAtMs: Math.min(dues.firstAnswerDueAtMs, firstAnswerDueAtMs),
    resolveDueAtMs: Math.min(dues.resolveDueAtMs, resolveDueAtMs),
  });
  const { takenOver } = promise;
  const graver = {
    ...promise,
    ...sooner(promise),
    takenOver: takenOver === null ? null : { ...takenOver, own: { ...sooner(takenOver.own), severity } },
  };
  return { ...found, severity, promise: settled(graver, state.status, terms) };
}
