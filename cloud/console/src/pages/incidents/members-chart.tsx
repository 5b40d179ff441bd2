import type { MemberStep } from "../../core/incidents.ts";
import { countText, plural } from "../../core/numbers.ts";
import { absoluteText, shortClockText } from "../../core/time.ts";
import { NumberTable } from "../../parts/number-table.tsx";
import page from "../../parts/page.module.css";
import { localZone } from "../../parts/now.ts";
import classes from "./incidents.module.css";

const width = 600;
const height = 140;
/** Rows that somebody reads; what lies between them is in the chart. */
const rowsMax = 40;

interface MembersChartProps {
  steps: readonly MemberStep[];
  untilMs: number;
}

/** How many have had the cause, and how many have it, over time; and the same as a table. */
export function MembersChart({ steps, untilMs }: MembersChartProps) {
  const first = steps[0];
  const last = steps.at(-1);
  if (first === undefined || last === undefined) return null;
  // A beginning and an end beside the first and last step, so that what happened in one moment is seen as a step.
  const marginMs = Math.max(60_000, (untilMs - first.atMs) * 0.05);
  const fromMs = first.atMs - marginMs;
  const spanMs = Math.max(1, untilMs - fromMs);
  const peak = Math.max(1, last.had);
  const x = (atMs: number) => ((atMs - fromMs) / spanMs) * width;
  const y = (count: number) => height - (count / peak) * (height - 6);
  const line = (valueOf: (step: MemberStep) => number) =>
    steps.reduce(
      (path, step) => `${path} H${x(step.atMs).toFixed(1)} V${y(valueOf(step)).toFixed(1)}`,
      `M0,${height}`,
    ) + ` H${width}`;
  const most = Math.max(...steps.map(({ have }) => have));
  const every = Math.max(1, Math.ceil(steps.length / rowsMax));
  return (
    <figure className={classes["figure"]} aria-label="Appliances with the cause over time" data-points={steps.length}>
      <ul className={classes["legend"]}>
        <li>
          <span className={classes["swatch"]} data-line="had" aria-hidden="true" />
          <span>
            have had it: <strong className="numbers">{countText(last.had)}</strong>
          </span>
        </li>
        <li>
          <span className={classes["swatch"]} data-line="have" aria-hidden="true" />
          <span>
            have it: <strong className="numbers">{countText(last.have)}</strong>, at most {countText(most)}
          </span>
        </li>
      </ul>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${plural(last.had, "appliance")} have had the cause, ${countText(last.have)} have it, at most ${countText(most)} at once`}
      >
        <path className={classes["area"]} d={`${line(({ have }) => have)} V${height} Z`} />
        <path className={classes["had"]} d={line(({ had }) => had)} vectorEffect="non-scaling-stroke" />
        <path className={classes["have"]} d={line(({ have }) => have)} vectorEffect="non-scaling-stroke" />
        <path className={classes["base"]} d={`M0,${height} H${width}`} vectorEffect="non-scaling-stroke" />
      </svg>
      <div className={`${classes["axis"]} numbers`} aria-hidden="true">
        <span>{shortClockText(fromMs, localZone)}</span>
        <span>{shortClockText(untilMs, localZone)}</span>
      </div>
      <details className={page["more"]}>
        <summary>As a table</summary>
        <NumberTable
          label="Members as a table"
          heads={["Time", "Have had it", "Have it"]}
          rows={steps
            .filter((_step, at) => at % every === 0 || at === steps.length - 1)
            .map(({ atMs, had, have }) => ({
              key: atMs,
              of: absoluteText(atMs, localZone),
              cells: [countText(had), countText(have)],
            }))}
        />
      </details>
    </figure>
  );
}
