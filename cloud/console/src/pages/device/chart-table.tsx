import type { TelemetryRange } from "../../api/shapes.ts";
import { pointAt } from "../../core/chart-data.ts";
import { measureText } from "../../core/numbers.ts";
import { absoluteText } from "../../core/time.ts";
import classes from "./chart.module.css";

/** As many rows as somebody reads or listens to; the API has the rest. */
const rowsMax = 60;

/** The chart in numbers: at even steps through the range, what each metric was, newest first. */
export function ChartTable({ answer, timeZone }: { answer: TelemetryRange; timeZone: string }) {
  const { fromMs, toMs, series } = answer;
  const stepMs = Math.max(answer.bucketMs, (toMs - fromMs) / rowsMax);
  const times = Array.from({ length: Math.floor((toMs - fromMs) / stepMs) }, (_, at) => toMs - (at + 0.5) * stepMs);
  const rows = times
    .map((atMs) => ({ atMs, points: series.map((one) => pointAt(one, atMs, stepMs / 2)) }))
    .filter(({ points }) => points.some((point) => point !== null));
  return (
    <div className={classes["tableBox"]} tabIndex={0} role="region" aria-label="Readings as a table">
      <table className={`${classes["table"]} numbers`}>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {series.map(({ metric, label, unit }) => (
              <th key={metric} scope="col">
                {label}
                {unit !== "" && `, ${unit}`}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ atMs, points }) => (
            <tr key={atMs}>
              <td>{absoluteText(atMs, timeZone)}</td>
              {points.map((point, at) => (
                <td key={series[at]?.metric}>
                  {point === null
                    ? "none"
                    : point[1] === point[3]
                      ? measureText(point[2])
                      : `${measureText(point[2])} (${measureText(point[1])} to ${measureText(point[3])})`}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
