import type { Model } from "#protocol/model.ts";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Device } from "../../api/shapes.ts";
import { reportedText } from "../../core/reported.ts";
import { Ago } from "../../parts/ago.tsx";
import { Presence } from "../../parts/presence.tsx";
import classes from "./devices.module.css";

interface DeviceRowsProps {
  devices: readonly Device[];
  models: readonly Model[];
  /** The rows are those of the question before. */
  stale: boolean;
}

/** The list: a table where there is room, cards where there is not. The roles stay those of a table in both. */
export function DeviceRows({ devices, models, stale }: DeviceRowsProps) {
  const nameOf = (key: string) => models.find((model) => model.key === key)?.name ?? key;
  return (
    <table role="table" className={classes["table"]} data-stale={stale} aria-label="Appliances">
      <thead role="rowgroup">
        <tr role="row">
          {["Appliance", "Serial number", "Connection", "Model", "Doing", "Firmware", "Last came or went"].map(
            (name) => (
              <th key={name} role="columnheader" scope="col">
                {name}
              </th>
            ),
          )}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {devices.map((device) => (
          <tr key={device.id} role="row" className={classes["row"]}>
            <td role="cell" className={classes["name"]}>
              <Link to="/devices/$id" params={{ id: device.id }} search={{}} className={classes["id"]} data-row-link>
                {device.id}
              </Link>
            </td>
            <td role="cell" className={classes["serial"]}>
              {device.serial === device.id ? <span className="hidden">the same</span> : device.serial}
            </td>
            <td role="cell" className={classes["presence"]}>
              <Presence device={device} />
            </td>
            <td role="cell" className={classes["wide"]}>
              {nameOf(device.model)}
            </td>
            <Known label="Doing">{reportedText(device.reported["operation"])}</Known>
            <Known label="Firmware">{reportedText(device.reported["firmware"])}</Known>
            <Known label={device.online ? "Since" : "Last seen"}>
              {device.presenceAtMs === null ? null : <Ago atMs={device.presenceAtMs} />}
            </Known>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A cell whose column is named by its heading in the table, and by itself on a card; on a card it is left out when empty. */
function Known({ label, children }: { label: string; children: ReactNode }) {
  return children === null ? (
    <td role="cell" className={`${classes["blank"]} ${classes["unknown"]}`}>
      <span aria-hidden="true">–</span>
      <span className="hidden">not known</span>
    </td>
  ) : (
    <td role="cell" data-label={label}>
      {children}
    </td>
  );
}
