import type { TelemetryRange } from "../../api/shapes.ts";
import { pointAt } from "../../core/chart-data.ts";
import { lineStyle, type MetricInfo } from "../../core/metrics.ts";
import { valueText } from "../../core/numbers.ts";
import { agoText } from "../../core/time.ts";
import { useNow } from "../../parts/now.ts";
import classes from "./chart.module.css";

/** What a metric was at a time, as far as the chart knows it; without a time, what it was last. */
export function valueWords(info: MetricInfo, answer: TelemetryRange | undefined, cursorMs: number | null): string {
  const { latest, unit, kind } = info;
  if (cursorMs === null) return latest === null ? "none" : valueText(latest.value, unit);
  // The appliance's own series come before those of another that it is compared with.
  const series = answer?.series.find(({ metric }) => metric === info.metric);
  if (answer === undefined || series === undefined) return "–";
  const point = pointAt(series, cursorMs - answer.bucketMs / 2, answer.bucketMs);
  if (point === null) return "none";
  return kind === "flag" ? valueText(point[3] >= 0.5, "") : valueText(point[2], unit);
}

/** An appliance at rest speaks once a minute; what is older than this is not how it is now. */
const freshMsMax = 150_000;

/** How old a last value is, where it is not of this moment: an oven that is off has no setpoint, only one that was. */
function Age({ info: { latest }, nowMs }: { info: MetricInfo; nowMs: number }) {
  if (latest === null || nowMs - latest.atMs <= freshMsMax) return null;
  return <span className={classes["tileAge"]}>{agoText(latest.atMs, nowMs)}</span>;
}

interface MetricTilesProps {
  metrics: readonly MetricInfo[];
  selected: readonly string[];
  answer: TelemetryRange | undefined;
  cursorMs: number | null;
  onToggle: (metric: string) => void;
}

/** Every metric with its value now, or where the cursor stands; pressed in, it is on the chart. The chart's legend and its choice in one. */
export function MetricTiles({ metrics, selected, answer, cursorMs, onToggle }: MetricTilesProps) {
  const nowMs = useNow();
  return (
    <div className={classes["tiles"]} role="group" aria-label="Metrics on the chart">
      {metrics.map((info) => {
        const pressed = selected.includes(info.metric);
        const style = lineStyle(info.metric, metrics);
        return (
          <button
            key={info.metric}
            type="button"
            className={classes["tile"]}
            aria-pressed={pressed}
            onClick={() => onToggle(info.metric)}
          >
            <span className={classes["tileLabel"]}>
              <span
                className={classes["swatch"]}
                aria-hidden="true"
                style={pressed ? { borderTop: `3px ${style.dashed ? "dotted" : "solid"} var(${style.colour})` } : {}}
              />
              <span>{info.label}</span>
            </span>
            <span className={`${classes["tileValue"]} numbers`}>
              {valueWords(info, answer, pressed ? cursorMs : null)}
              {(!pressed || cursorMs === null) && <Age info={info} nowMs={nowMs} />}
            </span>
          </button>
        );
      })}
    </div>
  );
}
