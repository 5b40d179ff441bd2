import "uplot/dist/uPlot.min.css";
import { useComputedColorScheme } from "@mantine/core";
import { type KeyboardEvent, useEffect, useRef } from "react";
import uPlot from "uplot";
import type { ChartData } from "../../core/chart-data.ts";
import type { MetricInfo } from "../../core/metrics.ts";
import { clockText } from "../../core/time.ts";
import { chartOptions, type ChartSource, colourReader, columnsOf, pinCursor } from "./chart-options.ts";
import classes from "./chart.module.css";

interface TelemetryChartProps extends ChartSource {
  data: ChartData;
  metrics: readonly MetricInfo[];
  timeZone: string;
  width: number;
  height: number;
  /** What it shows, in words. */
  name: string;
  /** Where the cursor stands: under the pointer, or at the entry that is selected. */
  cursorMs: number | null;
  /** The values there, in words. */
  cursorWords: string;
}

/** Steps of the arrow keys across the whole width. */
const keySteps = 120;

/** The readings of a range. The pointer drags a range open, a click picks what happened there, arrow keys move the cursor. */
export function TelemetryChart(props: TelemetryChartProps) {
  const { data, metrics, timeZone, width, height, name, cursorMs, cursorWords } = props;
  const { window: shown, marks, selectedMs, onHover } = props;
  const scheme = useComputedColorScheme("light");
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const latest = useRef(props);
  latest.current = props;

  // What a chart is made of stands still while its values change; only another set of lines makes another chart.
  const structure = JSON.stringify([
    data.series.map(({ metric }) => metric),
    metrics.map(({ metric }) => metric),
    timeZone,
    scheme,
  ]);
  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const source = () => latest.current;
    const made = new uPlot(
      chartOptions(latest.current, source, colourReader(element)),
      columnsOf(latest.current.data),
      element,
    );
    plot.current = made;
    return () => {
      made.destroy();
      element.replaceChildren();
      plot.current = null;
    };
  }, [structure]);

  useEffect(() => {
    plot.current?.setData(columnsOf(data));
  }, [data, shown.fromMs, shown.toMs]);

  useEffect(() => {
    plot.current?.setSize({ width, height });
  }, [width, height]);

  useEffect(() => {
    const made = plot.current;
    if (made === null) return;
    pinCursor(made, selectedMs);
    made.redraw(false, false);
  }, [marks, selectedMs, data, structure]);

  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const stepMs = (shown.toMs - shown.fromMs) / keySteps;
    const from = cursorMs ?? (step > 0 ? shown.fromMs : shown.toMs);
    const atMs = Math.min(shown.toMs, Math.max(shown.fromMs, from + step * stepMs));
    if (plot.current !== null) pinCursor(plot.current, atMs);
    onHover(atMs);
  };

  return (
    <div
      ref={host}
      className={classes["plot"]}
      style={{ height }}
      role="slider"
      tabIndex={0}
      aria-label={`${name}. Arrow keys move along it.`}
      aria-valuemin={Math.round(shown.fromMs / 1_000)}
      aria-valuemax={Math.round(shown.toMs / 1_000)}
      aria-valuenow={Math.round((cursorMs ?? shown.toMs) / 1_000)}
      aria-valuetext={cursorMs === null ? "the newest values" : `${clockText(cursorMs, timeZone)}: ${cursorWords}`}
      onKeyDown={onKeyDown}
      onBlur={() => onHover(null)}
    />
  );
}
