import type { Model } from "#protocol/model.ts";
import { type Ailment, type AilmentName, ailmentsOf } from "../core/ailments.ts";
import type { PersonaName } from "../core/household.ts";
import { between } from "../core/random.ts";

/** Who uses it most first: what is worn shows in use. */
const byUse: readonly PersonaName[] = ["baker", "family", "night_owl", "weekender", "away"];

/**
 * Who of a fleet suffers from what: of every `everyNth` appliances the one that is used most, of what its model can suffer from what
 * fewest have so far, since some moment in its second third, so that what comes slowly has come by its end. A function of its
 * arguments.
 *
 * @param everyNth 0 for a fleet in which nothing is worn
 */
export function planAilments(
  fleet: readonly { id: string; seed: number; persona: PersonaName; model: Model }[],
  everyNth: number,
  span: { fromMs: number; toMs: number },
): Map<string, Ailment> {
  const ailing = new Map<string, Ailment>();
  const sufferers = new Map<AilmentName, number>();
  const countOf = (name: AilmentName): number => sufferers.get(name) ?? 0;
  const groups = everyNth === 0 ? 0 : Math.floor(fleet.length / everyNth);
  for (let at = 0; at < groups; at += 1) {
    const group = fleet.slice(at * everyNth, (at + 1) * everyNth);
    const [used] = group.toSorted((a, b) => byUse.indexOf(a.persona) - byUse.indexOf(b.persona));
    if (used === undefined) break;
    const { id, seed, model } = used;
    const [name] = ailmentsOf(model).toSorted((a, b) => countOf(a) - countOf(b));
    if (name === undefined) continue;
    sufferers.set(name, countOf(name) + 1);
    const share = between(0.3, 0.5, seed, "ails since");
    ailing.set(id, { name, sinceMs: Math.round(span.fromMs + share * (span.toMs - span.fromMs)) });
  }
  return ailing;
}
