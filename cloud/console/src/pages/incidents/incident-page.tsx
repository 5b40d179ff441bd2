import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { incidentQuery, membersQuery } from "../../api/incident-queries.ts";
import type { IncidentDetail, IncidentMember } from "../../api/incident-shapes.ts";
import { useRights } from "../../api/rights.ts";
import { assignedWords } from "../../core/case-words.ts";
import { incidentStatusWords, memberSteps } from "../../core/incidents.ts";
import { countText, plural } from "../../core/numbers.ts";
import { Ago } from "../../parts/ago.tsx";
import { CauseLink } from "../../parts/cause-link.tsx";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Fact, Facts, History, MatterHead } from "../../parts/matter.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import { useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { StateMark } from "../../parts/state-mark.tsx";
import { WhatToDo } from "../../parts/what-to-do.tsx";
import { Who } from "../../parts/who.tsx";
import { IncidentActions } from "./incident-actions.tsx";
import classes from "./incidents.module.css";
import { MembersChart } from "./members-chart.tsx";

const route = getRouteApi("/incidents/$id");

/** One incident: what hits whom, since when, what they have in common, and what was done. */
export function IncidentPage() {
  const { id } = route.useParams();
  const question = useQuery(incidentQuery(id));
  const members = useQuery(membersQuery(id)).data;
  const mayWork = useRights()?.may("cases.write") === true;
  const found = question.data;
  return (
    <div className={page["page"]}>
      <title>{`${found?.title ?? "Incident"} · Hearth`}</title>
      <QuestionNotice question={question} />
      {found === undefined ? (
        question.error === null && <Skeleton height={320} radius={10} />
      ) : (
        <>
          <Head found={found} />
          {mayWork && <IncidentActions key={found.id} found={found} />}
          <IncidentFacts found={found} />
          <div className={classes["pair"]}>
            <div className={page["page"]}>
              <Over found={found} members={members?.items ?? []} isCut={members?.isCut === true} />
              <Members members={members?.items ?? []} />
            </div>
            <div className={page["page"]}>
              <WhatToDo known={found.causeArticle} cause={found.cause} model={found.model} />
              <InCommon found={found} />
              <Happened found={found} />
            </div>
          </div>
        </>
      )}
    </div>
  );
}

function Head({ found }: { found: IncidentDetail }) {
  const path = (
    <>
      <Link to="/incidents" search={{}}>
        Incidents
      </Link>{" "}
      / {found.model}
    </>
  );
  return (
    <MatterHead title={found.title} path={path} severity={found.severity} status={incidentStatusWords[found.status]}>
      <span className="numbers">
        {plural(found.members, "appliance")}, {clearedWords(found)}
      </span>
    </MatterHead>
  );
}

function clearedWords({ members, standing }: IncidentDetail): string {
  if (standing === members) return "none has cleared so far";
  return standing === 0 ? "all have cleared" : `${countText(members - standing)} cleared so far`;
}

function IncidentFacts({ found }: { found: IncidentDetail }) {
  return (
    <Facts aRow={6}>
      <Fact name="Cause">
        <CauseLink cause={found.cause} model={found.model} />
      </Fact>
      <Fact name="Model">{found.model}</Fact>
      <Fact name="Began">
        <Ago atMs={found.firstAtMs} />
      </Fact>
      <Fact name="Last one to get it">
        <Ago atMs={found.lastRaisedAtMs} />
      </Fact>
      <Fact name="Who has it">
        {found.assignee === null ? <span className={page["soft"]}>nobody</span> : <Who principal={found.assignee} />}
      </Fact>
      <Fact name="Found by">
        <FoundBy found={found} />
      </Fact>
    </Facts>
  );
}

function FoundBy({ found: { ruleId, kind } }: { found: IncidentDetail }) {
  if (ruleId === null) return kind === "release" ? "the watch over releases" : "the watch over silence";
  return (
    <Link to="/rules/$id" params={{ id: ruleId }}>
      a rule
    </Link>
  );
}

