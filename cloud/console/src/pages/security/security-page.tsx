import { Button, NativeSelect, SegmentedControl, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { securityQuery } from "../../api/queries.ts";
import { useRights } from "../../api/rights.ts";
import type { SecurityEvent } from "../../api/shapes.ts";
import { countText, plural } from "../../core/numbers.ts";
import { byText, kindName, securityKindNames } from "../../core/security.ts";
import { securitySearch, type SecuritySearch } from "../../core/url-state.ts";
import { Ago } from "../../parts/ago.tsx";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { AlertIcon } from "../../parts/icons.tsx";
import { NotForThisRole } from "../../parts/not-for-this-role.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Pager } from "../../parts/pager.tsx";
import { TypedFilter } from "../../parts/typed-filter.tsx";
import { DayChart } from "./day-chart.tsx";

const route = getRouteApi("/security");

/** What was refused, guessed at, taken over and revoked. */
export function SecurityPage() {
  const rights = useRights();
  return (
    <div className={page["page"]}>
      <title>Security · Hearth</title>
      <h1>Security</h1>
      {rights !== undefined &&
        (rights.may("security.read") ? <Events /> : <NotForThisRole role={rights.role} what="Security events" />)}
    </div>
  );
}

function Events() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const question = useQuery(securityQuery(search));
  const items = question.data?.items ?? [];
  const { cursor, ...filters } = search;
  const isFiltered = Object.values(filters).some((value) => value !== undefined);
  const change = (part: SecuritySearch) =>
    void navigate({ to: "/security", search: (now) => ({ ...securitySearch(now), cursor: undefined, ...part }) });
  return (
    <>
      <DayChart />
      <Filters search={search} onChange={change} />
      <QuestionNotice question={question} />
      {question.isPending && <Skeleton height={280} radius={10} />}
      {question.data !== undefined && items.length === 0 && <NoEvents isFiltered={isFiltered} />}
      {items.length > 0 && (
        <>
          <DataTable
            label="Security events"
            columns={columns}
            rows={items}
            keyOf={({ id }) => id}
            toneOf={({ severity }) => tones[severity]}
            stale={question.isPlaceholderData}
          />
          <Pager
            words={plural(items.length, "event")}
            cursor={cursor}
            nextCursor={question.data?.nextCursor ?? null}
            onCursor={(next) => change({ cursor: next })}
          />
        </>
      )}
    </>
  );
}

const tones = { info: "plain", warning: "mind", alert: "wrong" } as const;
const severityWords = { info: "Info", warning: "Warning", alert: "Alert" } as const;

const columns: readonly Column<SecurityEvent>[] = [
  { name: "Severity", cell: ({ severity }) => <Severity severity={severity} />, lead: true },
  { name: "What happened", cell: ({ title }) => title, lead: true },
  { name: "Times", cell: ({ count }) => <span className="numbers">{countText(count)}</span> },
  { name: "From", cell: ({ address }) => (address === null ? null : <code>{address}</code>) },
  { name: "Who", cell: (event) => whoOf(event) },
  { name: "Last", cell: ({ lastAtMs }) => <Ago atMs={lastAtMs} /> },
];

function Severity({ severity }: { severity: SecurityEvent["severity"] }) {
  const tone = tones[severity];
  return (
    <span className={`${page["mark"]} ${tone === "plain" ? page["soft"] : page[tone]}`}>
      {tone !== "plain" && <AlertIcon />}
      {severityWords[severity]}
    </span>
  );
}

function whoOf({ deviceId, name, by }: SecurityEvent) {
  if (deviceId !== null) {
    return (
      <span>
        <Link to="/devices/$id" params={{ id: deviceId }} search={{}}>
          {deviceId}
        </Link>
        {by !== null && <By by={by} />}
      </span>
    );
  }
  if (by !== null) return <By by={by} />;
  // Nothing says that they are it.
  return name === null ? null : <span>said “{name}”</span>;
}

const By = ({ by }: { by: string }) => (
  <span className={page["soft"]} title={by}>
    {" "}
    by {byText(by)}
  </span>
);

const severities = [
  { value: "", label: "All" },
  { value: "alert", label: "Alerts" },
  { value: "warning", label: "Warnings" },
  { value: "info", label: "Info" },
];

function Filters({ search, onChange }: { search: SecuritySearch; onChange: (part: SecuritySearch) => void }) {
  const kinds = Object.keys(securityKindNames).map((kind) => ({ value: kind, label: kindName(kind) }));
  return (
    <search className={page["filters"]}>
      <SegmentedControl
        aria-label="Severity"
        size="sm"
        value={search.severity ?? ""}
        onChange={(value) => onChange({ severity: securitySearch({ severity: value }).severity })}
        data={severities}
      />
      <NativeSelect
        label="Kind"
        size="sm"
        value={search.kind ?? ""}
        onChange={(event) => onChange({ kind: event.currentTarget.value || undefined })}
        data={[{ value: "", label: "All kinds" }, ...kinds]}
      />
      <TypedFilter label="Appliance" value={search.device} onChange={(device) => onChange({ device })} />
      <TypedFilter label="Address" value={search.address} onChange={(address) => onChange({ address })} />
    </search>
  );
}

function NoEvents({ isFiltered }: { isFiltered: boolean }) {
  const navigate = useNavigate();
  if (!isFiltered) {
    return (
      <Empty title="Nothing to report">
        <p>
          Refused logins and certificates, guessing, connections that took another’s place, and everything that people
          do to credentials will show here, gathered by address and name. Events are kept for 90 days.
        </p>
      </Empty>
    );
  }
  return (
    <Empty title="No event fits these filters">
      <p>An appliance is given by its whole id, and an address as an event shows it.</p>
      <Button
        variant="default"
        style={{ justifySelf: "start" }}
        onClick={() => void navigate({ to: "/security", search: {} })}
      >
        Show all events
      </Button>
    </Empty>
  );
}
