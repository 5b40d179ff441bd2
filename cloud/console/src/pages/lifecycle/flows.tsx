import { SegmentedControl, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { countsQuery, flowsQuery } from "../../api/lifecycle-queries.ts";
import type { LifecycleFlows } from "../../api/lifecycle-shapes.ts";
import { daysText, isForward, stageMeaning, stages, totalOf } from "../../core/lifecycle.ts";
import { countText, plural } from "../../core/numbers.ts";
import { DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { StageMark, StageStep } from "../../parts/stage-mark.tsx";
import { CountsChart } from "./counts-chart.tsx";
import { FlowPicture } from "./flow-picture.tsx";
import classes from "./lifecycle.module.css";

const route = getRouteApi("/lifecycle");
const usualDays = 30;
const periods = [
  { value: "7", label: "7 days" },
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "365", label: "a year" },
];

/** Where households went within a period. */
export function Flows() {
  const { days = usualDays } = route.useSearch();
  const navigate = route.useNavigate();
  const question = useQuery(flowsQuery(days));
  const counts = useQuery(countsQuery(days));
  const found = question.data;
  const choose = (value: string) => {
    const chosen = Number(value);
    void navigate({
      search: (before) => ({ ...before, days: chosen === 7 || chosen === 90 || chosen === 365 ? chosen : undefined }),
      replace: true,
    });
  };
  return (
    <>
      <SegmentedControl
        className={classes["period"] ?? ""}
        aria-label="Period"
        data={periods}
        value={String(days)}
        onChange={choose}
      />
      <QuestionNotice question={question} />
      {question.isPending && <Skeleton height={420} radius={10} />}
      {found !== undefined && totalOf(found.after) === 0 && <NoHouseholds />}
      {found !== undefined && totalOf(found.after) > 0 && (
        <>
          <StageTiles found={found} days={days} />
          <section className={page["card"]} aria-label="Flows between stages">
            <h2>Flows between stages</h2>
            <p className={page["note"]}>
              Left, where households were {daysText(days)} ago; right, where they are now. The thicker the band, the
              more took that way. Point at a stage, or go there with Tab, to see its own.
            </p>
            <FlowPicture flows={found.flows} before={`${daysText(days)} ago`} after="now" />
          </section>
          {counts.data !== undefined && <CountsChart items={counts.data.items} />}
          <Changes found={found} days={days} />
        </>
      )}
    </>
  );
}

const NoHouseholds = () => (
  <Empty title="No household has a stage yet">
    <p>
      A stage begins by itself: with a household that is known, an appliance that is paired, or the first program that
      is finished. From then on each change stands here with the facts that caused it.
    </p>
  </Empty>
);

function StageTiles({ found: { before, after }, days }: { found: LifecycleFlows; days: number }) {
  return (
    <ul className={classes["tiles"]} aria-label="Households by stage">
      {stages.map((stage) => {
        const change = after[stage] - before[stage];
        return (
          <li key={stage} className={classes["tile"]} data-stage={stage}>
            <StageMark stage={stage} />
            <span className={`${classes["tileCount"]} numbers`}>{countText(after[stage])}</span>
            <span className={classes["tileMore"]}>{stageMeaning[stage]}</span>
            <span className={`${classes["tileMore"]} numbers`}>
              {change === 0 ? "as many" : `${change > 0 ? "+" : "−"}${countText(Math.abs(change))}`} in {daysText(days)}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

/** Each change that happened meanwhile, with how fast. */
function Changes({ found: { changes }, days }: { found: LifecycleFlows; days: number }) {
  const all = changes.reduce((sum, one) => sum + one.changes, 0);
  return (
    <section className={page["card"]} aria-label="Changes">
      <h2>Changes, and how fast they came</h2>
      {changes.length === 0 ? (
        <p className={page["note"]}>Nobody changed their stage in {daysText(days)}.</p>
      ) : (
        <>
          <p className={page["note"]}>
            {plural(all, "change")} in {daysText(days)}. A household that changed twice counts twice.
          </p>
          <DataTable
            label="Changes of stage"
            rows={changes}
            keyOf={({ from, to }) => `${from} ${to}`}
            toneOf={({ from, to }) => (isForward(from, to) ? "plain" : "mind")}
            columns={[
              { name: "Change", lead: true, cell: ({ from, to }) => <StageStep from={from} to={to} /> },
              {
                name: "Changes",
                isNumber: true,
                cell: (one) => <span className="numbers">{countText(one.changes)}</span>,
              },
              {
                name: "After, median",
                isNumber: true,
                cell: ({ daysMedian }) => <span className="numbers">{daysText(daysMedian)}</span>,
              },
            ]}
          />
        </>
      )}
    </section>
  );
}
