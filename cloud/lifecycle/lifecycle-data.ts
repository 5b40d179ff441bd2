import type { HouseholdData } from "../platform/household-data.ts";
import { pages } from "../platform/household-data.ts";
import { causeWords } from "./core/cause-words.ts";
import type { LifecycleStore } from "./lifecycle-store.ts";

/** What is held of households here. */
export function lifecycleData(store: LifecycleStore): HouseholdData[] {
  return [
    {
      name: "lifecycle_stages",
      describes: "Which stage of a customer's life the service put you in, when, and because of what.",
      isDerived: true,
      async *rows(db, householdId) {
        for await (const change of pages<Awaited<ReturnType<LifecycleStore["changesAfter"]>>[number]>((last, limit) =>
          store.changesAfter(db, householdId, last?.place ?? 0, limit),
        )) {
          const { place, atMs, from, to, days, causes } = change;
          yield { place, atMs, from, to, daysSinceLast: days, causes: causes.map(causeWords) };
        }
      },
      erase: (tx, householdId) => store.erase(tx, [householdId]),
    },
    {
      name: "lifecycle_signals",
      describes: "What you and your appliances did that bears on that stage.",
      async *rows(db, householdId) {
        for await (const signal of pages<Awaited<ReturnType<LifecycleStore["signalsAfter"]>>[number]>((last, limit) =>
          store.signalsAfter(db, householdId, last, limit),
        )) {
          const { source, atMs, body } = signal;
          yield { atMs, source, ...body };
        }
      },
      erase: async () => 0,
    },
  ];
}
