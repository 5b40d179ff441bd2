import { Skeleton } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { householdTimelineQuery } from "../../api/household-queries.ts";
import type { HouseholdEntry } from "../../api/household-shapes.ts";
import { entryKindWords, entryTitle } from "../../core/household-timeline.ts";
import { QuestionNotice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import { Days, EntryTime, KindFilter, Older } from "../../parts/timeline-list.tsx";
import classes from "./household.module.css";
import { Section } from "./section.tsx";
import type { SectionProps } from "./section-props.ts";

type Kind = HouseholdEntry["kind"];
const kinds: readonly Kind[] = ["event", "fact", "case", "points", "stage", "consent", "decision", "household"];

/** Everything that they did and that was done for them, newest first, in their own time. */
export function HouseholdTimeline({ household: { id, timeZone } }: SectionProps) {
  const [chosen, setChosen] = useState<readonly Kind[]>([]);
  const question = useInfiniteQuery(householdTimelineQuery(id, chosen.length === 0 ? undefined : chosen.join(",")));
  const items = question.data?.pages.flatMap((one) => one.items) ?? [];
  return (
    <Section title="Timeline">
      <KindFilter kinds={kinds} words={entryKindWords} chosen={chosen} onChoose={setChosen} />
      <QuestionNotice question={question} />
      {question.isPending && question.error === null && <Skeleton height={160} radius={10} />}
      {question.data !== undefined && items.length === 0 && (
        <p className={page["note"]}>
          {chosen.length > 0
            ? "Nothing of these kinds. Choose others above, or none to see all."
            : "Nothing yet. What they do at their appliances and elsewhere, and what is done for them, stands here."}
        </p>
      )}
      <Days
        items={items}
        timeZone={timeZone}
        keyOf={({ kind, id: entryId }) => `${kind} ${entryId}`}
        dayClass={classes["day"]}
      >
        {(entry) => (
          <li className={classes["entry"]} data-kind={entry.kind}>
            <span className={classes["entryKind"]}>{entryKindWords[entry.kind]}</span>
            <span className={classes["entryTitle"]}>{entryTitle(entry)}</span>
            <EntryTime atMs={entry.atMs} timeZone={timeZone} />
          </li>
        )}
      </Days>
      <Older question={question} />
    </Section>
  );
}
