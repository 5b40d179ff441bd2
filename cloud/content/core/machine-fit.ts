import type { ContentItem } from "#protocol/content.ts";
import type { Model } from "#protocol/model.ts";

/** Something that a recipe asks of an appliance that the appliance cannot do. */
export interface Misfit {
  /** JSON pointer into the item in its locale. */
  pointer: string;
  message: string;
}

/** What a model cannot do of an item. Only recipes ask anything of a machine. */
export function misfits(item: ContentItem, model: Model): Misfit[] {
  if (item.kind !== "recipe") return [];
  const { programs, setpoint_c_max = 0, probe } = model.capabilities;
  return item.steps.flatMap(({ machine }, at): Misfit[] => {
    if (machine === undefined) return [];
    const misfit = (field: string, message: string): Misfit => ({ pointer: `/steps/${at}/machine/${field}`, message });
    return [
      ...(programs.includes(machine.program)
        ? []
        : [misfit("program", `${model.key} has no program ${machine.program}`)]),
      ...((machine.setpoint_c ?? 0) <= setpoint_c_max
        ? []
        : [misfit("setpoint_c", `${model.key} goes up to ${setpoint_c_max} °C`)]),
      ...(machine.probe_c === undefined || probe ? [] : [misfit("probe_c", `${model.key} has no probe`)]),
    ];
  });
}
