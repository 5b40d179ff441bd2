import { useQuery } from "@tanstack/react-query";
import { securityDayQuery } from "../../api/queries.ts";
import { plural } from "../../core/numbers.ts";
import { countByHour, type HourCount } from "../../core/security.ts";
import { shortClockText } from "../../core/time.ts";
import { localZone, useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import classes from "./day-chart.module.css";

const hours = 24;
const layers = ["info", "warning", "alert"] as const;
const totalOf = ({ alert, warning, info }: HourCount) => alert + warning + info;

/** How many events each hour of the last day had: a bar for each, and the same in words for who listens. */
export function DayChart() {
  const question = useQuery(securityDayQuery).data;
  const nowMs = useNow();
  if (question === undefined || question.items.length === 0) return null;
  const counts = countByHour(question.items, nowMs, hours);
  const peak = Math.max(1, ...counts.map(totalOf));
  const alerts = counts.reduce((sum, { alert }) => sum + alert, 0);
  const busiest = counts.toSorted((a, b) => totalOf(b) - totalOf(a))[0];
  const total = counts.reduce((sum, count) => sum + totalOf(count), 0);
  return (
    <section className={page["card"]} aria-label="The last 24 hours">
      <div className={page["head"]}>
        <h2>The last 24 hours</h2>
        <span className={`${page["soft"]} numbers`}>
          {question.nextCursor === null ? plural(total, "event") : `the newest ${plural(total, "event")}`},{" "}
          {plural(alerts, "alert")}
        </span>
      </div>
      <figure
        className={classes["figure"]}
        role="img"
        aria-label={`Events by hour, at most ${peak}, in the hour from ${shortClockText(busiest?.fromMs ?? nowMs, localZone)}`}
        data-points={hours}
      >
        <div className={classes["bars"]}>
          {counts.map((count) => (
            <div key={count.fromMs} className={classes["hour"]} title={hourWords(count)}>
              {layers.map((layer) => (
                <span key={layer} className={classes[layer]} style={{ height: `${(100 * count[layer]) / peak}%` }} />
              ))}
            </div>
          ))}
        </div>
        <div className={`${classes["axis"]} numbers`}>
          <span>{shortClockText(counts[0]?.fromMs ?? nowMs, localZone)}</span>
          <span>most in an hour: {peak}</span>
          <span>now</span>
        </div>
      </figure>
    </section>
  );
}

const hourWords = (count: HourCount) =>
  `From ${shortClockText(count.fromMs, localZone)}: ${plural(count.alert, "alert")}, ${plural(count.warning, "warning")}, ${count.info} info`;
