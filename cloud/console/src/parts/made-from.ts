import { useState } from "react";
import { isAlike, mergedOf } from "../core/three-way.ts";

export interface MadeFrom<V> {
  /** The version that the draft was begun with: what a change names. */
  base: V;
  /** What somebody else put there since; null where nobody did, or nothing was written yet. */
  other: V | null;
  /** The places of the draft that both changed. */
  both: readonly string[];
  /** Goes on with the draft, with what the other changed elsewhere put into it. */
  keepMine: () => void;
  takeTheirs: () => void;
  /** After one's own change. */
  saved: (version: V) => void;
}

interface Draft<V, Mine> {
  newest: V;
  /** What is written now. */
  mine: Mine;
  /** The draft that a version begins as. */
  mineOf: (version: V) => Mine;
  write: (mine: Mine) => void;
}

/**
 * Which version somebody's draft was made from. A newer one takes the place of a draft in which nothing was written, and leaves one alone
 * in which something was: that is never lost. Who goes on with it keeps what the other changed in fields that they did not.
 */
export function useMadeFrom<V extends { version: number }, Mine>(draft: Draft<V, Mine>): MadeFrom<V> {
  const { newest, mine, mineOf, write } = draft;
  const [base, setBase] = useState(newest);
  const takeTheirs = () => {
    write(mineOf(newest));
    setBase(newest);
  };
  const isNewer = newest.version > base.version;
  const isKept = isNewer && !isAlike(mine, mineOf(base));
  if (isNewer && !isKept) takeTheirs();
  const { merged, both } = isKept ? mergedOf(mineOf(base), mineOf(newest), mine) : { merged: mine, both: [] };
  return {
    base,
    other: isKept ? newest : null,
    both,
    keepMine: () => {
      write(merged);
      setBase(newest);
    },
    takeTheirs,
    saved: setBase,
  };
}
