import type { Model } from "#protocol/model.ts";
import { type Ailment, type AilmentName, ailmentsOf } from "../core/ailments.ts";
import { between } from "../core/random.ts";

/**
 * Who of a fleet suffers from what: every `everyNth` appliance, of what its model can suffer from the one that fewest have so far, since
 * some moment in the first half of the time, so that what comes slowly has come by its end. A function of its arguments.
 *
 * @param everyNth 0 for a fleet in which nothing is worn
 */
export function planAilments(
  fleet: readonly { id: string; seed: number; model: Model }[],
  everyNth: number,
  span: { fromMs: number; toMs: number },
): Map<string, Ailment> {
  const ailing = new Map<string, Ailment>();
  const sufferers = new Map<AilmentName, number>();
  const countOf = (name: AilmentName): number => sufferers.get(name) ?? 0;
  for (const [at, { id, seed, model }] of fleet.entries()) {
    if (everyNth === 0 || at % everyNth !== everyNth - 1) continue;
    const [name] = ailmentsOf(model).toSorted((a, b) => countOf(a) - countOf(b));
    if (name === undefined) continue;
    sufferers.set(name, countOf(name) + 1);
    const share = between(0.1, 0.5, seed, "ails since");
    ailing.set(id, { name, sinceMs: Math.round(span.fromMs + share * (span.toMs - span.fromMs)) });
  }
  return ailing;
}
