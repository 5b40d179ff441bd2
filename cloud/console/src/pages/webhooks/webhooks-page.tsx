import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useRights } from "../../api/rights.ts";
import { webhooksQuery } from "../../api/webhook-queries.ts";
import { CopyLine } from "../../parts/copy-line.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Empty } from "../../parts/empty.tsx";
import { EngagementTabs } from "../../parts/engagement-tabs.tsx";
import { NotForThisRole } from "../../parts/not-for-this-role.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { NewWebhook } from "./new-webhook.tsx";
import { WebhookCard } from "./webhook-card.tsx";
import { WebhookDeliveries } from "./webhook-deliveries.tsx";
import told from "../../parts/told.module.css";

const route = getRouteApi("/webhooks");

/** Which systems hear of events, and what became of each. */
export function WebhooksPage() {
  const rights = useRights();
  const search = route.useSearch();
  const navigate = useNavigate();
  const maySee = rights?.may("webhooks.read") === true;
  const mayWrite = rights?.may("webhooks.write") === true;
  const question = useQuery({ ...webhooksQuery, enabled: maySee });
  const [isMaking, setIsMaking] = useState(false);
  if (rights !== undefined && !maySee) return <NotForThisRole role={rights.role} what="Webhooks" />;
  const webhooks = question.data?.items;
  const shown = webhooks?.find(({ id }) => id === search.webhook) ?? webhooks?.[0];
  return (
    <div className={page["page"]}>
      <title>Webhooks · Hearth</title>
      <div className={page["head"]}>
        <h1>Webhooks</h1>
        {mayWrite && <Button onClick={() => setIsMaking(true)}>New webhook</Button>}
      </div>
      <EngagementTabs current="webhooks" />
      <QuestionNotice question={question} />
      {webhooks === undefined ? (
        question.error === null && <Skeleton height={160} radius={10} />
      ) : webhooks.length === 0 ? (
        <NoWebhook />
      ) : (
        <>
          <ul className={told["list"]}>
            {webhooks.map((webhook) => (
              <WebhookCard key={webhook.id} webhook={webhook} mayWrite={mayWrite} />
            ))}
          </ul>
          {shown !== undefined && (
            <WebhookDeliveries
              webhooks={webhooks}
              shown={shown}
              search={search}
              mayWrite={mayWrite}
              onSearch={(next) => void navigate({ to: "/webhooks", search: next })}
            />
          )}
        </>
      )}
      <Dialog title="New webhook" opened={isMaking} onClose={() => setIsMaking(false)}>
        {isMaking && <NewWebhook onDone={() => setIsMaking(false)} />}
      </Dialog>
    </div>
  );
}

const example = () =>
  `curl -X POST ${window.location.origin}/api/v1/webhooks -H "authorization: Bearer $HEARTH_KEY" -H "content-type: application/json" -d '{"name":"Shop","url":"https://shop.example/hearth","types":["hearth.points.*"]}'`;

const NoWebhook = () => (
  <Empty title="No system hears of events yet">
    <p>
      A webhook is an address of yours that is posted every event you choose, within about a second: points earned, a
      case resolved, consent withdrawn. Each is a signed CloudEvent, comes at least once, and is tried for three days.
      An admin makes one with the button above, or with this line:
    </p>
    <CopyLine what="The command" line={example()} />
  </Empty>
);
