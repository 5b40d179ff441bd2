import type { Tally } from "../../api/rollout-shapes.ts";
import { funnelShares } from "../../core/rollouts.ts";
import { SharesBar, SharesLegend } from "../../parts/shares.tsx";

/** Where the appliances of a rollout or a stage stand, as one thin bar. */
export const FunnelBar = ({ tally }: { tally: Tally }) => <SharesBar shares={funnelShares(tally)} slim />;

/** The bar with words and numbers. */
export function Funnel({ tally }: { tally: Tally }) {
  const shares = funnelShares(tally);
  return (
    <>
      <SharesBar shares={shares} />
      <SharesLegend shares={shares} />
    </>
  );
}
