import { Button, SegmentedControl, Skeleton } from "@mantine/core";
import { type RefCallback, useMemo, useState } from "react";
import type { LiveTail } from "../../api/live-tail.ts";
import type { LatestValue, TelemetryRange } from "../../api/shapes.ts";
import { type ChartData, chartData, ofDevice, outsideSpans } from "../../core/chart-data.ts";
import { type MetricInfo, rangeText } from "../../core/metrics.ts";
import { plural } from "../../core/numbers.ts";
import { absoluteText, agoText, clockText } from "../../core/time.ts";
import { itemKey, milestoneOf, nearestItem, type TimelineItem } from "../../core/timeline.ts";
import { isRangeName, rangeNames, type RangeName, ranges } from "../../core/url-state.ts";
import { CopyLine } from "../../parts/copy-line.tsx";
import { QuestionNotice } from "../../parts/notice.tsx";
import { useNow } from "../../parts/now.ts";
import page from "../../parts/page.module.css";
import { ChartTools } from "./chart-tools.tsx";
import { ChartTable } from "./chart-table.tsx";
import classes from "./chart.module.css";
import { kindColours } from "./kind-colours.ts";
import { MetricTiles, valueWords } from "./metric-tiles.tsx";
import { TelemetryChart } from "./telemetry-chart.tsx";

export interface ChartCardProps {
  deviceId: string;
  model: string;
  /** The appliance that it is compared with. */
  other: string | undefined;
  isLive: boolean;
  tail: LiveTail;
  onLive: (isOn: boolean) => void;
  onOther: (id: string | undefined) => void;
  question: { data: TelemetryRange | undefined; error: Error | null; refetch: () => unknown };
  metrics: readonly MetricInfo[];
  selectedMetrics: readonly string[];
  /** The range that moves with time, or null where somebody dragged one open. */
  range: RangeName | null;
  shown: { fromMs: number; toMs: number };
  items: readonly TimelineItem[];
  selected: TimelineItem | null;
  hoverMs: number | null;
  timeZone: string;
  onHover: (atMs: number | null) => void;
  onSelect: (item: TimelineItem | null) => void;
  onRange: (range: RangeName) => void;
  onZoom: (fromMs: number, toMs: number) => void;
  onToggleMetric: (metric: string) => void;
  /** Measures the room that the chart has. */
  room: { ref: RefCallback<HTMLElement>; width: number };
}

/** The readings of a range: what is measured, the chart with what happened along it, and the same as a table. */
export function ChartCard(props: ChartCardProps) {
  const { question, metrics, selectedMetrics, range, items, selected, hoverMs, timeZone } = props;
  const answer = question.data;
  const data = useMemo(() => (answer === undefined ? null : chartData(answer)), [answer]);
  const cursorMs = hoverMs ?? selected?.atMs ?? null;
  return (
    <section className={classes["card"]} aria-label="Readings">
      <div className={classes["bar"]}>
        <h2>Readings</h2>
        <SegmentedControl
          aria-label="Range of time"
          size="sm"
          value={range ?? ""}
          onChange={(name) => isRangeName(name) && props.onRange(name)}
          data={rangeNames.map((name) => ({ value: name, label: ranges[name].words }))}
        />
      </div>
      <MetricTiles
        metrics={metrics}
        selected={selectedMetrics}
        answer={answer}
        cursorMs={cursorMs}
        onToggle={props.onToggleMetric}
      />
      <ChartTools {...props} onZoom={({ fromMs, toMs }) => props.onZoom(fromMs, toMs)} />
      <QuestionNotice question={question} />
      {(answer?.leftOut ?? null) !== null && props.other !== undefined && (
        <p className={page["note"]} role="status">
          {props.other} is not shown beside it: appliances of two households are looked at together only where both
          agreed that their data improves the product.
        </p>
      )}
      <Figure {...props} data={data} cursorMs={cursorMs} />
      {range === null && <FixedRange {...props} />}
      {answer !== undefined && data !== null && data.points > 0 && (
        <details className={page["more"]}>
          <summary>Show as a table</summary>
          <ChartTable answer={answer} timeZone={timeZone} />
        </details>
      )}
      <span className="hidden" role="status">
        {selected === null
          ? ""
          : `${selected.title}, ${absoluteText(selected.atMs, timeZone)}. ${plural(items.length, "mark")} on the chart.`}
      </span>
    </section>
  );
}

const plotHeight = (width: number) => (width < 520 ? 260 : 340);
/** The pointer is at a mark from this share of the range. */
const nearShare = 0.012;

interface FigureProps extends ChartCardProps {
  data: ChartData | null;
  cursorMs: number | null;
}

