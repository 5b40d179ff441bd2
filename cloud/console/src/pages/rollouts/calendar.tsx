import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { scheduleQuery } from "../../api/rollout-queries.ts";
import type { Schedule } from "../../api/rollout-shapes.ts";
import { type CalendarRow, calendarRows, dayLines, midnight } from "../../core/calendar.ts";
import { absoluteText, dateText } from "../../core/time.ts";
import { Empty } from "../../parts/empty.tsx";
import { AlertIcon } from "../../parts/icons.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import { localZone, useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import classes from "./calendar.module.css";
import { Freezes } from "./freezes.tsx";
import rollouts from "./rollouts.module.css";

const daysShown = 14;

/** Two weeks of what is planned: freezes, rollouts, and the windows of each, with what is in each other's way. */
export function Calendar({ mayWrite }: { mayWrite: boolean }) {
  const [weeks, setWeeks] = useState(0);
  // The range moves with the day, not with the second, so that the answer can be kept.
  const today = midnight(useNow(), 0);
  const fromMs = midnight(today, weeks * 7 - 1);
  const toMs = midnight(today, weeks * 7 - 1 + daysShown);
  const question = useQuery(scheduleQuery(fromMs, toMs));
  const schedule = question.data;
  return (
    <>
      <div className={page["head"]}>
        <p className="numbers">
          {dateText(fromMs, localZone)} to {dateText(toMs - 1, localZone)}
        </p>
        <div className={classes["actions"]}>
          <Button variant="default" onClick={() => setWeeks(weeks - 1)}>
            A week back
          </Button>
          {weeks !== 0 && (
            <Button variant="default" onClick={() => setWeeks(0)}>
              Today
            </Button>
          )}
          <Button variant="default" onClick={() => setWeeks(weeks + 1)}>
            A week on
          </Button>
        </div>
      </div>
      <QuestionNotice question={question} />
      {schedule === undefined ? (
        question.error === null && <Skeleton height={220} radius={10} />
      ) : (
        <>
          <Clashes schedule={schedule} />
          <Grid schedule={schedule} />
        </>
      )}
      <Freezes mayWrite={mayWrite} />
    </>
  );
}

function Clashes({ schedule: { clashes, isCut } }: { schedule: Schedule }) {
  if (clashes.length === 0 && !isCut) return null;
  return (
    <ul className={classes["clashes"]} aria-label="In each other's way">
      {clashes.map(({ sentence, fromMs }) => (
        <li key={`${sentence} ${fromMs ?? ""}`} className={rollouts["warning"]}>
          <AlertIcon />
          <span>{sentence}</span>
        </li>
      ))}
      {isCut && <li className={rollouts["soft"]}>There is more in these weeks than is shown here.</li>}
    </ul>
  );
}

function Grid({ schedule }: { schedule: Schedule }) {
  const nowMs = useNow();
  const rows = calendarRows(schedule);
  if (rows.length === 0) {
    return (
      <Empty title="Nothing is planned in these weeks">
        <p>
          Rollouts that are scheduled or under way show here with their windows, and freezes in which nothing begins.
        </p>
      </Empty>
    );
  }
  const { fromMs, toMs } = schedule;
  const lines = dayLines(fromMs, toMs);
  const now = (nowMs - fromMs) / (toMs - fromMs);
  return (
    <section className={page["card"]} aria-label="Calendar">
      <div className={classes["grid"]}>
        <div className={classes["days"]} aria-hidden="true">
          {lines.map(({ atMs, left }) => (
            <span key={atMs} className={classes["day"]} style={{ left: `${left * 100}%` }}>
              {dateText(atMs, localZone).slice(0, -5)}
            </span>
          ))}
        </div>
        {rows.map((row) => (
          <Row key={row.key} row={row} lines={lines} now={now} />
        ))}
      </div>
    </section>
  );
}

interface RowProps {
  row: CalendarRow;
  lines: readonly { atMs: number; left: number }[];
  now: number;
}

const rangeText = (fromMs: number, toMs: number | null) =>
  `${absoluteText(fromMs, localZone)} to ${toMs === null ? "an end that nobody can say" : absoluteText(toMs, localZone)}`;

function Row({ row: { kind, title, rolloutId, models, countries, bars }, lines, now }: RowProps) {
  const where = [models.join(", "), countries.join(", ")].filter((part) => part !== "").join("; ");
  const first = bars[0];
  return (
    <>
      <div className={classes["name"]} data-kind={kind}>
        {rolloutId !== null && kind === "rollout" ? (
          <Link to="/rollouts/$id" params={{ id: rolloutId }}>
            {title}
          </Link>
        ) : kind === "window" ? (
          "Windows"
        ) : (
          title
        )}
        {kind === "freeze" && <span className={rollouts["soft"]}> Freeze: {where === "" ? "everywhere" : where}</span>}
        {first !== undefined && (
          <span className="hidden">
            {kind}, {bars.length > 1 ? `${bars.length} times, the first ` : ""}
            {rangeText(first.fromMs, first.toMs)}
          </span>
        )}
      </div>
      <div className={classes["track"]} aria-hidden="true">
        {lines.map(({ atMs, left }) => (
          <span key={atMs} className={classes["midnight"]} style={{ left: `${left * 100}%` }} />
        ))}
        {bars.map((bar, at) => (
          <span
            key={at}
            className={classes["bar"]}
            data-kind={kind}
            data-open-ended={bar.isOpenEnded}
            style={{ left: `${bar.left * 100}%`, width: `${bar.width * 100}%` }}
            title={`${title}: ${rangeText(bar.fromMs, bar.toMs)}${bar.timeZones.length > 0 ? ` (${bar.timeZones.join(", ")})` : ""}`}
          />
        ))}
        {now >= 0 && now <= 1 && <span className={classes["now"]} style={{ left: `${now * 100}%` }} />}
      </div>
    </>
  );
}
