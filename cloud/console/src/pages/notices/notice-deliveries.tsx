import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { noticeDeliveriesQuery, noticeDeliveryPath, noticeDeliveryQuery } from "../../api/notice-queries.ts";
import type { NoticeChannel } from "../../api/notice-shapes.ts";
import { plural } from "../../core/numbers.ts";
import type { NoticesSearch } from "../../core/service-url.ts";
import { Ago } from "../../parts/ago.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Attempts, SentList } from "../../parts/sent-list.tsx";
import told from "../../parts/told.module.css";

interface NoticeDeliveriesProps {
  search: NoticesSearch;
  channels: readonly NoticeChannel[];
  mayWrite: boolean;
  onSearch: (search: NoticesSearch) => void;
}

/** The last messages to staff. */
export function NoticeDeliveries({ search, channels, mayWrite, onSearch }: NoticeDeliveriesProps) {
  const nameOf = (id: string) => channels.find((one) => one.id === id)?.name ?? "a channel";
  return (
    <SentList
      title="Last messages"
      noun="message"
      none="None yet. A test message shows whether the way is free."
      question={useQuery(noticeDeliveriesQuery(search))}
      cursor={search.cursor}
      onCursor={(cursor) => onSearch({ ...search, cursor })}
      lead={{
        name: "Message",
        cell: ({ notices, channelId }) => `${plural(notices, "notice")} to ${nameOf(channelId)}`,
      }}
      detail={(id) => <Message id={id} mayWrite={mayWrite} />}
      filters={
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
      }
    />
  );
}

function Message({ id, mayWrite }: { id: string; mayWrite: boolean }) {
  const question = useQuery(noticeDeliveryQuery(id));
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
      <Attempts found={found} path={noticeDeliveryPath(id)} about="notices" mayWrite={mayWrite} />
    </div>
  );
}
