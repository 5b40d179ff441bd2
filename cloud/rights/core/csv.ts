/** Rows as CSV by RFC 4180, with every column that any of them has. What is no plain value is JSON in its cell. */

/** A spreadsheet takes text that begins so for a formula, and people choose names. */
const formula = /^[=+\-@\t\r]/;

function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") return String(value);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const safe = formula.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csvOf(rows: readonly object[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = rows.map((row) => {
    const values = new Map(Object.entries(row));
    return columns.map((column) => cell(values.get(column))).join(",");
  });
  return [columns.map(cell).join(","), ...lines].map((line) => `${line}\r\n`).join("");
}
