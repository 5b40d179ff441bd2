import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import type { DryRun } from "../../api/loyalty-shapes.ts";
import { countText, plural } from "../../core/numbers.ts";
import { HouseholdLink } from "../../parts/household-link.tsx";
import page from "../../parts/page.module.css";
import classes from "./loyalty.module.css";

export interface DryRunAsked {
  days: number;
  householdId: string;
}

const spans = [
  { value: "7", label: "The last 7 days" },
  { value: "30", label: "The last 30 days" },
  { value: "90", label: "The last 90 days" },
  { value: "365", label: "The last year" },
];

interface DryRunCardProps {
  run: DryRun | null;
  isRunning: boolean;
  isWrong: boolean;
  onAsk: (asked: DryRunAsked) => void;
}

/** Tries the rule, as it stands in the form, on what households did. */
export function DryRunCard({ run, isRunning, isWrong, onAsk }: DryRunCardProps) {
  const [days, setDays] = useState("30");
  const [household, setHousehold] = useState("");
  return (
    <section className={page["card"]} aria-label="Dry run">
      <div>
        <h2>Try it on the past</h2>
        <p className={page["note"]}>
          The rule as it stands beside this, on what households did. It tells what they would have got, and nobody gets
          anything.
        </p>
      </div>
      <form
        className={classes["ask"]}
        onSubmit={(event) => {
          event.preventDefault();
          onAsk({ days: Number(days), householdId: household.trim() });
        }}
      >
        <NativeSelect label="When" value={days} onChange={(event) => setDays(event.currentTarget.value)} data={spans} />
        <TextInput
          label="Only this household (its id)"
          placeholder="All of them"
          value={household}
          onChange={(event) => setHousehold(event.currentTarget.value)}
        />
        <Button type="submit" variant="default" loading={isRunning}>
          Try it
        </Button>
      </form>
      {isWrong && <p className={page["note"]}>The form says what is missing or wrong before it can be tried.</p>}
      {run !== null && <Result run={run} />}
    </section>
  );
}

const shownMax = 20;

function Result({ run }: { run: DryRun }) {
  const { acts, isCut, households, earnings, points, refused, returns, effects, perHousehold } = run;
  if (acts === 0)
    return (
      <p role="status">
        Nobody did any such thing in that time, so there is nothing to try it on. It may be put in force all the same.
      </p>
    );
  return (
    <div role="status" className={page["form"]}>
      <div>
        <p>
          <strong className={`${classes["big"]} numbers`}>{plural(points, "point")}</strong>
        </p>
        <p>
          to {plural(households, "household")}, for {plural(earnings, "earning")} out of {plural(acts, "act")}
          {isCut && ", the first of more"}.
        </p>
      </div>
      {households > 0 && (
        <p className={page["note"]}>
          Half of these would have got {plural(perHousehold.median, "point")} or less, and the luckiest{" "}
          {countText(perHousehold.max)}.
        </p>
      )}
      <p className={page["note"]}>
        {refused > 0 && `${plural(refused, "more")} would have been over the limit. `}
        {returns > 0 && `${plural(returns, "act")} would have taken points back. `}
        {earnings === 0 && returns === 0 && "The condition held for none of them."}
      </p>
      <DaysPicture run={run} />
      {effects.length > 0 && (
        <details>
          <summary>Some of what they would have got</summary>
          <ul className={`${classes["list"]} numbers`} aria-label="What they would have got">
            {effects.slice(0, shownMax).map(({ householdId, source, points: one, effectIndex, day }) => (
              <li key={`${source} ${effectIndex}`}>
                <span>{day}</span>
                <HouseholdLink id={householdId} name={null} />
                <span>+{countText(one)}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

const dayMs = 86_400_000;
const barsMax = 45;

/** Points by day, or by several days where there are many: a bar for each, and the same in words for who listens. */
function DaysPicture({ run: { days, fromMs, toMs } }: { run: DryRun }) {
  if (days.length === 0) return null;
  const count = Math.max(1, Math.round((toMs - fromMs) / dayMs));
  const ofOne = Math.ceil(count / barsMax);
  const firstDay = Math.floor(fromMs / dayMs);
  const bars = Array.from({ length: Math.ceil((count + 1) / ofOne) }, (_, at) => ({ at, points: 0 }));
  for (const { day, points } of days) {
    const bar = bars[Math.floor((Date.parse(day) / dayMs - firstDay) / ofOne)];
    if (bar !== undefined) bar.points += points;
  }
  const peak = Math.max(1, ...bars.map(({ points }) => points));
  const span = ofOne === 1 ? "a day" : `${ofOne} days`;
  const dayOf = (at: number) => new Date((firstDay + at * ofOne) * dayMs).toISOString().slice(0, 10);
  return (
    <figure
      className={classes["days"]}
      role="img"
      aria-label={`Points by ${span}, at most ${countText(peak)}`}
      data-bars={bars.length}
    >
      <div className={classes["bars"]}>
        {bars.map(({ at, points }) => (
          <div key={at} title={`${dayOf(at)}: ${plural(points, "point")}`}>
            <span style={{ height: `${(100 * points) / peak}%` }} />
          </div>
        ))}
      </div>
      <div className={`${classes["axis"]} numbers`}>
        <span>{days[0]?.day}</span>
        <span>
          most in {span}: {countText(peak)}
        </span>
        <span>{days.at(-1)?.day}</span>
      </div>
    </figure>
  );
}
