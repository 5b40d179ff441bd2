import type { Db } from "../platform/database.ts";
import type { LifecycleDefinition, Stage } from "./core/definition.ts";
import { judge } from "./core/stage.ts";
import { type Flow, type LifecycleViews, noCounts, type StageCounts } from "./lifecycle-views.ts";

export interface Preview {
  /** How many were judged. */
  households: number;
  /** Whether there are more, of whom nothing is said. */
  isSample: boolean;
  moved: number;
  flows: Flow[];
  before: StageCounts;
  after: StageCounts;
}

/** Most households that one preview judges: about two seconds. */
const householdsMax = 100_000;

/** Where households would be under another definition, now. Nothing is changed. */
export async function preview(
  db: Db,
  views: LifecycleViews,
  definition: LifecycleDefinition,
  nowMs: number,
): Promise<Preview> {
  const flows = new Map<string, Flow>();
  const found: Preview = { households: 0, isSample: false, moved: 0, flows: [], before: noCounts(), after: noCounts() };
  for await (const lives of views.lives(db)) {
    if (found.households + lives.length > householdsMax) {
      found.isSample = true;
      break;
    }
    for (const { stage: from, life } of lives) {
      const to: Stage = judge(life.facts, life.engagedSinceMs, definition, nowMs)?.stage ?? from;
      found.households += 1;
      found.before[from] += 1;
      found.after[to] += 1;
      if (to === from) continue;
      found.moved += 1;
      const flow = flows.get(`${from} ${to}`) ?? { from, to, households: 0 };
      flow.households += 1;
      flows.set(`${from} ${to}`, flow);
    }
  }
  found.flows = [...flows.values()].toSorted((a, b) => b.households - a.households);
  return found;
}
