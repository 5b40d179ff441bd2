import { Button, SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { contentCalendarQuery } from "../../api/content-queries.ts";
import { contentKindWords, versionStateWords } from "../../core/content.ts";
import { type CalendarDay, type DayEntry, daysOf, entriesOn, stepFrom } from "../../core/content-calendar.ts";
import { EngagementTabs } from "../../parts/engagement-tabs.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import { localZone, useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import classes from "./content.module.css";

const route = getRouteApi("/calendar");
const dayNames = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/** What goes out when: a week or a month at a glance. */
export function CalendarPage() {
  const { span, from } = route.useSearch();
  const navigate = useNavigate();
  const nowMs = useNow();
  const { days, title } = daysOf(span ?? "month", from ?? null, nowMs, localZone);
  const fromMs = days[0]?.fromMs ?? 0;
  const toMs = days.at(-1)?.toMs ?? 0;
  const question = useQuery(contentCalendarQuery(fromMs, toMs));
  const items = question.data?.items ?? [];
  const go = (next: string | undefined) => void navigate({ to: "/calendar", search: { span, from: next } });
  return (
    <div className={page["page"]}>
      <title>Calendar · Hearth</title>
      <h1>Calendar</h1>
      <EngagementTabs current="calendar" />
      <div className={page["head"]}>
        <h2 aria-live="polite">{title}</h2>
        <div className={page["actions"]}>
          <SegmentedControl
            aria-label="How much is shown"
            value={span ?? "month"}
            onChange={(value) =>
              void navigate({ to: "/calendar", search: { from, span: value === "week" ? "week" : undefined } })
            }
            data={[
              { value: "week", label: "Week" },
              { value: "month", label: "Month" },
            ]}
          />
          <Button.Group>
            <Button variant="default" onClick={() => go(stepFrom(days, span ?? "month", -1))}>
              Earlier
            </Button>
            <Button variant="default" onClick={() => go(undefined)}>
              Today
            </Button>
            <Button variant="default" onClick={() => go(stepFrom(days, span ?? "month", 1))}>
              Later
            </Button>
          </Button.Group>
        </div>
      </div>
      <QuestionNotice question={question} />
      {question.data !== undefined && items.length === 0 && (
        <p className={page["note"]}>
          Nothing is planned or live in this time. An item comes here when it is approved and scheduled: open one in the{" "}
          <Link to="/content" search={{ state: "approved" }}>
            library
          </Link>
          .
        </p>
      )}
      <div className={classes["days"]}>
        {dayNames.map((name) => (
          <div key={name} className={classes["dayName"]} aria-hidden="true">
            {name}
          </div>
        ))}
        {days.map((day) => (
          <Day key={day.date} day={day} entries={entriesOn(items, day)} nowMs={nowMs} isWhole={span === "week"} />
        ))}
      </div>
      <p className={page["note"]}>
        Days are those of {localZone}. Where an item goes to households alone, each reads its time on its own clock, so
        it begins up to a day earlier or later elsewhere.
      </p>
    </div>
  );
}

/** So many that simply go on are shown on a day of a month; more are one line, so that what begins and ends is seen. */
const goingOnShown = 2;

interface DayProps {
  day: CalendarDay;
  entries: DayEntry[];
  nowMs: number;
  /** Everything is shown, as on a day of a week. */
  isWhole: boolean;
}

function Day({ day, entries, nowMs, isWhole }: DayProps) {
  const isToday = nowMs >= day.fromMs && nowMs < day.toMs;
  const goingOn = entries.filter(({ is }) => is === "between");
  const isFolded = !isWhole && !isToday && goingOn.length > goingOnShown;
  const shown = isFolded ? entries.filter(({ is }) => is !== "between") : entries;
  return (
    <section
      className={classes["day"]}
      data-other={!day.inMonth}
      data-today={isToday}
      data-empty={entries.length === 0}
      aria-label={day.words}
    >
      <span className={classes["date"]} aria-hidden="true">
        {day.words}
      </span>
      {shown.map((one) => (
        <Entry key={`${one.entry.id} ${one.entry.version}`} {...one} />
      ))}
      {isFolded && (
        <details className={classes["folded"]}>
          <summary>{goingOn.length} go on</summary>
          {goingOn.map((one) => (
            <Entry key={`${one.entry.id} ${one.entry.version}`} {...one} />
          ))}
        </details>
      )}
    </section>
  );
}

const dayWords: Record<DayEntry["is"], string> = { first: "Begins: ", last: "Ends: ", between: "" };

const Entry = ({ entry: { id, title, kind, state }, is }: DayEntry) => (
  <Link to="/content/$id" params={{ id }} search={{}} className={classes["entry"]} data-state={state}>
    {dayWords[is]}
    {title}
    <span className="hidden">
      {" "}
      ({contentKindWords[kind]}, {versionStateWords[state].words.toLowerCase()})
    </span>
  </Link>
);
