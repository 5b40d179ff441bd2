import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { estimateQuery } from "../../api/campaign-queries.ts";
import type { CampaignDefinition } from "../../api/campaign-shapes.ts";
import { useRights } from "../../api/rights.ts";
import { countText, plural } from "../../core/numbers.ts";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Reasons } from "./funnel.tsx";

const sum = (counts: Record<string, number>) => Object.values(counts).reduce((total, count) => total + count, 0);

/** Who would get it if it started now, and who would not and why. */
export function Estimate({ definition }: { definition: CampaignDefinition }) {
  const mayAsk = useRights()?.may("campaigns.write") === true;
  const question = useQuery({ ...estimateQuery(definition), enabled: mayAsk });
  const found = question.data;
  if (!mayAsk) return <p className={page["note"]}>Who writes campaigns sees here whom it would reach.</p>;
  return (
    <>
      <section className={page["card"]} aria-label="Estimate">
        <h2>If it started now</h2>
        {question.error !== null && <Notice error={question.error} mild />}
        {found === undefined && question.error === null && <Skeleton height={60} radius={10} />}
        {found !== undefined && found !== null && (
          <>
            <p>
              <strong className="numbers">{countText(sum(found.send))}</strong> of{" "}
              {plural(found.households, "household")} would get it at once,{" "}
              <strong className="numbers">{countText(sum(found.waiting))}</strong> later, and{" "}
              <strong className="numbers">{countText(sum(found.suppressed))}</strong> not at all.
              {found.human > 0 && ` Nothing but a person reaches ${countText(found.human)}.`}
              {found.appliances !== null && ` It is about ${plural(found.appliances, "appliance")}.`}
              {(found.neverRegistered ?? 0) > 0 &&
                ` ${plural(found.neverRegistered ?? 0, "more was", "more were")} made and never registered: those are on the list for letters.`}
            </p>
            {found.looked < found.households && (
              <p className={page["note"]}>
                Reckoned from {plural(found.looked, "household")} taken by chance; nothing is stored.
              </p>
            )}
          </>
        )}
      </section>
      {found !== undefined && found !== null && (
        <>
          <Reasons title="Would get it" counts={found.send} empty="Nobody would get it at once." />
          <Reasons title="Would not, and why" counts={found.suppressed} empty="Nobody would be left out." />
          {sum(found.waiting) > 0 && <Reasons title="Would wait" counts={found.waiting} empty="" />}
        </>
      )}
    </>
  );
}
