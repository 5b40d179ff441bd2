import uPlot from "uplot";
import { type LineStyle, lineStyle, type MetricInfo } from "../../core/metrics.ts";
import type { ChartData } from "../../core/chart-data.ts";
import { measureText } from "../../core/numbers.ts";
import type { Milestone } from "../../core/timeline.ts";
import type { Span } from "../../core/zoom.ts";
import { clockText, dateText, shortClockText } from "../../core/time.ts";

/** What a chart draws, and what it tells back. Read anew at each use, so that it may change while the chart stands. */
export interface ChartSource {
  window: Span;
  marks: readonly { key: string; atMs: number; colour: string; milestone: Milestone | null }[];
  /** Times in which something lay outside what the model declares. */
  outside: readonly Span[];
  /** Readings that are marked where they are, by the metric that they belong to. */
  dots?: readonly { atMs: number; metric: string; value: number }[];
  selectedMs: number | null;
  onHover: (atMs: number | null) => void;
  onPick: (atMs: number, withinMs: number) => void;
  onZoom: (fromMs: number, toMs: number) => void;
}

interface Structure {
  /** The appliance whose page it is; what another's measures is drawn dotted. */
  deviceId: string;
  data: ChartData;
  metrics: readonly MetricInfo[];
  timeZone: string;
  width: number;
  height: number;
}

/** Three columns for each metric: what the band lies between, and the mean. */
const columnsPerMetric = 3;
/** A mark is met from this near, in pixels of the page. */
const pickPixels = 14;
const dragPixelsMin = 6;
const font = "12px sans-serif";

/** uPlot takes a column as it is; flags are drawn from the mean alone. */
export const columnsOf = ({ xs, series }: ChartData): uPlot.AlignedData => [
  xs,
  ...series.flatMap(({ max, min, mean }) => [max, min, mean]),
];

/** A CSS variable as a colour that a canvas takes, in the scheme of the moment. */
export function colourReader(host: HTMLElement): (name: string) => string {
  const probe = document.createElement("span");
  probe.hidden = true;
  host.append(probe);
  return (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
}

const transparent = (colour: string, alpha: number) => colour.replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);

/** Points that no line leads to would not be seen; they alone get a dot. */
function lonelyPoints(column: uPlot.AlignedData[number]): number[] {
  const filled: { at: number; value: number | null }[] = [];
  for (let at = 0; at < column.length; at += 1) {
    const value = column[at];
    if (value !== undefined) filled.push({ at, value });
  }
  return filled
    .filter(
      ({ value }, at) =>
        value !== null && (filled[at - 1]?.value ?? null) === null && (filled[at + 1]?.value ?? null) === null,
    )
    .map(({ at }) => at);
}

const unitScale = (unit: string) => `unit ${unit}`;
const flagScale = "flag";

/** Room above and below the line, never below zero for what cannot be negative. */
const valueRange: uPlot.Scale.Range = (_plot, min, max) => {
  if (min === null || max === null) return [0, 1];
  const room = Math.max((max - min) * 0.08, Math.abs(max) * 0.01, 0.5);
  return [min >= 0 && min < room ? 0 : min - room, max + room];
};

interface SeriesLook {
  style: LineStyle;
  scale: string;
  isFlag: boolean;
  isOther: boolean;
  colour: string;
}

function metricSeries({ style, scale, isFlag, isOther, colour }: SeriesLook): uPlot.Series[] {
  const unseen: uPlot.Series = { scale, width: 0, points: { show: false } };
  const dashes = isOther ? { dash: [2, 3] } : style.dashed ? { dash: [6, 4] } : {};
  const filled =
    isFlag && !isOther && uPlot.paths.stepped !== undefined
      ? { paths: uPlot.paths.stepped({ align: 1 }), fill: transparent(colour, 0.25) }
      : {};
  const mean: uPlot.Series = {
    scale,
    stroke: colour,
    width: style.dashed ? 1.5 : 2,
    ...dashes,
    ...filled,
    points: { show: true, size: 5, fill: colour, filter: (plot, at) => lonelyPoints(plot.data[at] ?? []) },
  };
  return [unseen, unseen, mean];
}

/** Ticks as the reader's clock shows them: seconds, minutes or days, and the day where it changes. */
function timeTicks(timeZone: string): uPlot.Axis.Values {
  return (_plot, splits, _axis, _space, stepS) => {
    let day = "";
    return splits.map((second) => {
      const atMs = second * 1_000;
      const date = dateText(atMs, timeZone).replace(/ \d{4}$/, "");
      if (stepS >= 86_400) return date;
      const clock = stepS < 60 ? clockText(atMs, timeZone) : shortClockText(atMs, timeZone);
      const isNewDay = date !== day;
      day = date;
      return isNewDay ? `${clock}\n${date}` : clock;
    });
  };
}

