/**
 * Rows as the binary format of PostgreSQL's COPY, which neither side has to read as text:
 * https://www.postgresql.org/docs/current/sql-copy.html
 *
 *   file  = signature, u32 flags, u32 length of an extension, row*, i16 -1
 *   row   = i16 number of fields, field*
 *   field = i32 bytes that follow, or -1 for NULL, value
 *   array = i32 dimensions, i32 has NULLs, u32 type of the elements, for each dimension (i32 size, i32 first index), field*
 */
import type { ReadingRow } from "./reading-rows.ts";

/** The columns of a row, in their order. */
export const copyColumns = "(device_key, at_ms, metric_values, undeclared, suspect_received_at_ms)";

const head = Buffer.from("PGCOPY\n\u{ff}\r\n\0\0\0\0\0\0\0\0\0", "latin1");
const float8Oid = 701;
const arrayHeadBytes = 20;
/** Of a row without its values and what is undeclared. */
const fixedBytes = 2 + (4 + 4) + (4 + 8) + (4 + arrayHeadBytes) + 4 + (4 + 8);
const valueBytes = 4 + 8;

/** The bytes of a COPY of these rows. One buffer, and no object for a row: every reading passes here. */
export function copyBytes(rows: readonly ReadingRow[]): Buffer {
  const undeclared = rows.map((row) => (row.undeclared === null ? null : jsonb(row.undeclared)));
  let size = head.length + 2;
  for (const [at, row] of rows.entries())
    size += fixedBytes + row.values.length * valueBytes + (undeclared[at]?.length ?? 0);
  const out = Buffer.allocUnsafe(size);
  let at = head.copy(out);
  for (let i = 0; i < rows.length; i += 1) {
    const row = rows[i];
    if (row === undefined) continue;
    at = out.writeInt16BE(5, at);
    at = out.writeInt32BE(4, at);
    at = out.writeInt32BE(row.deviceKey, at);
    at = writeMs(out, row.atMs, at);
    at = writeValues(out, row.values, at);
    const bytes = undeclared[i] ?? null;
    at = out.writeInt32BE(bytes === null ? -1 : bytes.length, at);
    if (bytes !== null) at += bytes.copy(out, at);
    at = row.suspectReceivedAtMs === null ? out.writeInt32BE(-1, at) : writeMs(out, row.suspectReceivedAtMs, at);
  }
  return out.subarray(0, out.writeInt16BE(-1, at));
}

/** The first byte is the version of the format. */
const jsonb = (value: object): Buffer => Buffer.from(`\u{1}${JSON.stringify(value)}`);

/** A bigint field. In two halves: a BigInt would be an object. */
function writeMs(out: Buffer, ms: number, at: number): number {
  const high = Math.floor(ms / 2 ** 32);
  out.writeInt32BE(8, at);
  out.writeInt32BE(high, at + 4);
  return out.writeUInt32BE(ms - high * 2 ** 32, at + 8);
}

function writeValues(out: Buffer, values: readonly (number | null)[], lengthAt: number): number {
  let at = out.writeInt32BE(values.length === 0 ? 0 : 1, lengthAt + 4);
  at = out.writeInt32BE(1, at);
  at = out.writeInt32BE(float8Oid, at);
  if (values.length > 0) {
    at = out.writeInt32BE(values.length, at);
    at = out.writeInt32BE(1, at);
  }
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] ?? null;
    at = out.writeInt32BE(value === null ? -1 : 8, at);
    if (value !== null) at = out.writeDoubleBE(value, at);
  }
  out.writeInt32BE(at - lengthAt - 4, lengthAt);
  return at;
}
