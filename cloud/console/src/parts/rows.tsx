import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import type { Wrongs } from "../core/field-wrongs.ts";
import { fieldsOf } from "./fields.tsx";
import form from "./form.module.css";

interface RowsProps<Row extends object> {
  value: readonly Row[];
  /** A row that was just added. */
  none: Row;
  min?: number;
  max: number;
  add: string;
  /** What a row is called: `own price 2`. */
  nameOf: (row: Row, at: number) => string;
  wrongs: Wrongs;
  /** Of the first row without its number: `/prices`. */
  pointer: string;
  /** How wide the fields of a row are: `fields` all alike, `translation` the first one narrow. */
  look?: "fields" | "translation";
  readOnly: boolean;
  onChange: (rows: Row[]) => void;
  /** The fields of a row, tied to it by `field`. */
  children: (field: ReturnType<typeof fieldsOf<Row>>, row: Row, at: number) => ReactNode;
}

/** The same fields several times, a row each, with a way to add one and to remove each. */
export function Rows<Row extends object>(props: RowsProps<Row>) {
  const { value: rows, none, min = 0, max, add, nameOf, wrongs, pointer, look = "fields", readOnly, onChange } = props;
  return (
    <>
      {rows.map((row, at) => {
        const name = nameOf(row, at);
        const onRow = (more: Partial<Row>) => onChange(rows.with(at, { ...row, ...more }));
        const field = fieldsOf({ draft: row, wrongs, readOnly, onChange: onRow }, `${pointer}/${at}`);
        return (
          // oxlint-disable-next-line react/no-array-index-key -- rows have no name of their own until they are written
          <div key={at} className={form["row"]} role="group" aria-label={name}>
            <div className={form[look]}>{props.children(field, row, at)}</div>
            {!readOnly && rows.length > min && (
              <Button
                variant="subtle"
                className={form["remove"] ?? ""}
                aria-label={`Remove ${name}`}
                onClick={() => onChange(rows.toSpliced(at, 1))}
              >
                Remove
              </Button>
            )}
          </div>
        );
      })}
      {!readOnly && rows.length < max && (
        <Button variant="default" className={form["add"] ?? ""} onClick={() => onChange([...rows, none])}>
          {add}
        </Button>
      )}
    </>
  );
}
