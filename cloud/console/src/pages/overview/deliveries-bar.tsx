import { phaseShares } from "../../core/deliveries.ts";
import { countText, plural } from "../../core/numbers.ts";
import { EndedBadly } from "./ended-badly.tsx";
import classes from "./deliveries-bar.module.css";
import page from "./overview.module.css";

/** What became of everything that was sent down: one bar, and the same in words and numbers. */
export function DeliveriesBar({ deliveries }: { deliveries: Readonly<Record<string, number>> }) {
  const shares = phaseShares(deliveries);
  const total = shares.reduce((sum, share) => sum + share.count, 0);
  return (
    <section className={page["card"]} aria-label="Deliveries">
      <div className={page["cardHead"]}>
        <h2>Deliveries</h2>
        {total > 0 && <span className={`${classes["total"]} numbers`}>{plural(total, "delivery", "deliveries")}</span>}
      </div>
      {total === 0 ? (
        <p className={classes["none"]}>
          Nothing was sent to an appliance yet. Firmware, recipes, messages and commands show here, with what became of
          them.
        </p>
      ) : (
        <>
          <div className={classes["bar"]} aria-hidden="true">
            {shares.map(({ phase, tone, count }) => (
              <span
                key={phase}
                className={`${classes["share"]} ${classes[tone]}`}
                style={{ flexGrow: count, flexBasis: 0 }}
              />
            ))}
          </div>
          <ul className={classes["legend"]}>
            {shares.map(({ phase, words, meaning, tone, count }) => (
              <li key={phase} className={classes["entry"]}>
                <span className={`${classes["swatch"]} ${classes[tone]}`} aria-hidden="true" />
                <span>
                  {words} <span className={`${classes["count"]} numbers`}>{countText(count)}</span>
                </span>
                <span className={classes["meaning"]}>{meaning}</span>
              </li>
            ))}
          </ul>
          {(deliveries["failed"] ?? 0) > 0 && <EndedBadly phase="failed" />}
          {(deliveries["rejected"] ?? 0) > 0 && <EndedBadly phase="rejected" />}
        </>
      )}
    </section>
  );
}
