import type { Model } from "#protocol/model.ts";
import { type Ailment, ailmentsOf } from "../core/ailments.ts";
import { between } from "../core/random.ts";

/**
 * Who of a fleet suffers from what: every `everyNth` appliance, the ailments of its model in turn, each since some moment in the first
 * half of the time, so that what comes slowly has come by its end. A function of its arguments.
 *
 * @param everyNth 0 for a fleet in which nothing is worn
 */
export function planAilments(
  fleet: readonly { id: string; seed: number; model: Model }[],
  everyNth: number,
  span: { fromMs: number; toMs: number },
): Map<string, Ailment> {
  const ailing = new Map<string, Ailment>();
  if (everyNth === 0) return ailing;
  const turns = new Map<string, number>();
  for (const [at, { id, seed, model }] of fleet.entries()) {
    if (at % everyNth !== everyNth - 1) continue;
    const names = ailmentsOf(model);
    const turn = turns.get(model.key) ?? 0;
    turns.set(model.key, turn + 1);
    const name = names[turn % names.length];
    if (name === undefined) continue;
    const share = between(0.1, 0.5, seed, "ails since");
    ailing.set(id, { name, sinceMs: Math.round(span.fromMs + share * (span.toMs - span.fromMs)) });
  }
  return ailing;
}
