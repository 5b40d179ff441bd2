import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { feedbackQuery, measuresQuery } from "../../api/case-queries.ts";
import type { WeekOfCases } from "../../api/case-shapes.ts";
import { plural } from "../../core/numbers.ts";
import { dateText, durationText } from "../../core/time.ts";
import { Empty } from "../../parts/empty.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import { NumberTable } from "../../parts/number-table.tsx";
import page from "../../parts/page.module.css";
import classes from "./cases.module.css";

const weeks = 12;

const percent = (share: number) => `${Math.round(share * 100)} %`;

interface Measure {
  title: string;
  /** What its bars mean, in a sentence. */
  help: string;
  valueOf: (week: WeekOfCases) => number | null;
  words: (value: number) => string;
}

const measures: readonly Measure[] = [
  {
    title: "First answer",
    help: "Median time until the owner heard from us.",
    valueOf: ({ firstAnswerMs }) => firstAnswerMs.median,
    words: durationText,
  },
  {
    title: "Time to resolve",
    help: "Median time until the case was closed.",
    valueOf: ({ resolveMs }) => resolveMs.median,
    words: durationText,
  },
  {
    title: "Reopened",
    help: "Share of the closed cases that came back.",
    valueOf: ({ reopenedShare }) => reopenedShare,
    words: percent,
  },
  {
    title: "Solved by automation",
    help: "Share of the closed cases that no person had to work on.",
    valueOf: ({ automationShare }) => automationShare,
    words: percent,
  },
];

/** How cases went, week by week: a small chart for each measure, and all of them as one table. */
export function Measures() {
  const question = useQuery(measuresQuery(weeks));
  const feedback = useQuery(feedbackQuery(weeks)).data?.items ?? [];
  // Oldest first, as charts read.
  const items = question.data?.weeks.toSorted((a, b) => a.weekAtMs - b.weekAtMs);
  if (items === undefined)
    return (
      <>
        <QuestionNotice question={question} />
        {question.error === null && <Skeleton height={260} radius={10} />}
      </>
    );
  if (items.every(({ opened, resolved }) => opened + resolved === 0))
    return (
      <Empty title="There is nothing to measure yet">
        <p>
          When cases have been opened, answered and closed, this shows for each week how long that took, how many came
          back, and how many were solved without a person.
        </p>
      </Empty>
    );
  const given = feedback.reduce((sum, week) => sum + week.given, 0);
  const ratings = feedback.reduce((sum, week) => sum + (week.mean ?? 0) * week.given, 0);
  return (
    <>
      <QuestionNotice question={question} />
      <div className={classes["measures"]}>
        {measures.map((measure) => (
          <MeasureCard key={measure.title} measure={measure} weeks={items} />
        ))}
      </div>
      <p className={page["note"]}>
        {given === 0
          ? "No owner has rated a closed case in these weeks."
          : `Owners rated ${plural(given, "closed case")}: ${(ratings / given).toFixed(1)} of 5 on average.`}
      </p>
      <section className={page["card"]} aria-label="The weeks as a table">
        <h2>The weeks as a table</h2>
        <WeeksTable weeks={items} />
      </section>
    </>
  );
}

function MeasureCard({ measure, weeks: shown }: { measure: Measure; weeks: readonly WeekOfCases[] }) {
  const { title, help, valueOf, words } = measure;
  const values = shown.map((week) => ({ weekAtMs: week.weekAtMs, value: valueOf(week) }));
  const known = values.flatMap(({ value }) => (value === null ? [] : [value]));
  const peak = Math.max(...known, Number.MIN_VALUE);
  const last = known.at(-1);
  return (
    <section className={page["card"]} aria-label={title}>
      <div>
        <h2>{title}</h2>
        <p className={classes["measureHelp"]}>{help}</p>
      </div>
      <p className={`${classes["measureNow"]} numbers`}>{last === undefined ? "–" : words(last)}</p>
      <figure
        role="img"
        aria-label={`${title} by week${last === undefined ? ", nothing yet" : `, at most ${words(peak)}, last ${words(last)}`}`}
        data-points={known.length}
      >
        <div className={classes["bars"]}>
          {values.map(({ weekAtMs, value }) => (
            <div
              key={weekAtMs}
              title={`Week of ${dateText(weekAtMs, "UTC")}: ${value === null ? "none" : words(value)}`}
            >
              {value !== null && <span style={{ height: `${Math.max(2, (100 * value) / peak)}%` }} />}
            </div>
          ))}
        </div>
        <div className={`${classes["barsAxis"]} numbers`}>
          <span>{dateText(values[0]?.weekAtMs ?? 0, "UTC").replace(/ \d{4}$/, "")}</span>
          <span>this week</span>
        </div>
      </figure>
    </section>
  );
}

const heads = ["Week of", "Opened", "Closed", ...measures.map(({ title }) => title), "Promises kept"];

const WeeksTable = ({ weeks: shown }: { weeks: readonly WeekOfCases[] }) => (
  <NumberTable
    label="Measures by week"
    heads={heads}
    rows={shown.toReversed().map((week) => {
      const kept = week.firstAnswerPromise.kept + week.resolvePromise.kept;
      const all = kept + week.firstAnswerPromise.missed + week.resolvePromise.missed;
      const measured = measures.map(({ valueOf, words }) => {
        const value = valueOf(week);
        return value === null ? "none" : words(value);
      });
      return {
        key: week.weekAtMs,
        of: dateText(week.weekAtMs, "UTC"),
        cells: [String(week.opened), String(week.resolved), ...measured, all === 0 ? "none due" : `${kept} of ${all}`],
      };
    })}
  />
);
