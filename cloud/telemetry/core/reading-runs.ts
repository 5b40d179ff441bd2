import type { ReadingFact } from "../../devices/devices.ts";

/** Readings further apart than this are looked up one by one: what lies between them is nobody's concern. */
const runGapMs = 600_000;

/** From the first to the last reading of one device that lie close together: one question has the answer for all of them. */
interface ReadingRun {
  first: ReadingFact;
  last: ReadingFact;
}

/** @param facts in the order of device and time */
export function runsOf(facts: readonly ReadingFact[]): ReadingRun[] {
  const runs: ReadingRun[] = [];
  for (const fact of facts) {
    const run = runs.at(-1);
    if (run?.first.device.key === fact.device.key && fact.atMs - run.last.atMs <= runGapMs) run.last = fact;
    else runs.push({ first: fact, last: fact });
  }
  return runs;
}
