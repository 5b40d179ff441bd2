import { Button, Skeleton } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { connectionsQuery } from "../../api/queries.ts";
import { useRights } from "../../api/rights.ts";
import type { Connection } from "../../api/shapes.ts";
import { loginText, viaText } from "../../core/connections.ts";
import { absoluteText, clockText, dateText, durationText } from "../../core/time.ts";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { CheckIcon } from "../../parts/icons.tsx";
import { NotForThisRole } from "../../parts/not-for-this-role.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import { useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";

/** When the appliance was connected, from where, and why each connection ended. */
export function ConnectionsTab({ id, timeZone }: { id: string; timeZone: string }) {
  const rights = useRights();
  if (rights === undefined) return null;
  if (!rights.may("devices.connections")) return <NotForThisRole role={rights.role} what="Connections" />;
  return <Connections id={id} timeZone={timeZone} />;
}

function Connections({ id, timeZone }: { id: string; timeZone: string }) {
  const question = useInfiniteQuery(connectionsQuery(id));
  const rows = question.data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <>
      <QuestionNotice question={question} />
      {question.isPending && <Skeleton height={220} radius={10} />}
      {question.data !== undefined && rows.length === 0 && (
        <Empty title="It has never been connected">
          <p>
            Each of its connections will show here, with its address, what it logged in with and why it ended. Logins
            that are refused are security events.
          </p>
        </Empty>
      )}
      {rows.length > 0 && (
        <DataTable
          label="Connections"
          columns={columnsIn(timeZone)}
          rows={rows}
          keyOf={({ fromMs, toMs, address }) => `${fromMs} ${toMs} ${address}`}
        />
      )}
      {question.hasNextPage && (
        <Button
          variant="default"
          style={{ justifySelf: "start" }}
          loading={question.isFetchingNextPage}
          onClick={() => void question.fetchNextPage()}
        >
          Show older ones
        </Button>
      )}
      <p className={page["note"]}>Addresses are personal data: they are kept for 90 days.</p>
    </>
  );
}

const columnsIn = (timeZone: string): readonly Column<Connection>[] => [
  {
    name: "State",
    lead: true,
    cell: ({ open, ended }) =>
      open ? (
        <span className={`${page["mark"]} ${page["well"]}`}>
          <CheckIcon />
          Connected now
        </span>
      ) : (
        (ended ?? "Ended.")
      ),
  },
  { name: "From", cell: ({ fromMs }) => <Moment atMs={fromMs} timeZone={timeZone} /> },
  { name: "To", cell: ({ toMs }) => (toMs === null ? null : <Moment atMs={toMs} timeZone={timeZone} />) },
  { name: "How long", cell: (connection) => <HowLong connection={connection} /> },
  { name: "Address", cell: ({ address }) => (address === null ? null : <code>{address}</code>) },
  { name: "Over", cell: ({ via }) => (via === null ? null : viaText[via]) },
  { name: "Login", cell: ({ login }) => (login === null ? null : loginText[login]) },
];

const Moment = ({ atMs, timeZone }: { atMs: number; timeZone: string }) => (
  <time dateTime={new Date(atMs).toISOString()} title={absoluteText(atMs, timeZone)} className="numbers">
    {dateText(atMs, timeZone)}, {clockText(atMs, timeZone)}
  </time>
);

function HowLong({ connection: { fromMs, toMs, open } }: { connection: Connection }) {
  const nowMs = useNow();
  const endMs = open ? nowMs : toMs;
  return <span className="numbers">{endMs === null ? "not known" : durationText(endMs - fromMs)}</span>;
}
