import { Button, NativeSelect } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { send } from "../../api/client.ts";
import {
  webhookDeliveriesQuery,
  webhookDeliveryPath,
  webhookDeliveryQuery,
  webhookPath,
} from "../../api/webhook-queries.ts";
import type { ListedWebhook, WebhookDelivery } from "../../api/webhook-shapes.ts";
import { plural } from "../../core/numbers.ts";
import { deliveryStatuses, webhookStatusWords, type WebhooksSearch } from "../../core/webhooks.ts";
import { Ago } from "../../parts/ago.tsx";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Notice, QuestionNotice } from "../../parts/notice.tsx";
import { useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { Pager } from "../../parts/pager.tsx";
import { StateMark } from "../../parts/state-mark.tsx";
import told from "../../parts/told.module.css";
import classes from "./webhooks.module.css";

interface WebhookDeliveriesProps {
  webhooks: readonly ListedWebhook[];
  shown: ListedWebhook;
  search: WebhooksSearch;
  mayWrite: boolean;
  onSearch: (search: WebhooksSearch) => void;
}

const weekMs = 7 * 86_400_000;

/** What was sent to one webhook, each with every attempt. */
export function WebhookDeliveries({ webhooks, shown, search, mayWrite, onSearch }: WebhookDeliveriesProps) {
  const client = useQueryClient();
  const question = useQuery(webhookDeliveriesQuery(shown.id, search));
  const [opened, setOpened] = useState<string | null>(null);
  const nowMs = useNow();
  const again = useMutation({
    mutationFn: () =>
      send<{ count: number }>("POST", `${webhookPath(shown.id)}/resend`, { fromMs: nowMs - weekMs, toMs: nowMs }),
    onSettled: () => client.invalidateQueries({ queryKey: ["webhooks"] }),
  });
  const items = question.data?.items ?? [];
  return (
    <section className={page["page"]} aria-label="What was sent">
      <div className={page["head"]}>
        <h2>What was sent</h2>
        <div className={page["actions"]}>
          <NativeSelect
            label="To"
            size="sm"
            value={shown.id}
            onChange={(event) => onSearch({ webhook: event.currentTarget.value })}
            data={webhooks.map(({ id, name }) => ({ value: id, label: name }))}
          />
          <NativeSelect
            label="Status"
            size="sm"
            value={search.status ?? ""}
            onChange={(event) => {
              const status = deliveryStatuses.find((one) => one === event.currentTarget.value);
              onSearch({ webhook: shown.id, status });
            }}
            data={[
              { value: "", label: "All" },
              ...deliveryStatuses.map((value) => ({ value, label: webhookStatusWords[value].words })),
            ]}
          />
        </div>
      </div>
      <QuestionNotice question={question} />
      {again.error !== null && <Notice error={again.error} />}
      {mayWrite && shown.failed > 0 && (
        <div className={page["actions"]}>
          <Button variant="default" size="compact-md" loading={again.isPending} onClick={() => again.mutate()}>
            Send again what failed in the last week
          </Button>
        </div>
      )}
      {items.length === 0 ? (
        <p className={page["note"]}>Nothing yet. A test event shows whether the way is free.</p>
      ) : (
        <DataTable label="Events" columns={columnsFor(setOpened)} rows={items} keyOf={({ id }) => id} />
      )}
      {question.data !== undefined && (search.cursor !== undefined || question.data.nextCursor !== null) && (
        <Pager
          words={plural(items.length, "event")}
          cursor={search.cursor}
          nextCursor={question.data.nextCursor}
          onCursor={(cursor) => onSearch({ ...search, webhook: shown.id, cursor })}
        />
      )}
      <Dialog title="An event" opened={opened !== null} size="lg" onClose={() => setOpened(null)}>
        {opened !== null && <Attempts webhookId={shown.id} id={opened} mayWrite={mayWrite} />}
      </Dialog>
    </section>
  );
}

const columnsFor = (open: (id: string) => void): Column<WebhookDelivery>[] => [
  {
    name: "Event",
    lead: true,
    cell: ({ type, subject }) => (
      <span className={classes["type"]}>
        {type}
        <span className={classes["subject"]}>{subject.replace(":", " ")}</span>
      </span>
    ),
  },
  {
    name: "Status",
    cell: ({ status }) => (
      <StateMark tone={webhookStatusWords[status].tone}>{webhookStatusWords[status].words}</StateMark>
    ),
  },
  {
    name: "Attempts",
    cell: ({ id, attempts }) => (
      <Button variant="default" size="compact-sm" w="fit-content" onClick={() => open(id)}>
        {plural(attempts, "attempt")}
      </Button>
    ),
  },
  { name: "Next", cell: ({ nextAtMs }) => (nextAtMs === null ? null : <Ago atMs={nextAtMs} />) },
  { name: "Made", cell: ({ createdAtMs }) => <Ago atMs={createdAtMs} /> },
];

function Attempts({ webhookId, id, mayWrite }: { webhookId: string; id: string; mayWrite: boolean }) {
  const client = useQueryClient();
  const question = useQuery(webhookDeliveryQuery(webhookId, id));
  const resend = useMutation({
    mutationFn: () => send("POST", `${webhookDeliveryPath(webhookId, id)}/resend`),
    onSettled: () => client.invalidateQueries({ queryKey: ["webhooks"] }),
  });
  const found = question.data;
  if (found === undefined) return <QuestionNotice question={question} />;
  const { type, eventId, tries, body, status } = found;
  return (
    <div className={page["form"]}>
      <p className={told["small"]}>
        {type}, webhook-id {eventId}
      </p>
      {tries.length === 0 && <p className={page["note"]}>It has not been tried yet.</p>}
      <ol className={`${told["told"]} numbers`} aria-label="Attempts">
        {tries.map(({ attempt, atMs, tookMs, outcome, detail }) => (
          <li key={attempt}>
            {attempt}. {outcome.replaceAll("_", " ")}: {detail}, {tookMs} ms, <Ago atMs={atMs} />
          </li>
        ))}
      </ol>
      {body === null ? (
        <p className={page["note"]}>What it said is no longer kept: it was erased, or it is older than 30 days.</p>
      ) : (
        // Focusable, so that what is wider than the dialog is read with the keys too.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls
        <pre className={classes["body"]} tabIndex={0} aria-label="What it says">
          {JSON.stringify(JSON.parse(body), null, 2)}
        </pre>
      )}
      {resend.error !== null && <Notice error={resend.error} />}
      {mayWrite && status !== "queued" && (
        <div className={page["actions"]}>
          <Button variant="default" loading={resend.isPending} onClick={() => resend.mutate()}>
            Send it again
          </Button>
        </div>
      )}
    </div>
  );
}
