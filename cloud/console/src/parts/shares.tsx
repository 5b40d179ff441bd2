import { countText } from "../core/numbers.ts";
import classes from "./shares.module.css";

export type ShareTone = "waiting" | "moving" | "well" | "wrong" | "mind" | "over" | "rest";

/** One part of a whole: how much of it, in which words, and how it is to be read. */
export interface Share {
  name: string;
  words: string;
  meaning: string;
  tone: ShareTone;
  count: number;
}

/** The parts of a whole as one bar. Its legend, or the words beside it, say the same. */
export function SharesBar({ shares, slim = false }: { shares: readonly Share[]; slim?: boolean }) {
  return (
    <div className={`${classes["bar"]} ${slim ? classes["slim"] : ""}`} aria-hidden="true">
      {shares.map(({ name, tone, count }) => (
        <span key={name} className={`${classes["share"]} ${classes[tone]}`} style={{ flexGrow: count, flexBasis: 0 }} />
      ))}
    </div>
  );
}

/** The same parts in words and numbers. */
export function SharesLegend({ shares }: { shares: readonly Share[] }) {
  return (
    <ul className={classes["legend"]}>
      {shares.map(({ name, words, meaning, tone, count }) => (
        <li key={name} className={classes["entry"]} data-share={name}>
          <span className={`${classes["swatch"]} ${classes[tone]}`} aria-hidden="true" />
          <span>
            {words} <span className={`${classes["count"]} numbers`}>{countText(count)}</span>
          </span>
          <span className={classes["meaning"]}>{meaning}</span>
        </li>
      ))}
    </ul>
  );
}
