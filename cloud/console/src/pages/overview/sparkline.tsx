import { rateText } from "../../core/numbers.ts";
import { durationText } from "../../core/time.ts";
import type { Rate } from "../../core/rates.ts";
import classes from "./sparkline.module.css";

/** It grows with what has been seen, from one minute to five. */
const spanMsMin = 60_000;
const spanMsMax = 300_000;
const width = 600;
const height = 100;

/** The last five minutes of a rate, from zero. It starts where the console started to look. */
export function Sparkline({ rates, atMs }: { rates: readonly Rate[]; atMs: number }) {
  const seenMs = atMs - (rates[0]?.atMs ?? atMs);
  const spanMs = Math.min(spanMsMax, Math.max(spanMsMin, seenMs));
  const shown = rates.filter((rate) => rate.atMs >= atMs - spanMs);
  const peak = shown.reduce((most, rate) => Math.max(most, rate.perSecond), 0);
  const x = (at: number) => width - ((atMs - at) / spanMs) * width;
  const y = (perSecond: number) => height - (peak === 0 ? 0 : (perSecond / peak) * (height - 4));
  const path = shown.map((rate) => `${x(rate.atMs).toFixed(1)},${y(rate.perSecond).toFixed(1)}`).join(" L");
  const first = shown[0];
  return (
    <figure className={classes["figure"]}>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Readings a second in the last ${durationText(spanMs)}, at most ${rateText(peak)}`}
        data-points={shown.length}
      >
        {first !== undefined && (
          <>
            <path className={classes["area"]} d={`M${x(first.atMs)},${height} L${path} L${width},${height} Z`} />
            <path className={classes["line"]} d={`M${path}`} vectorEffect="non-scaling-stroke" />
          </>
        )}
        <path className={classes["base"]} d={`M0,${height} H${width}`} vectorEffect="non-scaling-stroke" />
      </svg>
      <div className={`${classes["axis"]} numbers`} aria-hidden="true">
        <span>{durationText(spanMs)} ago</span>
        <span>{peak > 0 && `most: ${rateText(peak)}`}</span>
        <span>now</span>
      </div>
    </figure>
  );
}
