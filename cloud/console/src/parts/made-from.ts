import { useState } from "react";

/** A version of what is written in a form. */
export interface Version {
  version: number;
  createdBy: string;
  createdAtMs: number;
}

export interface MadeFrom<V> {
  /** The version that the draft was begun with: what a change names. */
  base: V;
  /** What somebody else put there since; null where nobody did, or nothing was written yet. */
  other: V | null;
  /** Goes on with the draft as it is, in the knowledge of the other. */
  keepMine: () => void;
  takeTheirs: () => void;
  /** After one's own change. */
  saved: (version: V) => void;
}

/**
 * Which version somebody's draft was made from. A newer one takes the place of a draft in which nothing was written, and leaves one alone
 * in which something was: that is never lost.
 */
export function useMadeFrom<V extends { version: number }>(
  newest: V,
  isWritten: (base: V) => boolean,
  begin: (version: V) => void,
): MadeFrom<V> {
  const [base, setBase] = useState(newest);
  const takeTheirs = () => {
    begin(newest);
    setBase(newest);
  };
  const isNewer = newest.version > base.version;
  const isKept = isNewer && isWritten(base);
  if (isNewer && !isKept) takeTheirs();
  return { base, other: isKept ? newest : null, keepMine: () => setBase(newest), takeTheirs, saved: setBase };
}
