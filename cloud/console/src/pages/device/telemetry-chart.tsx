import "uplot/dist/uPlot.min.css";
import { useComputedColorScheme } from "@mantine/core";
import { type KeyboardEvent, type RefObject, useEffect, useRef } from "react";
import uPlot from "uplot";
import type { ChartData } from "../../core/chart-data.ts";
import type { MetricInfo } from "../../core/metrics.ts";
import { clockText } from "../../core/time.ts";
import { panned, type Span, zoomed } from "../../core/zoom.ts";
import { chartOptions, type ChartSource, colourReader, columnsOf, pinCursor } from "./chart-options.ts";
import classes from "./chart.module.css";

interface TelemetryChartProps extends ChartSource {
  deviceId: string;
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

/** How far Shift with an arrow key moves the range. */
const keyPan = 0.25;
/** How long the wheel rests before the service is asked. */
const wheelRestMs = 120;
/** Of the range, for each pixel that the wheel turns. */
const wheelZoom = 0.002;
const wheelPan = 0.001;

/**
 * The wheel with Ctrl (or two fingers that spread) looks closer at where the pointer is; sideways, or with Shift, it moves the range. Alone
 * it scrolls the page, as everywhere.
 */
function useWheel(host: RefObject<HTMLDivElement | null>, latest: RefObject<TelemetryChartProps>): void {
  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    let wanted: Span | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onWheel = (event: WheelEvent) => {
      const { deltaX, deltaY, ctrlKey, metaKey, shiftKey } = event;
      const isZoom = ctrlKey || metaKey;
      const sideways = shiftKey && deltaX === 0 ? deltaY : deltaX;
      if (!isZoom && Math.abs(sideways) <= (shiftKey ? 0 : Math.abs(deltaY))) return;
      event.preventDefault();
      const span = wanted ?? latest.current.window;
      const over = element.querySelector(".u-over")?.getBoundingClientRect();
      const share = over === undefined ? 0.5 : Math.min(1, Math.max(0, (event.clientX - over.left) / over.width));
      const atMs = span.fromMs + share * (span.toMs - span.fromMs);
      wanted = isZoom
        ? zoomed(span, Math.exp(deltaY * wheelZoom), atMs, Date.now())
        : panned(span, sideways * wheelPan, Date.now());
      clearTimeout(timer);
      timer = setTimeout(() => {
        if (wanted !== null) latest.current.onZoom(wanted.fromMs, wanted.toMs);
        wanted = null;
      }, wheelRestMs);
    };
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => {
      clearTimeout(timer);
      element.removeEventListener("wheel", onWheel);
    };
  }, [host, latest]);
}

/** The readings of a range. The pointer drags a range open, a click picks what happened there, arrow keys move the cursor. */
export function TelemetryChart(props: TelemetryChartProps) {
  const { data, metrics, timeZone, width, height, name, cursorMs, cursorWords } = props;
  const { window: shown, marks, selectedMs, onHover } = props;
  const scheme = useComputedColorScheme("light");
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const latest = useRef(props);
  latest.current = props;
  const isPressed = useRef(false);

  // What a chart is made of stands still while its values change; only another set of lines makes another chart.
  const structure = JSON.stringify([
    data.series.map(({ deviceId, metric }) => [deviceId, metric]),
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

  useWheel(host, latest);

  useEffect(() => {
    plot.current?.setData(columnsOf(data));
  }, [data, shown.fromMs, shown.toMs]);

  useEffect(() => {
    plot.current?.setSize({ width, height });
  }, [width, height]);

  useEffect(() => {
    const made = plot.current;
    if (made === null) return;
    // A range that is being dragged open ends where the pointer is, and not at what is selected.
    if (!isPressed.current) pinCursor(made, selectedMs);
    made.redraw(false, false);
  }, [marks, selectedMs, data, structure]);

  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    if (event.shiftKey) {
      const { fromMs, toMs } = panned(shown, step * keyPan, Date.now());
      props.onZoom(fromMs, toMs);
      return;
    }
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
      aria-label={`${name}. Arrow keys move along it, with Shift they move the range.`}
      aria-valuemin={Math.round(shown.fromMs / 1_000)}
      aria-valuemax={Math.round(shown.toMs / 1_000)}
      aria-valuenow={Math.round((cursorMs ?? shown.toMs) / 1_000)}
      aria-valuetext={cursorMs === null ? "the newest values" : `${clockText(cursorMs, timeZone)}: ${cursorWords}`}
      onPointerDown={() => {
        isPressed.current = true;
        addEventListener("pointerup", () => (isPressed.current = false), { once: true });
      }}
      onKeyDown={onKeyDown}
      onBlur={() => onHover(null)}
    />
  );
}
