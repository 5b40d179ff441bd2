const pauseMsMax = 30 * 60_000;

/** How long to wait before the shop is called again: as long as it asked, or twice as long each time; half an hour at most. */
export const callPauseMs = (attempts: number, askedMs?: number): number =>
  Math.min(pauseMsMax, askedMs ?? 1_000 * 2 ** Math.min(attempts, 12));
