import type { Reading } from "#protocol/reading.ts";
import { earliestAtMs, latestAtMs } from "#protocol/text.ts";

/** Probes of the thermometer that plays a recording. */
export const probesMax = 4;
const header = "at_ms,probe,temperature_c";

/** A recorded cook that cannot be played, with the line at fault. */
export class RecordingError extends Error {}

interface Row {
  atMs: number;
  probe: number;
  temperature_c: number;
}

/** Reads the rows of a CSV with the columns `at_ms,probe,temperature_c`. @throws RecordingError */
export function readRecording(csv: string): Row[] {
  const [first = "", ...lines] = csv.split(/\r?\n/);
  if (first.trim() !== header) throw new RecordingError(`line 1 must be '${header}'`);
  const rows: Row[] = [];
  for (const [at, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const [atMs, probe, temperature_c, more] = line
      .split(",")
      .map((cell) => (cell.trim() === "" ? Number.NaN : Number(cell)));
    const row = { atMs: atMs ?? Number.NaN, probe: probe ?? Number.NaN, temperature_c: temperature_c ?? Number.NaN };
    const sound =
      Number.isSafeInteger(row.atMs) &&
      row.atMs >= earliestAtMs &&
      row.atMs < latestAtMs &&
      Number.isInteger(row.probe) &&
      row.probe >= 1 &&
      row.probe <= probesMax &&
      Number.isFinite(row.temperature_c);
    if (!sound || more !== undefined)
      throw new RecordingError(`line ${at + 2} must hold a time, a probe from 1 to ${probesMax}, and a temperature`);
    rows.push(row);
  }
  if (rows.length === 0) throw new RecordingError("there are no rows");
  return rows.toSorted((a, b) => a.atMs - b.atMs);
}

/**
 * The readings of a recording, moved so that the last one lies at `endMs`. Rows of one moment are one reading; of two rows for one
 * probe at one moment the first counts, as it would in the cloud.
 */
export function recordingReadings(rows: readonly Row[], endMs: number): Reading[] {
  const shiftMs = endMs - (rows.at(-1)?.atMs ?? 0);
  const readings: Reading[] = [];
  for (const { atMs, probe, temperature_c } of rows) {
    const name = `probe${probe}_c`;
    const last = readings.at(-1);
    if (last?.atMs === atMs + shiftMs) last.m[name] ??= temperature_c;
    else readings.push({ atMs: atMs + shiftMs, m: { [name]: temperature_c } });
  }
  return readings;
}