function unitAxis(unit: string, at: number, colour: (name: string) => string): uPlot.Axis {
  return {
    scale: unitScale(unit),
    side: at === 0 ? 3 : 1,
    stroke: colour("--ink-soft"),
    font,
    gap: 6,
    size: (_plot, values) => 14 + 6.6 * Math.max(3, ...(values ?? []).map((value) => value.length)),
    ticks: { show: false },
    grid: at === 0 ? { stroke: colour("--edge"), width: 1 } : { show: false },
    values: (_plot, splits) =>
      splits.map((value) => (unit === "" ? measureText(value) : `${measureText(value)} ${unit}`)),
  };
}

const toneColours: Record<Milestone["tone"], string> = {
  fault: "--wrong",
  firmware: "--line-petrol",
  case: "--mind",
};

/** Behind the lines: times in which something lay outside its declared range. */
function drawOutside(plot: uPlot, source: ChartSource, colour: (name: string) => string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = colour("--wrong-wash");
  for (const { fromMs, toMs } of source.outside) {
    const [left, right] = [fromMs, toMs].map((atMs) => plot.valToPos(atMs / 1_000, "x", true));
    const from = Math.max(bbox.left, left ?? 0);
    const to = Math.min(bbox.left + bbox.width, Math.max(right ?? 0, (left ?? 0) + 2 * devicePixelRatio));
    if (to > from) ctx.fillRect(from, bbox.top, to - from, bbox.height);
  }
  ctx.restore();
}

/** Room for the word beside a milestone, in pixels of the page. */
const labelRoom = 64;

/** Faults, firmware and cases through the whole height, with a word each where there is room. */
function drawMilestones(plot: uPlot, source: ChartSource, colour: (name: string) => string): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  let freeFrom = Number.NEGATIVE_INFINITY;
  ctx.save();
  ctx.font = `${11 * ratio}px sans-serif`;
  ctx.textBaseline = "top";
  ctx.lineWidth = ratio;
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  for (const { atMs, milestone } of source.marks.toSorted((a, b) => a.atMs - b.atMs)) {
    const x = Math.round(plot.valToPos(atMs / 1_000, "x", true));
    if (milestone === null || x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = ctx.fillStyle = colour(toneColours[milestone.tone]);
    ctx.globalAlpha = 0.7;
    ctx.beginPath();
    ctx.moveTo(x + 0.5, bbox.top);
    ctx.lineTo(x + 0.5, bbox.top + bbox.height);
    ctx.stroke();
    ctx.globalAlpha = 1;
    if (x < freeFrom) continue;
    const isAtEnd = x + labelRoom * ratio > bbox.left + bbox.width;
    ctx.textAlign = isAtEnd ? "right" : "left";
    ctx.fillText(milestone.label, x + (isAtEnd ? -4 : 4) * ratio, bbox.top + 6 * ratio);
    freeFrom = x + labelRoom * ratio;
  }
  ctx.restore();
}

/** Marks of the timeline as ticks along the upper edge, the selected one through the whole height. */
function drawMarks(plot: uPlot, source: ChartSource, colour: (name: string) => string): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top - 10 * ratio, bbox.width, bbox.height + 10 * ratio);
  ctx.clip();
  for (const { atMs, colour: name } of source.marks) {
    const x = Math.round(plot.valToPos(atMs / 1_000, "x", true));
    ctx.fillStyle = colour(name);
    ctx.fillRect(x - ratio, bbox.top - 8 * ratio, 2 * ratio, 12 * ratio);
  }
  if (source.selectedMs !== null) {
    const x = Math.round(plot.valToPos(source.selectedMs / 1_000, "x", true));
    ctx.fillStyle = colour("--ink");
    ctx.fillRect(x - ratio * 0.75, bbox.top - 8 * ratio, 1.5 * ratio, bbox.height + 8 * ratio);
    ctx.beginPath();
    ctx.arc(x, bbox.top - 4 * ratio, 5 * ratio, 0, 2 * Math.PI);
    ctx.fill();
  }
  ctx.restore();
}

/** Rings around readings that matter, on the scale of their metric. */
function drawDots(plot: uPlot, source: ChartSource, units: ReadonlyMap<string, string>, colour: string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.strokeStyle = colour;
  ctx.lineWidth = 2 * devicePixelRatio;
  for (const { atMs, metric, value } of source.dots ?? []) {
    const unit = units.get(metric);
    if (unit === undefined) continue;
    ctx.beginPath();
    const [x, y] = [plot.valToPos(atMs / 1_000, "x", true), plot.valToPos(value, unitScale(unit), true)];
    ctx.arc(x, y, 4.5 * devicePixelRatio, 0, 2 * Math.PI);
    ctx.stroke();
  }
  ctx.restore();
}