function Over({
  found,
  members,
  isCut,
}: {
  found: IncidentDetail;
  members: readonly IncidentMember[];
  isCut: boolean;
}) {
  const nowMs = useNow();
  const steps = useMemo(() => memberSteps(members), [members]);
  const untilMs = found.status === "resolved" ? found.statusAtMs : nowMs;
  return (
    <section className={page["card"]} aria-label="Over time">
      <h2>Over time</h2>
      {isCut && <p className={page["note"]}>Of the first {countText(members.length)} members.</p>}
      <MembersChart steps={steps} untilMs={Math.max(untilMs, (steps.at(-1)?.atMs ?? 0) + 1)} />
    </section>
  );
}

/** What they share, most frequent first: often the cause itself. */
function InCommon({ found: { common, members } }: { found: IncidentDetail }) {
  const parts = [
    ["Firmware", common.firmware],
    ["Hardware", common.hardware],
    ["Country", common.country],
  ] as const;
  return (
    <section className={page["card"]} aria-label="What they have in common">
      <h2>What they have in common</h2>
      {parts.map(([name, values]) => (
        <div key={name} className={classes["split"]}>
          <h3>{name}</h3>
          <ul>
            {values.map(({ value, members: count }) => (
              <li key={value ?? ""}>
                <span>{value ?? "not known"}</span>
                <span className="numbers">
                  {countText(count)} ({Math.round((100 * count) / Math.max(1, members))} %)
                </span>
                <span className={classes["track"]} aria-hidden="true">
                  <span style={{ width: `${(100 * count) / Math.max(1, members)}%` }} />
                </span>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}

const columns: Column<IncidentMember>[] = [
  {
    name: "Appliance",
    lead: true,
    cell: ({ deviceId, raisedAtMs }) => (
      <Link
        to="/devices/$id"
        params={{ id: deviceId }}
        search={{ from: raisedAtMs - 1_800_000, to: raisedAtMs + 1_800_000 }}
      >
        {deviceId}
      </Link>
    ),
  },
  { name: "Since", cell: ({ raisedAtMs }) => <Ago atMs={raisedAtMs} /> },
  {
    name: "Now",
    cell: ({ clearedAtMs }) =>
      clearedAtMs === null ? (
        <StateMark tone="mind">has it still</StateMark>
      ) : (
        <StateMark tone="well">
          cleared <Ago atMs={clearedAtMs} />
        </StateMark>
      ),
  },
  {
    name: "Its own case",
    cell: ({ caseId }) =>
      caseId === null ? null : (
        <Link to="/cases/$id" params={{ id: caseId }}>
          Open the case
        </Link>
      ),
  },
];

/** As many as are read before somebody asks for more. */
const shownMax = 10;

function Members({ members }: { members: readonly IncidentMember[] }) {
  const [all, setAll] = useState(false);
  const shown = all ? members : members.slice(0, shownMax);
  return (
    <section className={page["page"]} aria-label="Members">
      <h2>Its members</h2>
      <DataTable label="Members" columns={columns} rows={shown} keyOf={({ deviceId }) => deviceId} />
      {shown.length < members.length && (
        <button type="button" className={`${page["asLink"]} ${classes["all"]}`} onClick={() => setAll(true)}>
          Show all {countText(members.length)}
        </button>
      )}
    </section>
  );
}

const entryWords = {
  opened: "Opened",
  reopened: "Came back",
  graver: "A rule found it graver",
  settling: "Nearly all have cleared: it settles",
  resolved: "Resolved",
  note: "Note",
} as const;

const Happened = ({ found }: { found: IncidentDetail }) => (
  <History
    entries={found.entries}
    words={({ kind, by, data }, nameOf) =>
      kind === "assigned" ? assignedWords({ by, data }, nameOf) : entryWords[kind]
    }
    textOf={({ text }) => text}
  />
);