function Figure(props: FigureProps) {
  const { data, metrics, selectedMetrics, question, shown, items, selected, cursorMs, timeZone } = props;
  const { ref, width } = props.room;
  const height = plotHeight(width);
  const marks = useMemo(
    () =>
      items.map((item) => ({
        key: itemKey(item),
        atMs: item.atMs,
        colour: kindColours[item.kind],
        milestone: milestoneOf(item),
      })),
    [items],
  );
  const own = useMemo(
    () => (question.data === undefined ? null : ofDevice(question.data, props.deviceId)),
    [question.data, props.deviceId],
  );
  const outside = useMemo(() => (own === null ? [] : outsideSpans(own)), [own]);
  const chosen = metrics.filter(({ metric }) => selectedMetrics.includes(metric));
  const words = chosen.map((info) => `${info.label} ${valueWords(info, question.data, cursorMs)}`).join(", ");
  const span = shown.toMs - shown.fromMs;
  const near = cursorMs === null ? null : nearestItem(items, cursorMs, span * nearShare);
  return (
    <figure
      ref={ref}
      className={classes["figure"]}
      aria-label="Chart of readings"
      data-points={data?.points ?? 0}
      data-milestones={marks.filter(({ milestone }) => milestone !== null).length}
      data-cursor-ms={cursorMs === null ? "" : Math.round(cursorMs)}
    >
      {data !== null && data.points > 0 && (
        <Readout cursorMs={cursorMs} near={near} shown={shown} live={props.range !== null} timeZone={timeZone} />
      )}
      {own !== null && outside.length > 0 && <OutsideWords answer={own} />}
      {data === null && question.error === null && selectedMetrics.length > 0 && (
        <Skeleton height={height} radius={6} />
      )}
      {data !== null && data.points === 0 && <Silent {...props} height={height} />}
      {data !== null && data.points > 0 && width > 0 && (
        <TelemetryChart
          deviceId={props.deviceId}
          data={data}
          metrics={metrics}
          timeZone={timeZone}
          width={width}
          height={height}
          name={`Chart of ${chosen.map(({ label }) => label).join(", ")}`}
          window={shown}
          marks={marks}
          outside={outside}
          selectedMs={selected?.atMs ?? null}
          cursorMs={cursorMs}
          cursorWords={near === null ? words : `${near.title}. ${words}`}
          onHover={props.onHover}
          onPick={(atMs, withinMs) => props.onSelect(nearestItem(items, atMs, withinMs))}
          onZoom={props.onZoom}
        />
      )}
    </figure>
  );
}

/** What the shading stands for, in words. */
function OutsideWords({ answer: { series } }: { answer: TelemetryRange }) {
  const words = series
    .filter(({ outside }) => outside.length > 0)
    .map(({ label, unit, min, max }) => `${label} outside ${rangeText(min, max)} ${unit}`.trim());
  return <p className={classes["outside"]}>Shaded: {words.join("; ")}. Kept as it came.</p>;
}

interface ReadoutProps {
  cursorMs: number | null;
  near: TimelineItem | null;
  shown: { fromMs: number; toMs: number };
  live: boolean;
  timeZone: string;
}

/** What the cursor stands at, in words. */
function Readout({ cursorMs, near, shown, live, timeZone }: ReadoutProps) {
  if (cursorMs === null) {
    return (
      <p className={`${classes["readout"]} numbers`}>
        {live ? "Up to now. " : `${absoluteText(shown.fromMs, timeZone)} to ${clockText(shown.toMs, timeZone)}. `}
        <span className={classes["hint"]}>
          Drag to look closer; marks along the upper edge are entries of the timeline.
        </span>
      </p>
    );
  }
  return (
    <p className={`${classes["readout"]} numbers`}>
      <strong>{absoluteText(cursorMs, timeZone)}</strong>
      {near !== null && <span>{near.title}</span>}
    </p>
  );
}

function FixedRange({ shown, timeZone, onRange }: ChartCardProps) {
  return (
    <div className={classes["bar"]}>
      <span className="numbers">
        {absoluteText(shown.fromMs, timeZone)} to {absoluteText(shown.toMs, timeZone)}
      </span>
      <Button variant="default" size="sm" onClick={() => onRange("1h")}>
        Back to live
      </Button>
    </div>
  );
}

/** How much is shown around readings that lie in the past. */
const aroundMs = 1_800_000;

const newestOf = (metrics: readonly MetricInfo[]): LatestValue | null =>
  metrics.reduce<LatestValue | null>(
    (newest, { latest }) => (latest !== null && (newest === null || latest.atMs > newest.atMs) ? latest : newest),
    null,
  );

/** A range without readings: where they are, or how the first one comes. */
function Silent({ metrics, deviceId, height, onZoom }: FigureProps & { height: number }) {
  const nowMs = useNow();
  const newest = newestOf(metrics);
  if (newest !== null) {
    return (
      <div className={classes["silent"]} style={{ minHeight: height }}>
        <p>No readings of these metrics in this range. The last one came {agoText(newest.atMs, nowMs)}.</p>
        <Button variant="default" onClick={() => onZoom(newest.atMs - aroundMs, newest.atMs + aroundMs)}>
          Show it
        </Button>
      </div>
    );
  }
  return <FirstReading deviceId={deviceId} height={height} />;
}

function FirstReading({ deviceId, height }: { deviceId: string; height: number }) {
  // A line that changes while it is copied would be of no use.
  const [atMs] = useState(() => Date.now());
  const reading = JSON.stringify({ atMs, m: { cavity_c: 21.5 } });
  return (
    <div className={classes["silent"]} style={{ minHeight: height }}>
      <p>
        This appliance has not sent a reading yet. With the token that its registration answered, this sends one (1883
        is the port unless HEARTH_MQTT_PORT says otherwise):
      </p>
      <div style={{ width: "100%", textAlign: "left" }}>
        <CopyLine
          what="Send a reading"
          line={`mosquitto_pub -h ${location.hostname} -p 1883 -q 1 -i ${deviceId} -u ${deviceId} -P "$TOKEN" \\\n  -t hearth/v1/devices/${deviceId}/telemetry -m '${reading}'`}
        />
      </div>
    </div>
  );
}
