import type { Timers } from "../platform/timers.ts";

export interface TransferLimits {
  /** Longest silence between two pieces, and before the first. */
  silenceMs: number;
  /** After this long the average must be at least `bytesPerSMin`: slower is a link that somebody holds open. */
  rateAfterMs: number;
  bytesPerSMin: number;
}

export const transferLimits: TransferLimits = { silenceMs: 30_000, rateAfterMs: 15_000, bytesPerSMin: 1_024 };

/** Calls `tooSlow` on silence and on a trickle. */
export function watchRate(
  timers: Timers,
  limits: TransferLimits,
  tooSlow: () => void,
): { heard: (bytes: number) => void; end: () => void } {
  let bytes = 0;
  let bytesBefore = 0;
  let endSilence = timers.after(limits.silenceMs, tooSlow);
  const endRate = timers.every(limits.rateAfterMs, () => {
    if (((bytes - bytesBefore) * 1_000) / limits.rateAfterMs < limits.bytesPerSMin) tooSlow();
    bytesBefore = bytes;
  });
  return {
    heard(more) {
      bytes += more;
      endSilence();
      endSilence = timers.after(limits.silenceMs, tooSlow);
    },
    end() {
      endSilence();
      endRate();
    },
  };
}
