import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { contentItemQuery } from "../../api/content-queries.ts";
import type { ContentDetail } from "../../api/content-shapes.ts";
import { contentClassWords, contentKindWords, newDraft, versionStateWords } from "../../core/content.ts";
import { contentDrafts } from "../../core/content-drafts.ts";
import { firstWriting, writingOf } from "../../core/content-writing.ts";
import { EngagementTabs } from "../../parts/engagement-tabs.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { StateMark } from "../../parts/state-mark.tsx";
import { Tabs } from "../../parts/tabs.tsx";
import { Editor } from "./editor.tsx";
import { ItemActions } from "./item-actions.tsx";
import { Versions } from "./versions.tsx";
import classes from "./content.module.css";

const route = getRouteApi("/content/$id");

/** One item: written, tried, handed in, read by somebody else, scheduled. */
export function ContentItemPage() {
  const { id } = route.useParams();
  return id === "new" ? <NewItem /> : <StandingItem key={id} id={id} />;
}

function NewItem() {
  const { kind = "tip" } = route.useSearch();
  const [{ draft, leftOut }] = useState(() => contentDrafts.take() ?? { draft: newDraft(kind), leftOut: [] });
  return (
    <div className={page["page"]}>
      <title>{`New ${contentKindWords[draft.kind].toLowerCase()} · Hearth`}</title>
      <h1>New {contentKindWords[draft.kind].toLowerCase()}</h1>
      <EngagementTabs current="content" />
      {leftOut.length > 0 && (
        <p role="status" className={page["note"]}>
          Not taken along, since a recipe here has no place for it: {leftOut.join(", ")}.
        </p>
      )}
      <Editor newest={firstWriting(draft)} item={null} />
    </div>
  );
}

function StandingItem({ id }: { id: string }) {
  const { tab } = route.useSearch();
  const question = useQuery(contentItemQuery(id));
  const item = question.data;
  const newest = item?.versions[0];
  return (
    <div className={page["page"]}>
      <title>{`${item?.title ?? "Content"} · Hearth`}</title>
      <div className={page["head"]}>
        <h1>{item?.title ?? "Content"}</h1>
        {item !== undefined && <ItemActions item={item} />}
      </div>
      <EngagementTabs current="content" />
      <QuestionNotice question={question} />
      {item === undefined || newest === undefined ? (
        question.error === null && <Skeleton height={400} radius={10} />
      ) : (
        <>
          <Standing item={item} />
          <Tabs
            label="Parts of the item"
            tabs={[
              {
                words: "Text",
                link: { to: "/content/$id", params: { id }, search: {} },
                current: tab === undefined,
              },
              {
                words: `Versions (${item.versions.length})`,
                link: { to: "/content/$id", params: { id }, search: { tab: "versions" } },
                current: tab === "versions",
              },
            ]}
          />
          {tab === "versions" && <Versions item={item} />}
          {/* Out of sight and not gone: what is typed there and not saved yet is kept. */}
          <div hidden={tab === "versions"}>
            <Editor newest={writingOf(item, newest)} item={item} />
          </div>
        </>
      )}
    </div>
  );
}

/** Where it stands, and what was last said about it. */
function Standing({ item }: { item: ContentDetail }) {
  const { state, version, liveVersion, publishedTo, kind, steps, versions } = item;
  const { words, tone } = versionStateWords[state];
  const sentBack = state === "draft" && steps[0]?.event === "send_back" ? steps[0].note : null;
  const schedule = versions[0]?.schedule ?? null;
  const until = versions.find((one) => one.version === liveVersion)?.schedule?.until ?? null;
  return (
    <div>
      <p className={classes["facts"]}>
        <StateMark tone={tone}>
          Version {version}: {words.toLowerCase()}
        </StateMark>
        <span>
          {contentKindWords[kind]}, {contentClassWords[item.class].toLowerCase()}
        </span>
        {liveVersion !== null && liveVersion !== version && (
          <span>
            Version {liveVersion} is live{until === null ? "" : ` until ${until.replace("T", " ")}`}
          </span>
        )}
        {publishedTo.length > 0 && <span>On the feed of {publishedTo.join(", ")}</span>}
        {schedule !== null && (
          <span>
            {schedule.from === null ? "From the moment it was published" : `From ${schedule.from.replace("T", " ")}`}
            {schedule.until === null ? ", with no end" : ` until ${schedule.until.replace("T", " ")}`}
            {schedule.models.length > 0 ? ` (${schedule.zone})` : ", on each household’s own clock"}
          </span>
        )}
      </p>
      {item.keptOff.map(({ model, why }) => (
        <p key={model} className={page["mind"]}>
          Kept off the feed of {model} by its limits: {why.join("; ")}. It is back by itself when they are raised.
        </p>
      ))}
      {sentBack !== null && <p className={page["mind"]}>Sent back: {sentBack}</p>}
    </div>
  );
}
