import { useElementSize } from "@mantine/hooks";
import { useMemo, useState } from "react";
import type { TelemetryRange } from "../api/shapes.ts";
import type { TraceReading } from "../core/case-words.ts";
import { chartData, pointAt } from "../core/chart-data.ts";
import { lineStyle, type MetricInfo } from "../core/metrics.ts";
import { plural, valueText } from "../core/numbers.ts";
import { absoluteText } from "../core/time.ts";
import { ChartTable } from "../pages/device/chart-table.tsx";
import { TelemetryChart } from "../pages/device/telemetry-chart.tsx";
import { localZone } from "./now.ts";
import page from "./page.module.css";
import classes from "./reading-chart.module.css";

interface ReadingChartProps {
  /** What it shows, in words. */
  name: string;
  range: TelemetryRange;
  metrics: readonly MetricInfo[];
  /** Times that matter, each with what happened. */
  marks: readonly { atMs: number; title: string; colour: string }[];
  /** Readings that are marked on their lines. */
  dots?: readonly TraceReading[];
  /** The moment that everything is about. */
  momentMs: number | null;
  /** The lines that are drawn before anybody chose. */
  telling: readonly string[];
  height?: number;
}

/** Readings with marks, a legend that names the values under the cursor, and the same as a table. */
export function ReadingChart(props: ReadingChartProps) {
  const { name, range: whole, metrics, marks, dots = noDots, momentMs, telling, height = 240 } = props;
  const { ref, width } = useElementSize();
  const [zoom, setZoom] = useState<{ fromMs: number; toMs: number } | null>(null);
  const [cursorMs, setCursorMs] = useState<number | null>(null);
  const [chosen, setChosen] = useState<readonly string[] | null>(null);
  const drawn = chosen ?? telling;
  const wanted = drawn.join(" ");
  const range = useMemo(
    () => ({ ...whole, series: whole.series.filter(({ metric }) => wanted.split(" ").includes(metric)) }),
    [whole, wanted],
  );
  const data = useMemo(() => chartData(range), [range]);
  const shown = zoom ?? { fromMs: range.fromMs, toMs: range.toMs };
  const values = whole.series.map((series) => {
    const point = cursorMs === null ? null : pointAt(series, cursorMs, range.bucketMs);
    return { ...series, text: point === null ? null : valueText(point[2], series.unit) };
  });
  const spoken = values.filter(({ points }) => points.length > 0);
  const near = cursorMs === null ? null : nearest(marks, cursorMs, (shown.toMs - shown.fromMs) / 60);
  const words = values
    .flatMap(({ metric, label, text }) => (text === null || !drawn.includes(metric) ? [] : [`${label} ${text}`]))
    .join(", ");
  const keyed = useMemo(
    () => marks.map((mark, at) => ({ ...mark, key: `${at} ${mark.atMs}`, milestone: null })),
    [marks],
  );
  return (
    <figure className={classes["figure"]} aria-label={name} data-points={data.points} data-marks={marks.length}>
      <ul className={classes["legend"]}>
        {spoken.map(({ metric, label, text }) => (
          <li key={metric}>
            <button
              type="button"
              className={classes["line"]}
              aria-pressed={drawn.includes(metric)}
              onClick={() =>
                setChosen(drawn.includes(metric) ? drawn.filter((one) => one !== metric) : [...drawn, metric])
              }
            >
              <span
                className={classes["swatch"]}
                style={{ borderTopColor: `var(${lineStyle(metric, metrics).colour})` }}
                aria-hidden="true"
              />
              {label} {text !== null && <strong className="numbers">{text}</strong>}
            </button>
          </li>
        ))}
        {dots.length > 0 && (
          <li>
            <span className={classes["dot"]} aria-hidden="true" />
            {plural(dots.length, "reading")} behind it
          </li>
        )}
      </ul>
      <div ref={ref} style={{ minHeight: height }}>
        {width > 0 && (
          <TelemetryChart
            deviceId={range.series[0]?.deviceId ?? ""}
            data={data}
            outside={nowhere}
            metrics={metrics}
            window={shown}
            marks={keyed}
            dots={dots}
            selectedMs={momentMs}
            timeZone={localZone}
            width={width}
            height={height}
            name={name}
            cursorMs={cursorMs}
            cursorWords={near === null ? words : `${near.title}. ${words}`}
            onHover={setCursorMs}
            onPick={() => {}}
            onZoom={(fromMs, toMs) => {
              const asked = { fromMs: Math.max(whole.fromMs, fromMs), toMs: Math.min(whole.toMs, toMs) };
              if (asked.toMs > asked.fromMs) setZoom(asked);
            }}
          />
        )}
      </div>
      <p className={`${classes["readout"]} numbers`}>
        {cursorMs === null ? (
          <span>Drag over the chart to look closer.</span>
        ) : (
          <span>
            {absoluteText(cursorMs, localZone)}
            {near !== null && `: ${near.title}`}
          </span>
        )}
        {zoom !== null && (
          <button type="button" className={page["asLink"]} onClick={() => setZoom(null)}>
            Show all of it
          </button>
        )}
      </p>
      <details className={page["more"]}>
        <summary>As a table</summary>
        <ChartTable answer={range} timeZone={localZone} />
      </details>
    </figure>
  );
}

const nowhere: readonly [] = [];
const noDots: readonly TraceReading[] = [];

function nearest<Mark extends { atMs: number }>(marks: readonly Mark[], atMs: number, withinMs: number): Mark | null {
  return marks.reduce<Mark | null>((best, mark) => {
    const distance = Math.abs(mark.atMs - atMs);
    return distance <= withinMs && (best === null || distance < Math.abs(best.atMs - atMs)) ? mark : best;
  }, null);
}
