import type { TelemetryRange } from "../../api/shapes.ts";
import { measureText } from "../../core/numbers.ts";
import { type TableCell, tableRows } from "../../core/table-rows.ts";
import { absoluteText } from "../../core/time.ts";
import classes from "./chart.module.css";

/** As many rows as somebody reads or listens to; the API has the rest. */
const rowsMax = 60;

const cellText = ({ min, mean, max }: TableCell): string =>
  min === max ? measureText(mean) : `${measureText(mean)} (${measureText(min)} to ${measureText(max)})`;

/** The chart in numbers: in even steps through the range, the mean of each metric and between what it lay, newest first. */
export function ChartTable({ answer, timeZone }: { answer: TelemetryRange; timeZone: string }) {
  const { series } = answer;
  const rows = tableRows(answer, rowsMax);
  const isCompared = new Set(series.map(({ deviceId }) => deviceId)).size > 1;
  return (
    <div className={classes["tableBox"]} tabIndex={0} role="region" aria-label="Readings as a table">
      <table className={`${classes["table"]} numbers`}>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {series.map(({ deviceId, metric, label, unit }) => (
              <th key={`${deviceId} ${metric}`} scope="col">
                {label}
                {unit !== "" && `, ${unit}`}
                {isCompared && `, ${deviceId}`}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ atMs, cells }) => (
            <tr key={atMs}>
              <td>{absoluteText(atMs, timeZone)}</td>
              {cells.map((cell, at) => (
                <td key={`${series[at]?.deviceId} ${series[at]?.metric}`}>{cell === null ? "none" : cellText(cell)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
