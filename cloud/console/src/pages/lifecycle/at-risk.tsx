import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { atRiskQuery } from "../../api/lifecycle-queries.ts";
import type { AtRiskAnswer, HouseholdAtRisk, LifecycleCause } from "../../api/lifecycle-shapes.ts";
import { riskWords } from "../../core/lifecycle.ts";
import { countText, plural } from "../../core/numbers.ts";
import { Ago } from "../../parts/ago.tsx";
import { DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Pager } from "../../parts/pager.tsx";
import { HouseholdLink } from "../../parts/household-link.tsx";
import { StageMark } from "../../parts/stage-mark.tsx";
import classes from "./lifecycle.module.css";

const route = getRouteApi("/lifecycle");

/** Whom to look after this week, and why. */
export function AtRisk() {
  const { cursor } = route.useSearch();
  const navigate = route.useNavigate();
  const question = useQuery(atRiskQuery(cursor));
  const found = question.data;
  if (found === undefined)
    return (
      <>
        <QuestionNotice question={question} />
        {question.isPending && <Skeleton height={320} radius={10} />}
      </>
    );
  const { items, lost, households, nextCursor } = found;
  return (
    <>
      <QuestionNotice question={question} />
      {households === 0 && lost.length === 0 && (
        <Empty title="Nobody is at risk this week">
          <p>
            A household comes here when it uses its appliances less than it usually does, gives bad feedback, has
            several faults or an open case, never starts, or withdraws its consent to marketing. The worst stands first.
          </p>
        </Empty>
      )}
      {households > 0 && (
        <>
          <Causes found={found} />
          <section className={page["card"]} aria-label="At risk this week">
            <h2>At risk this week</h2>
            <DataTable
              label="Households at risk"
              rows={items}
              keyOf={({ householdId }) => householdId}
              columns={riskColumns}
              stale={question.isPlaceholderData}
            />
            <Pager
              words={`${plural(items.length, "household")} of ${countText(households)}`}
              cursor={cursor}
              nextCursor={nextCursor}
              onCursor={(next) => {
                void navigate({ search: (before) => ({ ...before, cursor: next }) });
              }}
            />
          </section>
        </>
      )}
      {lost.length > 0 && <Lost lost={lost} />}
    </>
  );
}

const CauseList = ({ causes }: { causes: readonly LifecycleCause[] }) => (
  <ul className={classes["causes"]}>
    {causes.map(({ kind, atMs, text }) => (
      <li key={`${kind} ${atMs}`}>{text}</li>
    ))}
  </ul>
);

const riskColumns = [
  {
    name: "Household",
    lead: true,
    cell: ({ householdId, name }: HouseholdAtRisk) => <HouseholdLink id={householdId} name={name} />,
  },
  { name: "Stage", cell: ({ stage }: HouseholdAtRisk) => <StageMark stage={stage} /> },
  {
    name: "Because",
    cell: ({ risks }: HouseholdAtRisk) => <CauseList causes={risks.flatMap(({ causes }) => causes)} />,
  },
  {
    name: "Lost",
    cell: ({ lostAtMs }: HouseholdAtRisk) =>
      lostAtMs === null ? null : (
        <>
          if silent, <Ago atMs={lostAtMs} />
        </>
      ),
  },
];

/** What endangers most, as bars with words. */
function Causes({ found: { byKind, households } }: { found: AtRiskAnswer }) {
  return (
    <section className={page["card"]} aria-label="Top causes">
      <h2>
        {plural(households, "household")} at risk: the top {byKind.length === 1 ? "cause" : "causes"}
      </h2>
      <ol className={classes["bars"]}>
        {byKind.map(({ kind, households: count }) => (
          <li key={kind}>
            <span>{riskWords[kind]}</span>
            <span className={classes["track"]} aria-hidden="true">
              <span style={{ width: `${(100 * count) / households}%` }} />
            </span>
            <strong className="numbers">{countText(count)}</strong>
          </li>
        ))}
      </ol>
    </section>
  );
}

const Lost = ({ lost }: { lost: AtRiskAnswer["lost"] }) => (
  <section className={page["card"]} aria-label="Lost within the last seven days">
    <h2>Lost within the last seven days</h2>
    <p className={page["note"]}>They can still be won back. Who left in anger has a case, so that a person calls.</p>
    <DataTable
      label="Households that were lost"
      rows={lost}
      keyOf={({ householdId }) => householdId}
      columns={[
        { name: "Household", lead: true, cell: (one) => <HouseholdLink id={one.householdId} name={one.name} /> },
        { name: "Was in", cell: ({ from }) => (from === null ? null : <StageMark stage={from} />) },
        { name: "Because", cell: ({ causes }) => <CauseList causes={causes} /> },
        { name: "When", cell: ({ atMs }) => <Ago atMs={atMs} /> },
      ]}
    />
  </section>
);
