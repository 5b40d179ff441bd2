import { Button, SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { campaignCalendarQuery } from "../../api/campaign-queries.ts";
import type { Campaign } from "../../api/campaign-shapes.ts";
import { contentCalendarQuery } from "../../api/content-queries.ts";
import type { CalendarEntry } from "../../api/content-shapes.ts";
import { campaignStateWords } from "../../core/campaigns.ts";
import { contentKindWords, versionStateWords } from "../../core/content.ts";
import {
  type CalendarDay,
  type DayEntry,
  daysOf,
  entriesOn,
  type Planned,
  plannedOf,
  stepFrom,
} from "../../core/content-calendar.ts";
import { EngagementTabs } from "../../parts/engagement-tabs.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import { localZone, useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import classes from "./content.module.css";

const route = getRouteApi("/calendar");
const dayNames = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/** An item, or a campaign that sends some, and when it is out. */
type Shown = Planned & ({ item: CalendarEntry } | { campaign: Campaign });

/** The first to begin first, and last what has no beginning yet. */
const inOrder = (items: readonly CalendarEntry[], campaigns: readonly Campaign[]): Shown[] =>
  [
    ...items.map((item): Shown => ({ fromMs: item.fromMs, untilMs: item.untilMs, item })),
    ...campaigns.flatMap((campaign): Shown[] => {
      const span = plannedOf(campaign, localZone);
      return span === null ? [] : [{ ...span, campaign }];
    }),
  ].toSorted((a, b) => (a.fromMs ?? Infinity) - (b.fromMs ?? Infinity) || 0);

/** What goes out when: a week or a month at a glance. */
export function CalendarPage() {
  const { span, from } = route.useSearch();
  const navigate = useNavigate();
  const nowMs = useNow();
  const { days, title } = daysOf(span ?? "month", from ?? null, nowMs, localZone);
  const fromMs = days[0]?.fromMs ?? 0;
  const toMs = days.at(-1)?.toMs ?? 0;
  const question = useQuery(contentCalendarQuery(fromMs, toMs));
  const ofCampaigns = useQuery(campaignCalendarQuery(fromMs, toMs));
  const planned = inOrder(question.data?.items ?? [], ofCampaigns.data?.items ?? []);
  const shown = days.map((day) => ({ day, entries: entriesOn(planned, day) }));
  const isEmpty = shown.every(({ entries }) => entries.length === 0);
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
      <QuestionNotice question={ofCampaigns} />
      {question.data !== undefined && ofCampaigns.data !== undefined && isEmpty && (
        <p className={page["note"]}>
          Nothing is planned or live in this time. An item comes here when it is approved and scheduled: open one in the{" "}
          <Link to="/content" search={{ state: "approved" }}>
            library
          </Link>
          . A campaign or a recall comes here when it is approved.
        </p>
      )}
      <div className={classes["days"]}>
        {dayNames.map((name) => (
          <div key={name} className={classes["dayName"]} aria-hidden="true">
            {name}
          </div>
        ))}
        {shown.map(({ day, entries }) => (
          <Day key={day.date} day={day} entries={entries} nowMs={nowMs} isWhole={span === "week"} />
        ))}
      </div>
      <p className={page["note"]}>
        Days are those of {localZone}. Where an item goes to households alone, each reads its time on its own clock, so
        it begins up to a day earlier or later elsewhere. What has a frame is a campaign or a recall, from the day on
        which it began or is planned for until it expires; one that somebody has still to start and that names no day
        stands on the day on which it expires.
      </p>
    </div>
  );
}

/** So many that simply go on are shown on a day of a month; more are one line, so that what begins and ends is seen. */
const goingOnShown = 2;

interface DayProps {
  day: CalendarDay;
  entries: DayEntry<Shown>[];
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
        <Entry key={keyOf(one.entry)} {...one} />
      ))}
      {isFolded && (
        <details className={classes["folded"]}>
          <summary>{goingOn.length} go on</summary>
          {goingOn.map((one) => (
            <Entry key={keyOf(one.entry)} {...one} />
          ))}
        </details>
      )}
    </section>
  );
}

const keyOf = (planned: Shown): string =>
  "item" in planned ? `${planned.item.id} ${planned.item.version}` : planned.campaign.id;

const dayWords: Record<DayEntry<Shown>["is"], string> = { first: "Begins: ", last: "Ends: ", between: "" };

function Entry({ entry, is }: DayEntry<Shown>) {
  if ("campaign" in entry) {
    const { id, kind, state, definition } = entry.campaign;
    return (
      <Link to="/campaigns/$id" params={{ id }} className={classes["entry"]} data-kind={kind}>
        <span className={classes["kind"]}>{kind === "recall" ? "Recall" : "Campaign"}</span>
        {dayWords[is]}
        {definition.name}
        <span className="hidden"> ({campaignStateWords[state].words.toLowerCase()})</span>
      </Link>
    );
  }
  const { id, title, kind, state } = entry.item;
  return (
    <Link to="/content/$id" params={{ id }} search={{}} className={classes["entry"]} data-state={state}>
      {dayWords[is]}
      {title}
      <span className="hidden">
        {" "}
        ({contentKindWords[kind]}, {versionStateWords[state].words.toLowerCase()})
      </span>
    </Link>
  );
}
