import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { upload } from "../../api/client.ts";
import type { ImportReport } from "../../api/shapes.ts";
import { countText, plural } from "../../core/numbers.ts";
import { CheckIcon } from "../../parts/icons.tsx";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { Notice } from "../../parts/notice.tsx";
import page from "../../parts/page.module.css";
import classes from "./provisioning.module.css";

/** The factory's list: which serial numbers were made, of which model, in which batch. */
export function ImportSerials() {
  const [file, setFile] = useState<File | null>(null);
  const [sent, setSent] = useState(0);
  const client = useQueryClient();
  const run = useMutation({
    mutationFn: (table: File) => upload<ImportReport>("/api/v1/devices/import", table, setSent),
    onMutate: () => setSent(0),
    onSuccess: () => client.invalidateQueries({ queryKey: ["batches"] }),
  });
  return (
    <section className={page["card"]} aria-label="Import serial numbers">
      <h2>Import the factory’s list</h2>
      <p className={page["note"]}>
        A CSV file in UTF-8 whose first line names the columns <code>serial</code>, <code>model</code> and{" "}
        <code>batch</code>. Lines that are right are stored whatever is in the others, and the same file again changes
        nothing.
      </p>
      <div className={classes["file"]}>
        <label htmlFor="serials">CSV file</label>
        <input
          id="serials"
          type="file"
          accept=".csv,text/csv"
          onChange={(event) => {
            run.reset();
            setFile(event.currentTarget.files?.[0] ?? null);
          }}
        />
        <Button disabled={file === null} loading={run.isPending} onClick={() => file !== null && run.mutate(file)}>
          Import
        </Button>
      </div>
      {run.isPending && (
        <div>
          <progress className={classes["progress"]} max={1} value={sent} aria-label="Sent" />
          <p className={page["soft"]} role="status">
            {sent < 1 ? `${Math.floor(sent * 100)} % sent` : "All sent; the service is storing it."}
          </p>
        </div>
      )}
      {run.error !== null && <Notice error={run.error} />}
      {run.data !== undefined && <Report report={run.data} />}
    </section>
  );
}

const columns: readonly Column<ImportReport["errors"][number]>[] = [
  { name: "Line", cell: ({ line }) => <span className="numbers">{countText(line)}</span> },
  { name: "Column", cell: ({ field }) => (field === "line" ? "whole line" : field) },
  { name: "What is wrong", cell: ({ message }) => message },
];

function Report({ report: { imported, unchanged, errors, errorsMore } }: { report: ImportReport }) {
  return (
    <>
      <p role="status" className={`${page["mark"]} ${classes["report"]}`}>
        <CheckIcon />
        {plural(imported, "serial number")} imported, {countText(unchanged)} there already,{" "}
        {plural(errors.length + errorsMore, "line")} not imported.
      </p>
      {errors.length > 0 && (
        <DataTable
          label="Lines that were not imported"
          columns={columns}
          rows={errors}
          keyOf={({ line, field }) => `${line} ${field}`}
        />
      )}
      {errorsMore > 0 && (
        <p className={page["soft"]}>
          And {plural(errorsMore, "line")} more. Mend these first, and import the file again.
        </p>
      )}
    </>
  );
}
