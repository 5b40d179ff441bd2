import { Button, NativeSelect, Skeleton } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { messagesQuery } from "../../api/support-queries.ts";
import type { DeviceMessage } from "../../api/support-shapes.ts";
import { useRights } from "../../api/rights.ts";
import { absoluteText, clockText, dateText, durationText } from "../../core/time.ts";
import { type MessageChannel, messageChannels } from "../../core/url-state.ts";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Empty } from "../../parts/empty.tsx";
import { NotForThisRole } from "../../parts/not-for-this-role.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import classes from "./messages.module.css";

interface MessagesTabProps {
  id: string;
  timeZone: string;
  channel: MessageChannel | undefined;
  onChannel: (channel: MessageChannel | undefined) => void;
}

/** What the appliance said, in its own words. */
export function MessagesTab(props: MessagesTabProps) {
  const rights = useRights();
  if (rights === undefined) return null;
  if (!rights.may("telemetry.raw")) return <NotForThisRole role={rights.role} what="Messages" />;
  return <Messages {...props} />;
}

const channelWords: Record<MessageChannel, string> = {
  telemetry: "Readings",
  events: "Events",
  reported: "Reported state",
  receipts: "Receipts and replies",
};

function Messages({ id, timeZone, channel, onChannel }: MessagesTabProps) {
  const question = useInfiniteQuery(messagesQuery(id, channel));
  // A page begins before the time at which the last ended: what bears the same time may come twice.
  const rows = [
    ...new Map(
      (question.data?.pages ?? []).flatMap(({ items }) => items).map((message) => [keyOf(message), message]),
    ).values(),
  ];
  return (
    <>
      <p className={page["note"]}>
        From what is stored: readings of the last day, events, reported state, receipts. They may tell of how people
        live: that you looked is on record.
      </p>
      <div className={classes["bar"]}>
        <NativeSelect
          label="Show"
          size="sm"
          value={channel ?? ""}
          onChange={({ currentTarget: { value } }) => onChannel(messageChannels.find((one) => one === value))}
          data={[
            { value: "", label: "Everything" },
            ...messageChannels.map((one) => ({ value: one, label: channelWords[one] })),
          ]}
        />
        <Button
          variant="default"
          size="sm"
          loading={question.isRefetching && !question.isFetchingNextPage}
          onClick={() => void question.refetch()}
        >
          Look again
        </Button>
      </div>
      <QuestionNotice question={question} />
      {question.isPending && <Skeleton height={320} radius={10} />}
      {question.data !== undefined && rows.length === 0 && (
        <Empty title="It has said nothing of this kind">
          <p>
            What it publishes shows here as it was stored. What is not understood goes to quarantine, on the timeline;
            whether it talks at all shows on its wire.
          </p>
        </Empty>
      )}
      {rows.length > 0 && <DataTable label="Messages" columns={columnsIn(timeZone)} rows={rows} keyOf={keyOf} />}
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
    </>
  );
}

const keyOf = ({ channel, atMs, payload }: DeviceMessage) => `${channel} ${atMs} ${JSON.stringify(payload)}`;

/** Below this a message came at once. */
const lateMsMin = 60_000;

const columnsIn = (timeZone: string): readonly Column<DeviceMessage>[] => [
  {
    name: "When",
    lead: true,
    cell: ({ atMs }) => (
      <time
        dateTime={new Date(atMs).toISOString()}
        title={absoluteText(atMs, timeZone)}
        className={`${classes["when"]} numbers`}
      >
        {dateText(atMs, timeZone)}, {clockText(atMs, timeZone)}
      </time>
    ),
  },
  { name: "What", cell: ({ channel }) => <span className={classes["when"]}>{channelWords[channel]}</span> },
  {
    name: "Came",
    cell: ({ atMs, receivedAtMs }) =>
      receivedAtMs === null || receivedAtMs - atMs < lateMsMin ? null : `${durationText(receivedAtMs - atMs)} later`,
  },
  {
    name: "In its own words",
    cell: ({ payload }) => <code className={classes["payload"]}>{JSON.stringify(payload)}</code>,
  },
];
