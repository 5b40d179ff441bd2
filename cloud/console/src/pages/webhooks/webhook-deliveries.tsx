import { Button, NativeSelect } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { send } from "../../api/client.ts";
import {
  webhookDeliveriesQuery,
  webhookDeliveryPath,
  webhookDeliveryQuery,
  webhookPath,
} from "../../api/webhook-queries.ts";
import type { ListedWebhook } from "../../api/webhook-shapes.ts";
import { eventTitle } from "../../core/event-words.ts";
import { sentStatuses, sentStatusWords } from "../../core/sent.ts";
import { subjectHref, subjectText, type WebhooksSearch } from "../../core/webhooks.ts";
import { HrefLink } from "../../parts/href-link.tsx";
import { Notice, QuestionNotice } from "../../parts/notice.tsx";
import { useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { Attempts, SentList } from "../../parts/sent-list.tsx";
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

/** What was sent to one webhook. */
export function WebhookDeliveries({ webhooks, shown, search, mayWrite, onSearch }: WebhookDeliveriesProps) {
  const client = useQueryClient();
  const nowMs = useNow();
  const again = useMutation({
    mutationFn: () =>
      send<{ count: number }>("POST", `${webhookPath(shown.id)}/resend`, { fromMs: nowMs - weekMs, toMs: nowMs }),
    onSettled: () => client.invalidateQueries({ queryKey: ["webhooks"] }),
  });
  return (
    <SentList
      title="What was sent"
      noun="event"
      none="Nothing yet. A test event shows whether the way is free."
      question={useQuery(webhookDeliveriesQuery(shown.id, search))}
      cursor={search.cursor}
      onCursor={(cursor) => onSearch({ ...search, webhook: shown.id, cursor })}
      lead={{
        name: "Event",
        cell: ({ type, subject }) => (
          <span className={classes["type"]}>
            {eventTitle(type)}
            <Subject subject={subject} />
          </span>
        ),
      }}
      detail={(id) => <Event webhookId={shown.id} id={id} mayWrite={mayWrite} />}
      filters={
        <>
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
              const status = sentStatuses.find((one) => one === event.currentTarget.value);
              onSearch({ webhook: shown.id, status });
            }}
            data={[
              { value: "", label: "All" },
              ...sentStatuses.map((value) => ({ value, label: sentStatusWords[value].words })),
            ]}
          />
        </>
      }
    >
      {again.error !== null && <Notice error={again.error} />}
      {mayWrite && shown.failed > 0 && (
        <div className={page["actions"]}>
          <Button variant="default" size="compact-md" loading={again.isPending} onClick={() => again.mutate()}>
            Send again what failed in the last week
          </Button>
        </div>
      )}
    </SentList>
  );
}

/** Whom it is about, with a way there where the console has a page of that. */
function Subject({ subject }: { subject: string }) {
  const href = subjectHref(subject);
  const words = subjectText(subject);
  if (words === null) return null;
  return (
    <span className={classes["subject"]}>
      {href === null ? (
        words
      ) : (
        <HrefLink href={href} className={page["link"]}>
          {words}
        </HrefLink>
      )}
    </span>
  );
}

function Event({ webhookId, id, mayWrite }: { webhookId: string; id: string; mayWrite: boolean }) {
  const question = useQuery(webhookDeliveryQuery(webhookId, id));
  const found = question.data;
  if (found === undefined) return <QuestionNotice question={question} />;
  const { type, eventId, body } = found;
  return (
    <div className={page["form"]}>
      <p>{eventTitle(type)}</p>
      <p className={told["small"]}>
        {type}, webhook-id {eventId}
      </p>
      <Attempts found={found} path={webhookDeliveryPath(webhookId, id)} about="webhooks" mayWrite={mayWrite}>
        {body === null ? (
          <p className={page["note"]}>What it said is no longer kept: it was erased, or it is older than 30 days.</p>
        ) : (
          // Focusable, so that what is wider than the dialog is read with the keys too.
          // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls
          <pre className={classes["body"]} tabIndex={0} aria-label="What it says">
            {JSON.stringify(JSON.parse(body), null, 2)}
          </pre>
        )}
      </Attempts>
    </div>
  );
}
