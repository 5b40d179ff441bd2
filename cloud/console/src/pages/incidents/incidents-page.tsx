import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { firmwareWatchQuery, incidentsQuery } from "../../api/incident-queries.ts";
import type { Incident, WatchedRelease } from "../../api/incident-shapes.ts";
import { incidentStatusWords } from "../../core/incidents.ts";
import { countText, plural } from "../../core/numbers.ts";
import { Ago } from "../../parts/ago.tsx";
import { useCauseName } from "../../parts/cause-name.ts";
import { AssigneeSelect } from "../../parts/assignee-select.tsx";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import matter from "../../parts/matter.module.css";
import page from "../../parts/page.module.css";
import { Paged } from "../../parts/paged.tsx";
import { ServiceTabs } from "../../parts/service-tabs.tsx";
import { SeverityMark } from "../../parts/severity.tsx";
import { StateMark } from "../../parts/state-mark.tsx";
import { Who } from "../../parts/who.tsx";

const route = getRouteApi("/incidents");

const columns: Column<Incident>[] = [
  {
    name: "Incident",
    lead: true,
    cell: (one) => <Title one={one} />,
  },
  { name: "Severity", cell: ({ severity }) => <SeverityMark severity={severity} /> },
  {
    name: "Status",
    cell: ({ status }) => (
      <StateMark tone={incidentStatusWords[status].tone}>{incidentStatusWords[status].words}</StateMark>
    ),
  },
  {
    name: "Appliances",
    cell: ({ members, standing }) => (
      <span className="numbers">
        {countText(members)},{" "}
        {standing === 0
          ? "none of them has it still"
          : standing === members
            ? "all of them still have it"
            : `${countText(standing)} still have it`}
      </span>
    ),
  },
  {
    name: "Who has it",
    cell: ({ assignee }) =>
      assignee === null ? <span className={page["soft"]}>nobody</span> : <Who principal={assignee} />,
  },
  { name: "Began", cell: ({ firstAtMs }) => <Ago atMs={firstAtMs} /> },
];

function Title({ one: { id, title, cause, model } }: { one: Incident }) {
  const name = useCauseName()(cause, model);
  return (
    <div className={matter["title"]}>
      <Link to="/incidents/$id" params={{ id }} className={matter["titleLink"]}>
        {title}
      </Link>
      <span className={matter["small"]}>{name === title ? model : `${name} · ${model}`}</span>
    </div>
  );
}

/** One cause that hits many appliances at once: one line each, instead of a case for each appliance. */
export function IncidentsPage() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const question = useQuery(incidentsQuery({ ...search, status: search.status ?? "unresolved" }));
  return (
    <div className={page["page"]}>
      <title>Incidents · Hearth</title>
      <h1>Incidents</h1>
      <ServiceTabs current="incidents" />
      <div className={page["actions"]}>
        <NativeSelect
          label="Which"
          value={search.status ?? ""}
          onChange={(event) => {
            const { value } = event.currentTarget;
            const status = value === "resolved" || value === "all" ? value : undefined;
            void navigate({ to: "/incidents", search: { ...search, status, cursor: undefined } });
          }}
          data={[
            { value: "", label: "Not resolved" },
            { value: "resolved", label: "Resolved" },
            { value: "all", label: "All" },
          ]}
        />
        <AssigneeSelect
          label="Who has it"
          none="Anybody"
          more={[
            { value: "me", label: "Me" },
            { value: "none", label: "Nobody" },
          ]}
          value={search.assignee ?? ""}
          onChange={(assignee) =>
            void navigate({
              to: "/incidents",
              search: { ...search, assignee: assignee === "" ? undefined : assignee, cursor: undefined },
            })
          }
        />
      </div>
      <Paged
        question={question}
        cursor={search.cursor}
        onCursor={(cursor) => void navigate({ to: "/incidents", search: { ...search, cursor } })}
        words={(count) => plural(count, "incident")}
        height={160}
        none={<NoIncidents isFiltered={search.status !== undefined || search.assignee !== undefined} />}
      >
        {(items) => (
          <DataTable
            label="Incidents"
            columns={columns}
            rows={items}
            keyOf={({ id }) => id}
            toneOf={({ severity, status }) => (severity === "safety" && status !== "resolved" ? "wrong" : "plain")}
            stale={question.isPlaceholderData}
          />
        )}
      </Paged>
      <FirmwareWatch />
    </div>
  );
}

const verdicts = {
  too_little: { words: "Too few to say", tone: "plain" },
  sound: { words: "Sound", tone: "well" },
  worse: { words: "Worse", tone: "wrong" },
} as const;

const watchColumns: Column<WatchedRelease>[] = [
  {
    name: "Release",
    lead: true,
    cell: ({ model, version }) => (
      <strong>
        {model} {version}
      </strong>
    ),
  },
  {
    name: "Verdict",
    cell: ({ verdict }) => <StateMark tone={verdicts[verdict].tone}>{verdicts[verdict].words}</StateMark>,
  },
  { name: "Compared", cell: ({ figures: { devices } }) => plural(devices, "appliance") },
  { name: "Fault only after", cell: ({ figures: { onlyAfter } }) => countText(onlyAfter) },
  { name: "Fault only before", cell: ({ figures: { onlyBefore } }) => countText(onlyBefore) },
  { name: "Judged", cell: ({ judgedAtMs }) => <Ago atMs={judgedAtMs} /> },
];

function FirmwareWatch() {
  const items = useQuery(firmwareWatchQuery).data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <section className={page["page"]} aria-label="Releases under watch">
      <h2>Releases under watch</h2>
      <p className={page["note"]}>
        Each appliance that went over is compared with itself: faults before, and faults after. A release that is worse
        opens one incident.
      </p>
      <DataTable
        label="Releases under watch"
        columns={watchColumns}
        rows={items}
        keyOf={({ model, version }) => `${model} ${version}`}
      />
    </section>
  );
}

const NoIncidents = ({ isFiltered }: { isFiltered: boolean }) => (
  <Empty title={isFiltered ? "No incident is among these" : "No incident is under way"}>
    <p>
      When one cause hits many appliances of a model within ten minutes (more than 20, and more than a hundredth of
      them), that is one incident with members, not a case for each. Appliances with a safety matter keep cases of their
      own.
    </p>
  </Empty>
);
