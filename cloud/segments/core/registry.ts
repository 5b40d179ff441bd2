import { compilePredicate, type Predicate } from "../../platform/predicate/predicate.ts";
import { householdFactTypes } from "./facts.ts";
import { type Turn, turnsOf } from "./moves.ts";

export const compileSegment = (expression: string) => compilePredicate(expression, householdFactTypes);

/** A segment in force, ready to be asked. */
export interface ReadySegment {
  key: number;
  id: string;
  predicate: Predicate;
}

/** All segments in force, by the facts that they read. */
export interface Registry {
  all: readonly ReadySegment[];
  byFact: ReadonlyMap<string, readonly ReadySegment[]>;
  /** Those that a day can turn, each with where. */
  moving: readonly { segment: ReadySegment; turns: readonly Turn[] }[];
  /** Of all of them together. */
  turns: readonly Turn[];
}

export function createRegistry(all: readonly ReadySegment[]): Registry {
  const byFact = new Map<string, ReadySegment[]>();
  for (const segment of all)
    for (const fact of segment.predicate.reads) byFact.set(fact, [...(byFact.get(fact) ?? []), segment]);
  const moving = all.flatMap((segment) => {
    const turns = turnsOf([segment.predicate]);
    return turns.length === 0 ? [] : [{ segment, turns }];
  });
  return { all, byFact, moving, turns: turnsOf(all.map(({ predicate }) => predicate)) };
}

/** The segments whose answer some facts can change, each once. */
export function readersOf(registry: Registry, facts: Iterable<string>): Set<ReadySegment> {
  const readers = new Set<ReadySegment>();
  for (const fact of facts) for (const segment of registry.byFact.get(fact) ?? []) readers.add(segment);
  return readers;
}
