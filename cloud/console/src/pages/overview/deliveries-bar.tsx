import { phaseShares } from "../../core/deliveries.ts";
import { plural } from "../../core/numbers.ts";
import { SharesBar, SharesLegend } from "../../parts/shares.tsx";
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
          <SharesBar shares={shares} />
          <SharesLegend shares={shares} />
          {(deliveries["failed"] ?? 0) > 0 && <EndedBadly phase="failed" />}
          {(deliveries["rejected"] ?? 0) > 0 && <EndedBadly phase="rejected" />}
        </>
      )}
    </section>
  );
}
