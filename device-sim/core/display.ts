/** A message or an offer that nobody has looked at. */
export interface Unseen {
  deliveryId: string;
  title: string;
  isSafety: boolean;
}

/** What a touch on 'Why am I seeing this?' opens. Closed until somebody touches it: who stands in the kitchen is not told unasked. */
export interface Reason {
  title: string;
  why: string;
}

/** What the display shows of it by itself. */
export interface Display {
  /** Fills the screen until somebody answers; null where nothing does. */
  prompt: Unseen | null;
  /** The number in the corner: what waits to be looked at. */
  waiting: number;
}

/**
 * What lies on the display. While a program runs nothing covers it but a safety notice, which is shown at once and before all others;
 * the rest is a number in the corner until the program ends.
 *
 * @param unseen oldest first
 */
export function displayOf(unseen: readonly Unseen[], isRunning: boolean): Display {
  const prompt = unseen.find(({ isSafety }) => isSafety) ?? (isRunning ? null : (unseen[0] ?? null));
  return { prompt, waiting: unseen.length };
}
