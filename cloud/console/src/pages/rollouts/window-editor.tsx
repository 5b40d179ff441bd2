import { Button, Chip, TextInput } from "@mantine/core";
import type { MaintenanceWindow } from "#protocol/maintenance-window.ts";
import page from "../../parts/page.module.css";
import classes from "./planner.module.css";

const days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const windowsMax = 14;

interface WindowsProps {
  windows: readonly MaintenanceWindow[];
  onChange: (windows: MaintenanceWindow[]) => void;
}

/** When an update may begin, by the clock where each appliance stands. */
export function WindowEditor({ windows, onChange }: WindowsProps) {
  const put = (at: number, window: MaintenanceWindow) =>
    onChange(windows.map((one, index) => (index === at ? window : one)));
  return (
    <div className={classes["stages"]}>
      {windows.length === 0 && (
        <p className={page["note"]}>
          At any time, once the appliance is cold and at rest. A window keeps it to hours in which nobody cooks.
        </p>
      )}
      {windows.map((window, at) => (
        <fieldset key={at} className={classes["stage"]}>
          <legend>Window {at + 1}</legend>
          <Chip.Group
            multiple
            value={window.weekdays.map(String)}
            onChange={(chosen) => put(at, { ...window, weekdays: chosen.map(Number).toSorted((a, b) => a - b) })}
          >
            <div className={page["actions"]}>
              {days.map((day, index) => (
                <Chip key={day} value={String(index + 1)} size="sm">
                  {day}
                </Chip>
              ))}
            </div>
          </Chip.Group>
          <div className={classes["row"]}>
            <TextInput
              label="From"
              value={window.from}
              maxLength={5}
              placeholder="01:00"
              onChange={(event) => put(at, { ...window, from: event.currentTarget.value })}
            />
            <TextInput
              label="To; before that is the next day"
              value={window.to}
              maxLength={5}
              placeholder="05:00"
              onChange={(event) => put(at, { ...window, to: event.currentTarget.value })}
            />
          </div>
          <div className={page["actions"]}>
            <Button variant="subtle" size="sm" onClick={() => onChange(windows.filter((_, index) => index !== at))}>
              Take window {at + 1} away
            </Button>
          </div>
        </fieldset>
      ))}
      {windows.length < windowsMax && (
        <div className={page["actions"]}>
          <Button
            variant="default"
            size="sm"
            onClick={() => onChange([...windows, { weekdays: [1, 2, 3, 4, 5, 6, 7], from: "01:00", to: "05:00" }])}
          >
            Add a window
          </Button>
        </div>
      )}
    </div>
  );
}
