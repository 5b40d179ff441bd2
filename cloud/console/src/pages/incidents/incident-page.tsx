import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { incidentQuery, membersQuery } from "../../api/incident-queries.ts";
import type { IncidentDetail, IncidentMember } from "../../api/incident-shapes.ts";
import { useRights } from "../../api/rights.ts";
import { assignedWords, causeWords } from "../../core/case-words.ts";
import { incidentStatusWords, memberSteps } from "../../core/incidents.ts";
import { countText, plural } from "../../core/numbers.ts";
import { Ago } from "../../parts/ago.tsx";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import { useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { SeverityMark } from "../../parts/severity.tsx";
import { StateMark } from "../../parts/state-mark.tsx";
import { useNameOf, Who } from "../../parts/who.tsx";
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
          <Facts found={found} />
          <div className={classes["pair"]}>
            <div className={page["page"]}>
              <Over found={found} members={members?.items ?? []} isCut={members?.isCut === true} />
              <Members members={members?.items ?? []} />
            </div>
            <div className={page["page"]}>
              <InCommon found={found} />
              <History found={found} />
            </div>
          </div>
        </>
      )}
    </div>
  );
}

function Head({ found }: { found: IncidentDetail }) {
  const { words, tone } = incidentStatusWords[found.status];
  return (
    <div>
      <p className={page["soft"]}>
        <Link to="/incidents" search={{}}>
          Incidents
        </Link>{" "}
        / {found.model}
      </p>
      <h1>{found.title}</h1>
      <p className={classes["marks"]}>
        <SeverityMark severity={found.severity} />
        <StateMark tone={tone}>{words}</StateMark>
        <span className="numbers">
          {plural(found.members, "appliance")}, {clearedWords(found)}
        </span>
      </p>
    </div>
  );
}

function clearedWords({ members, standing }: IncidentDetail): string {
  if (standing === members) return "none has cleared so far";
  return standing === 0 ? "all have cleared" : `${countText(members - standing)} cleared so far`;
}

function Facts({ found }: { found: IncidentDetail }) {
  return (
    <dl className={classes["facts"]}>
      <div>
        <dt>Cause</dt>
        <dd>{causeWords(found.cause)}</dd>
      </div>
      <div>
        <dt>Model</dt>
        <dd>{found.model}</dd>
      </div>
      <div>
        <dt>Began</dt>
        <dd>
          <Ago atMs={found.firstAtMs} />
        </dd>
      </div>
      <div>
        <dt>Last one to get it</dt>
        <dd>
          <Ago atMs={found.lastRaisedAtMs} />
        </dd>
      </div>
      <div>
        <dt>Who has it</dt>
        <dd>
          {found.assignee === null ? <span className={page["soft"]}>nobody</span> : <Who principal={found.assignee} />}
        </dd>
      </div>
      <div>
        <dt>Found by</dt>
        <dd>
          {found.ruleId === null ? (
            found.kind === "release" ? (
              "the watch over releases"
            ) : (
              "the watch over silence"
            )
          ) : (
            <Link to="/rules/$id" params={{ id: found.ruleId }}>
              a rule
            </Link>
          )}
        </dd>
      </div>
    </dl>
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
        <button type="button" className={classes["all"]} onClick={() => setAll(true)}>
          Show all {countText(members.length)}
        </button>
      )}
    </section>
  );
}

const entryWords = {
  opened: "Opened",
  reopened: "Came back",
  settling: "Nearly all have cleared: it settles",
  resolved: "Resolved",
  note: "Note",
} as const;

function History({ found }: { found: IncidentDetail }) {
  const nameOf = useNameOf();
  return (
    <section className={page["card"]} aria-label="What happened">
      <h2>What happened</h2>
      <ol className={classes["history"]}>
        {found.entries.toReversed().map(({ sequence, kind, atMs, by, text, data }) => (
          <li key={sequence}>
            <span>{kind === "assigned" ? assignedWords({ by, data }, nameOf) : entryWords[kind]}</span>
            <span className={classes["small"]}>
              {nameOf(by)}, <Ago atMs={atMs} />
            </span>
            {text !== null && <span className={classes["words"]}>{text}</span>}
          </li>
        ))}
      </ol>
    </section>
  );
}
