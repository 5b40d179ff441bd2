import type { Stage } from "./plan.ts";

/**
 * How many appliances each stage gets of those that no tag takes; 0 for a stage that goes by a tag. As the one statement that assigns
 * members has it: shares are of the whole target, each stage ends at the rounded sum up to it, and the last takes what is left.
 *
 * @param counts `total`: of the target; `untagged`: those of it that no tag stage takes
 */
export function divide(stages: readonly Stage[], { total, untagged }: { total: number; untagged: number }): number[] {
  const last = stages.findLastIndex(({ size }) => size.kind !== "tag");
  let share = 0;
  let count = 0;
  let taken = 0;
  return stages.map(({ size }, stage) => {
    if (size.kind === "tag") return 0;
    if (size.kind === "share") share += size.share;
    if (size.kind === "count") count += size.count;
    const end = stage === last ? untagged : Math.min(untagged, Math.round(share * total) + count);
    const mine = Math.max(0, end - taken);
    taken = Math.max(taken, end);
    return mine;
  });
}
