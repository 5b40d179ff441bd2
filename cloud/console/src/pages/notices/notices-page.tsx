import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { channelsQuery } from "../../api/notice-queries.ts";
import { useRights } from "../../api/rights.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Empty } from "../../parts/empty.tsx";
import { NotForThisRole } from "../../parts/not-for-this-role.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { ServiceTabs } from "../../parts/service-tabs.tsx";
import { Channel } from "./channel.tsx";
import { NewChannel } from "./new-channel.tsx";
import { NoticeDeliveries } from "./notice-deliveries.tsx";
import told from "../../parts/told.module.css";

const route = getRouteApi("/notices");

/** Where staff are told, of what, and what became of it. */
export function NoticesPage() {
  const rights = useRights();
  const search = route.useSearch();
  const navigate = useNavigate();
  const maySee = rights?.may("notices.read") === true;
  const mayWrite = rights?.may("notices.write") === true;
  const question = useQuery({ ...channelsQuery, enabled: maySee });
  const [isMaking, setIsMaking] = useState(false);
  if (rights !== undefined && !maySee) return <NotForThisRole role={rights.role} what="Staff notices" />;
  const channels = question.data?.items;
  return (
    <div className={page["page"]}>
      <title>Staff notices · Hearth</title>
      <div className={page["head"]}>
        <h1>Staff notices</h1>
        {mayWrite && <Button onClick={() => setIsMaking(true)}>Tell somebody</Button>}
      </div>
      <ServiceTabs current="notices" />
      <QuestionNotice question={question} />
      {channels === undefined ? (
        question.error === null && <Skeleton height={120} radius={10} />
      ) : channels.length === 0 ? (
        <Empty title="Nobody is told yet">
          <p>
            A channel is an e-mail address or a webhook that hears when a case opens, is overdue or escalates, and when
            an incident begins. An admin makes one with the button above.
          </p>
        </Empty>
      ) : (
        <>
          <ul className={told["list"]}>
            {channels.map((channel) => (
              <Channel key={channel.id} channel={channel} mayWrite={mayWrite} />
            ))}
          </ul>
          <NoticeDeliveries
            search={search}
            channels={channels}
            mayWrite={mayWrite}
            onSearch={(next) => void navigate({ to: "/notices", search: next })}
          />
        </>
      )}
      <Dialog title="Tell somebody" opened={isMaking} onClose={() => setIsMaking(false)}>
        {isMaking && <NewChannel onDone={() => setIsMaking(false)} />}
      </Dialog>
    </div>
  );
}