/** Puts the cursor where the selected entry is, once the chart knows where that is. */
export function pinCursor(plot: uPlot, selectedMs: number | null): void {
  if (selectedMs === null) return;
  const left = plot.valToPos(selectedMs / 1_000, "x");
  if (Number.isFinite(left)) plot.setCursor({ left, top: 10 }, false);
}

const timeAt = (plot: uPlot, left: number) => plot.posToVal(left, "x") * 1_000;

function hooks(
  source: () => ChartSource,
  units: ReadonlyMap<string, string>,
  colour: (name: string) => string,
): uPlot.Hooks.Arrays {
  return {
    drawClear: [(plot) => drawOutside(plot, source(), colour)],
    draw: [
      (plot) => {
        drawMilestones(plot, source(), colour);
        drawMarks(plot, source(), colour);
        drawDots(plot, source(), units, colour("--wrong"));
      },
    ],
    setCursor: [
      (plot) => {
        const { left, event } = plot.cursor;
        // Only the pointer speaks here: the cursor is also moved by what is selected, which is known already.
        if (event === null || event === undefined) return;
        source().onHover(left === undefined || left < 0 ? null : timeAt(plot, left));
      },
    ],
    setSelect: [
      (plot) => {
        const { left, width } = plot.select;
        if (width < dragPixelsMin) return;
        plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        source().onZoom(timeAt(plot, left), timeAt(plot, left + width));
      },
    ],
    ready: [
      (plot) => {
        pinCursor(plot, source().selectedMs);
        let downAt = 0;
        plot.over.addEventListener("mousedown", (event) => {
          downAt = event.clientX;
        });
        plot.over.addEventListener("click", (event) => {
          if (Math.abs(event.clientX - downAt) >= dragPixelsMin) return;
          const left = event.clientX - plot.over.getBoundingClientRect().left;
          source().onPick(timeAt(plot, left), timeAt(plot, left + pickPixels) - timeAt(plot, left));
        });
      },
    ],
  };
}

/**
 * The options of a chart: for each metric a band from minimum to maximum with the mean as a line, a scale for each unit, flags as
 * steps along the lower edge.
 *
 * @param source asked at each drawing and event
 */
export function chartOptions(
  { deviceId, data, metrics, timeZone, width, height }: Structure,
  source: () => ChartSource,
  colour: (name: string) => string,
): uPlot.Options {
  const infoOf = (metric: string) => metrics.find((info) => info.metric === metric);
  const isFlag = (metric: string) => infoOf(metric)?.kind === "flag";
  const units = [...new Set(data.series.filter(({ metric }) => !isFlag(metric)).map(({ unit }) => unit))];
  const scales = Object.fromEntries(units.map((unit) => [unitScale(unit), { range: valueRange }]));
  const unitOf = new Map(data.series.filter(({ metric }) => !isFlag(metric)).map(({ metric, unit }) => [metric, unit]));
  const styles = data.series.map(({ metric }) => lineStyle(metric, metrics));
  const isOther = (at: number) => data.series[at]?.deviceId !== deviceId;
  const bands = data.series.flatMap(({ metric }, at): uPlot.Band[] => {
    if (isFlag(metric) || isOther(at)) return [];
    const first = 1 + at * columnsPerMetric;
    return [{ series: [first, first + 1], fill: transparent(colour(styles[at]?.colour ?? "--ink"), 0.2) }];
  });
  return {
    width,
    height,
    padding: [14, units.length > 1 ? 0 : 12, 0, units.length === 0 ? 12 : 0],
    legend: { show: false },
    tzDate: (second) => uPlot.tzDate(new Date(second * 1_000), timeZone),
    scales: {
      x: { time: true, range: () => [source().window.fromMs / 1_000, source().window.toMs / 1_000] },
      [flagScale]: { range: [0, 8] },
      ...scales,
    },
    series: [
      {},
      ...data.series.flatMap(({ metric, unit }, at) => {
        const style = styles[at] ?? { colour: "--ink", dashed: false };
        const scale = isFlag(metric) ? flagScale : unitScale(unit);
        const look = { style, scale, isFlag: isFlag(metric), isOther: isOther(at), colour: colour(style.colour) };
        return metricSeries(look);
      }),
    ],
    bands,
    axes: [
      {
        stroke: colour("--ink-soft"),
        font,
        space: 70,
        size: 44,
        gap: 6,
        grid: { show: false },
        ticks: { stroke: colour("--edge-strong"), width: 1, size: 5 },
        values: timeTicks(timeZone),
      },
      // A third unit has its line and its value in words, but no room for an axis.
      ...units.slice(0, 2).map((unit, at) => unitAxis(unit, at, colour)),
    ],
    cursor: {
      y: false,
      drag: { x: true, y: false, setScale: false, dist: dragPixelsMin },
      points: { size: (_plot, at) => (at % columnsPerMetric === 0 ? 7 : 0) },
    },
    hooks: hooks(source, unitOf, colour),
  };
}
