/** Whether a store is away for long enough to tell staff: a moment is nobody's business, and back is back only when it stays. */
export type StoreState =
  | { kind: "here" }
  /** Away, and nobody was told yet. */
  | { kind: "missed"; sinceMs: number }
  | { kind: "away"; sinceMs: number }
  /** It answers again, and nobody was told yet. */
  | { kind: "returning"; sinceMs: number; awaySinceMs: number };

/** How long it must be one or the other before that is told. */
export const storeHoldMs = 120_000;

/** What a look at the store makes of what was known, and what is to be told. */
export function lookAtStore(
  now: StoreState,
  isUp: boolean,
  atMs: number,
): { state: StoreState; tell: "away" | "back" | null } {
  const untold = (state: StoreState) => ({ state, tell: null });
  switch (now.kind) {
    case "here":
      return untold(isUp ? now : { kind: "missed", sinceMs: atMs });
    case "missed":
      if (isUp) return untold({ kind: "here" });
      return atMs - now.sinceMs < storeHoldMs
        ? untold(now)
        : { state: { kind: "away", sinceMs: now.sinceMs }, tell: "away" };
    case "away":
      return untold(isUp ? { kind: "returning", sinceMs: atMs, awaySinceMs: now.sinceMs } : now);
    case "returning":
      if (!isUp) return untold({ kind: "away", sinceMs: now.awaySinceMs });
      return atMs - now.sinceMs < storeHoldMs ? untold(now) : { state: { kind: "here" }, tell: "back" };
  }
}
