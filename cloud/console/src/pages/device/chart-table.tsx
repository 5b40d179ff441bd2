import type { TelemetryRange } from "../../api/shapes.ts";
import { measureText } from "../../core/numbers.ts";
import { type TableCell, tableRows } from "../../core/table-rows.ts";
import { absoluteText } from "../../core/time.ts";
import { NumberTable } from "../../parts/number-table.tsx";

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
    <NumberTable
      label="Readings as a table"
      heads={[
        "Time",
        ...series.map(({ deviceId, label, unit }) =>
          [label, ...(unit === "" ? [] : [unit]), ...(isCompared ? [deviceId] : [])].join(", "),
        ),
      ]}
      rows={rows.map(({ atMs, cells }) => ({
        key: atMs,
        of: absoluteText(atMs, timeZone),
        cells: cells.map((cell) => (cell === null ? "none" : cellText(cell))),
      }))}
    />
  );
}
