import type { ReactNode } from "react";
import classes from "./data-table.module.css";

export interface Column<Row> {
  name: string;
  /** Null where there is nothing to say. */
  cell: (row: Row) => ReactNode;
  /** What a card begins with: it stands there without its name. */
  lead?: boolean;
  /** Numbers stand below each other by their last digit. */
  isNumber?: boolean;
}

interface DataTableProps<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  /** What a row should be seen as at a glance; its cells say it in words. */
  toneOf?: (row: Row) => "plain" | "mind" | "wrong";
  /** The rows are those of the question before. */
  stale?: boolean;
}

/** A table where there is room, cards where there is not. The roles stay those of a table in both. */
export function DataTable<Row>({ label, columns, rows, keyOf, toneOf, stale = false }: DataTableProps<Row>) {
  return (
    <table role="table" className={classes["table"]} data-stale={stale} aria-label={label}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ name, isNumber = false }) => (
            <th key={name} role="columnheader" scope="col" data-number={isNumber}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={keyOf(row)} role="row" className={classes["row"]} data-row data-tone={toneOf?.(row) ?? "plain"}>
            {columns.map(({ name, cell, lead = false, isNumber = false }) => (
              <Cell key={name} name={name} lead={lead} isNumber={isNumber}>
                {cell(row)}
              </Cell>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface CellProps {
  name: string;
  lead: boolean;
  isNumber: boolean;
  children: ReactNode;
}

function Cell({ name, lead, isNumber, children }: CellProps) {
  if (children === null) {
    return (
      <td role="cell" className={classes["blank"]} data-number={isNumber}>
        <span aria-hidden="true">–</span>
        <span className="hidden">none</span>
      </td>
    );
  }
  return lead ? (
    <td role="cell" className={classes["lead"]}>
      {children}
    </td>
  ) : (
    <td role="cell" data-label={name} data-number={isNumber}>
      {children}
    </td>
  );
}
