import { Button, NativeSelect } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../../api/client.ts";
import { noticeDeliveriesQuery, noticeDeliveryPath, noticeDeliveryQuery } from "../../api/notice-queries.ts";
import type { NoticeChannel, NoticeDelivery } from "../../api/notice-shapes.ts";
import { noticeStatusWords } from "../../core/notices.ts";
import { plural } from "../../core/numbers.ts";
import type { NoticesSearch } from "../../core/service-url.ts";
import { Ago } from "../../parts/ago.tsx";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Notice, QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Pager } from "../../parts/pager.tsx";
import { StateMark } from "../../parts/state-mark.tsx";
import told from "../../parts/told.module.css";

interface NoticeDeliveriesProps {
  search: NoticesSearch;
  channels: readonly NoticeChannel[];
  mayWrite: boolean;
  onSearch: (search: NoticesSearch) => void;
}

/** The last messages to staff, each with every attempt to send it. */
export function NoticeDeliveries({ search, channels, mayWrite, onSearch }: NoticeDeliveriesProps) {
  const question = useQuery(noticeDeliveriesQuery(search));
  const [shown, setShown] = useState<string | null>(null);
  const items = question.data?.items ?? [];
  const nameOf = (id: string) => channels.find((one) => one.id === id)?.name ?? "a channel";
  const columns: Column<NoticeDelivery>[] = [
    {
      name: "Message",
      lead: true,
      cell: ({ notices, channelId }) => `${plural(notices, "notice")} to ${nameOf(channelId)}`,
    },
    {
      name: "Status",
      cell: ({ status }) => (
        <StateMark tone={noticeStatusWords[status].tone}>{noticeStatusWords[status].words}</StateMark>
      ),
    },
    {
      name: "Attempts",
      cell: ({ id, attempts }) => (
        <Button variant="default" size="compact-sm" w="fit-content" onClick={() => setShown(id)}>
          {plural(attempts, "attempt")}
        </Button>
      ),
    },
    { name: "Next", cell: ({ nextAtMs }) => (nextAtMs === null ? null : <Ago atMs={nextAtMs} />) },
    { name: "Made", cell: ({ createdAtMs }) => <Ago atMs={createdAtMs} /> },
  ];
  return (
    <section className={page["page"]} aria-label="Last messages">
      <div className={page["head"]}>
        <h2>Last messages</h2>
        <NativeSelect
          label="To"
          size="sm"
          value={search.channel ?? ""}
          onChange={(event) => {
            const { value } = event.currentTarget;
            onSearch({ channel: value === "" ? undefined : value });
          }}
          data={[{ value: "", label: "All channels" }, ...channels.map(({ id, name }) => ({ value: id, label: name }))]}
        />
      </div>
      <QuestionNotice question={question} />
      {items.length === 0 ? (
        <p className={page["note"]}>None yet. A test message shows whether the way is free.</p>
      ) : (
        <DataTable label="Messages" columns={columns} rows={items} keyOf={({ id }) => id} />
      )}
      {question.data !== undefined && (search.cursor !== undefined || question.data.nextCursor !== null) && (
        <Pager
          words={plural(items.length, "message")}
          cursor={search.cursor}
          nextCursor={question.data.nextCursor}
          onCursor={(cursor) => onSearch({ ...search, cursor })}
        />
      )}
      <Dialog title="A message to staff" opened={shown !== null} size="lg" onClose={() => setShown(null)}>
        {shown !== null && <Attempts id={shown} mayWrite={mayWrite} />}
      </Dialog>
    </section>
  );
}

function Attempts({ id, mayWrite }: { id: string; mayWrite: boolean }) {
  const client = useQueryClient();
  const question = useQuery(noticeDeliveryQuery(id));
  const resend = useMutation({
    mutationFn: () => send("POST", `${noticeDeliveryPath(id)}/resend`),
    onSettled: () => client.invalidateQueries({ queryKey: ["notices"] }),
  });
  const found = question.data;
  if (found === undefined) return <QuestionNotice question={question} />;
  return (
    <div className={page["form"]}>
      <ul className={told["told"]} aria-label="What it says">
        {found.items.map((item) => (
          <li key={item.id}>
            {item.title} <Ago atMs={item.atMs} />
          </li>
        ))}
      </ul>
      <ol className={`${told["told"]} numbers`} aria-label="Attempts">
        {found.tries.map(({ attempt, atMs, tookMs, outcome, detail }) => (
          <li key={attempt}>
            {attempt}. {outcome.replaceAll("_", " ")}: {detail}, {tookMs} ms, <Ago atMs={atMs} />
          </li>
        ))}
      </ol>
      {resend.error !== null && <Notice error={resend.error} />}
      {mayWrite && found.status !== "queued" && (
        <div className={page["actions"]}>
          <Button variant="default" loading={resend.isPending} onClick={() => resend.mutate()}>
            Send it again
          </Button>
        </div>
      )}
    </div>
  );
}
