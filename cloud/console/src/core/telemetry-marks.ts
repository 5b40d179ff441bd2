import type { RangePoint, TelemetryRange } from "../api/shapes.ts";
import { silencesOf } from "./chart-data.ts";
import { measureText } from "./numbers.ts";
import { durationText } from "./time.ts";
import type { TimelineItem } from "./timeline.ts";

/** Most marks of one sort, so that a restless appliance does not bury the rest of its timeline. */
const marksMax = 12;
/** An oven is at its temperature from this near; it has left it from that far. */
const reachedWithin_c = 2;
const leftBeyond_c = 15;
/** Below this a setpoint is an oven that is off. */
const setpointMin_c = 30;

/** What stands out in the readings of a range, as entries of the timeline. Pure: the same answer gives the same marks. */
export function telemetryMarks(answer: TelemetryRange): TimelineItem[] {
  return [...silences(answer), ...setpointsReached(answer), ...peaks(answer)];
}

const mark = (id: string, atMs: number, title: string, data: Record<string, unknown>): TimelineItem => ({
  kind: "reading",
  id,
  atMs,
  title,
  data,
});

/** Silence of the appliance as a whole: every series silent at once. */
function silences(answer: TelemetryRange): TimelineItem[] {
  const all = [...new Set(answer.series.flatMap(({ points }) => points.map(([atMs]) => atMs)))].toSorted(
    (a, b) => a - b,
  );
  const together = { points: all.map((atMs): RangePoint => [atMs, 0, 0, 0, 1]) };
  return silencesOf(together, answer.bucketMs)
    .toSorted((a, b) => b.toMs - b.fromMs - (a.toMs - a.fromMs))
    .slice(0, marksMax)
    .map(({ fromMs, toMs }) =>
      mark(`silence:${fromMs}`, fromMs, `No readings for ${durationText(toMs - fromMs)}`, {
        fromMs,
        toMs,
      }),
    );
}

function setpointsReached({ series }: TelemetryRange): TimelineItem[] {
  const cavity = series.find(({ metric }) => metric === "cavity_c");
  const setpoint = series.find(({ metric }) => metric === "setpoint_c");
  if (cavity === undefined || setpoint === undefined) return [];
  const wanted = new Map(setpoint.points.map(([atMs, , mean]) => [atMs, mean]));
  const marks: TimelineItem[] = [];
  let last = 0;
  // Only what was seen below counts: a range that begins in the middle of a cook has no beginning to mark.
  let away = false;
  for (const [atMs, , , max] of cavity.points) {
    last = wanted.get(atMs) ?? last;
    if (last < setpointMin_c || max < last - leftBeyond_c) away = true;
    else if (away && max >= last - reachedWithin_c) {
      away = false;
      marks.push(mark(`reached:${atMs}`, atMs, `Reached ${measureText(last)} °C`, { setpoint_c: last, cavity_c: max }));
    }
  }
  return marks.slice(-marksMax);
}

/** The highest point of each series that moved. */
function peaks({ series }: TelemetryRange): TimelineItem[] {
  return series.flatMap(({ metric, label, unit, points }): TimelineItem[] => {
    const first = points[0];
    if (first === undefined || unit === "" || metric === "setpoint_c") return [];
    const highest = points.reduce((best, point) => (point[3] > best[3] ? point : best), first);
    const lowest = points.reduce((least, point) => Math.min(least, point[1]), first[1]);
    if (highest[3] - lowest < Math.max(1, Math.abs(highest[3]) * 0.05)) return [];
    const title = `${label} at its highest: ${measureText(highest[3])} ${unit}`;
    return [mark(`peak:${metric}`, highest[0], title, { metric, max: highest[3], unit })];
  });
}
