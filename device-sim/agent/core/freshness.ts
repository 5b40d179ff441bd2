/** What an appliance remembers of when it could last see fresh metadata. */
export interface Freshness {
  /** When metadata was last verified that was not expired; before the first time, since when it knows where to look. */
  freshAtMs: number | null;
  /** Whether it has said that it is too long ago. */
  staleSaid: boolean;
}

/** What to say now. Somebody who holds updates back can do it in silence; an appliance that sees nothing new for days must not be silent. */
export function freshnessNews(
  { freshAtMs, staleSaid }: Freshness,
  nowMs: number,
  staleAfterMs: number,
): "stale" | "fresh" | null {
  if (freshAtMs === null) return null;
  const isStale = nowMs - freshAtMs >= staleAfterMs;
  if (isStale === staleSaid) return null;
  return isStale ? "stale" : "fresh";
}
