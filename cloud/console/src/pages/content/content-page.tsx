import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { contentQuery } from "../../api/content-queries.ts";
import { contentClassWords, contentKindWords, versionStateWords } from "../../core/content.ts";
import { plural } from "../../core/numbers.ts";
import { EngagementTabs } from "../../parts/engagement-tabs.tsx";
import { Empty } from "../../parts/empty.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Pager } from "../../parts/pager.tsx";
import { StateMark } from "../../parts/state-mark.tsx";

const route = getRouteApi("/content");

/** The library: all that may be said to households. */
export function ContentPage() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const question = useQuery(contentQuery(search));
  const items = question.data?.items;
  return (
    <div className={page["page"]}>
      <title>Content · Hearth</title>
      <h1>Content</h1>
      <EngagementTabs current="content" />
      <QuestionNotice question={question} />
      {items === undefined ? (
        question.error === null && <Skeleton height={120} radius={10} />
      ) : items.length === 0 ? (
        <Empty title="Nothing is written yet">
          <p>
            Recipes, tips, notices, messages and offers are written here, reviewed by somebody else, and then scheduled.
          </p>
        </Empty>
      ) : (
        <ul>
          {items.map(({ id, title, kind, class: one, state }) => (
            <li key={id}>
              {title} · {contentKindWords[kind]} · {contentClassWords[one]} ·{" "}
              <StateMark tone={versionStateWords[state].tone}>{versionStateWords[state].words}</StateMark>
            </li>
          ))}
        </ul>
      )}
      {question.data !== undefined && (search.cursor !== undefined || question.data.nextCursor !== null) && (
        <Pager
          words={plural(items?.length ?? 0, "item")}
          cursor={search.cursor}
          nextCursor={question.data.nextCursor}
          onCursor={(cursor) => void navigate({ to: "/content", search: { ...search, cursor } })}
        />
      )}
    </div>
  );
}
