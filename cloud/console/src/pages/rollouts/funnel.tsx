import type { Tally } from "../../api/rollout-shapes.ts";
import { countText } from "../../core/numbers.ts";
import { funnelShares, memberWords } from "../../core/rollouts.ts";
import classes from "./rollouts.module.css";

/** Where the appliances of a rollout or a stage stand, as one bar. Its legend says the same. */
export function FunnelBar({ tally, slim = false }: { tally: Tally; slim?: boolean }) {
  return (
    <div className={`${classes["bar"]} ${slim ? classes["slim"] : ""}`} aria-hidden="true">
      {funnelShares(tally).map(({ state, count }) => (
        <span
          key={state}
          className={`${classes["share"]} ${classes[memberWords[state].tone]}`}
          style={{ flexGrow: count, flexBasis: 0 }}
        />
      ))}
    </div>
  );
}

/** The bar with words and numbers. */
export function Funnel({ tally }: { tally: Tally }) {
  return (
    <div className={classes["funnel"]}>
      <FunnelBar tally={tally} />
      <ul className={classes["legend"]}>
        {funnelShares(tally).map(({ state, count }) => {
          const { words, meaning, tone } = memberWords[state];
          return (
            <li key={state} data-state={state}>
              <span className={`${classes["swatch"]} ${classes[tone]}`} aria-hidden="true" />
              <span>
                {words} <span className={`${classes["count"]} numbers`}>{countText(count)}</span>
              </span>
              <span className={classes["meaning"]}>{meaning}</span>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
