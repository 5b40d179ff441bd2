import { Button, Skeleton } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { householdTimelineQuery } from "../../api/household-queries.ts";
import type { HouseholdEntry } from "../../api/household-shapes.ts";
import { entryKindWords } from "../../core/households.ts";
import { absoluteText, clockText, dayText } from "../../core/time.ts";
import { QuestionNotice } from "../../parts/notice.tsx";
import { useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import classes from "./household.module.css";
import { Section } from "./section.tsx";
import type { SectionProps } from "./sections.ts";

type Kind = HouseholdEntry["kind"];
const kinds: readonly Kind[] = ["event", "fact", "case", "points", "stage", "consent", "decision", "household"];

/** Everything that they did and that was done for them, newest first, in their own time. */
export function HouseholdTimeline({ household: { id, timeZone } }: SectionProps) {
  const [chosen, setChosen] = useState<readonly Kind[]>([]);
  const question = useInfiniteQuery(householdTimelineQuery(id, chosen.length === 0 ? undefined : chosen.join(",")));
  const items = question.data?.pages.flatMap((one) => one.items) ?? [];
  const toggle = (kind: Kind) =>
    setChosen(chosen.includes(kind) ? chosen.filter((one) => one !== kind) : [...chosen, kind]);
  return (
    <Section title="Timeline">
      <div className={classes["kinds"]} role="group" aria-label="Show only">
        {kinds.map((kind) => (
          <button
            key={kind}
            type="button"
            className={classes["kind"]}
            aria-pressed={chosen.includes(kind)}
            onClick={() => toggle(kind)}
          >
            {entryKindWords[kind]}
          </button>
        ))}
      </div>
      <QuestionNotice question={question} />
      {question.isPending && question.error === null && <Skeleton height={160} radius={10} />}
      {question.data !== undefined && items.length === 0 && (
        <p className={page["note"]}>
          {chosen.length > 0
            ? "Nothing of these kinds. Choose others above, or none to see all."
            : "Nothing yet. What they do at their appliances and elsewhere, and what is done for them, stands here."}
        </p>
      )}
      <Days items={items} timeZone={timeZone} />
      {question.hasNextPage && (
        <Button
          variant="default"
          fullWidth
          loading={question.isFetchingNextPage}
          onClick={() => void question.fetchNextPage()}
        >
          Show older entries
        </Button>
      )}
    </Section>
  );
}

function Days({ items, timeZone }: { items: readonly HouseholdEntry[]; timeZone: string }) {
  const nowMs = useNow();
  const days = Map.groupBy(items, ({ atMs }) => dayText(atMs, nowMs, timeZone));
  return [...days].map(([day, ofDay]) => (
    <section key={day} aria-label={day}>
      <h3 className={classes["day"]}>{day}</h3>
      <ul>
        {ofDay.map((item) => (
          <li key={`${item.kind} ${item.id}`} className={classes["entry"]} data-kind={item.kind}>
            <span className={classes["entryKind"]}>{entryKindWords[item.kind]}</span>
            <span className={classes["entryTitle"]}>{item.title}</span>
            <time
              className={`${classes["small"]} numbers`}
              dateTime={new Date(item.atMs).toISOString()}
              title={absoluteText(item.atMs, timeZone)}
            >
              {clockText(item.atMs, timeZone)}
            </time>
          </li>
        ))}
      </ul>
    </section>
  ));
}
