import type { ContentItem, ProgramSettings } from "#protocol/content.ts";
import type { Model } from "#protocol/model.ts";
import { programWords } from "#protocol/program-words.ts";

/** Something that a recipe asks of an appliance that the appliance cannot do, or must not. */
export interface Misfit {
  /** JSON pointer into the item in its locale. */
  pointer: string;
  message: string;
}

/** What a model cannot do of an item, by step. Only recipes ask anything of a machine. */
export function misfits(item: ContentItem, model: Model): Misfit[] {
  if (item.kind !== "recipe") return [];
  return item.steps.flatMap(({ machine }, at) =>
    machine === undefined
      ? []
      : stepMisfits(machine, model).map(({ field, message }) => ({
          pointer: `/steps/${at}/machine/${field}`,
          message: `step ${at + 1}: ${message}`,
        })),
  );
}

/** The models that cannot do something of these texts, in the order given. */
export const unfitFor = (texts: readonly ContentItem[], models: readonly Model[]): string[] =>
  models.filter((model) => texts.some((text) => misfits(text, model).length > 0)).map(({ key }) => key);

type Wrong = { field: keyof ProgramSettings; message: string };

/** Capabilities first, then safety limits: of the program where it has any of its own, else of the appliance. */
function stepMisfits(machine: ProgramSettings, { name, capabilities }: Model): Wrong[] {
  const { programs, setpoint_c_max = 0, probe, steam, probe_c_max, duration_s_max, programLimits = [] } = capabilities;
  const program = programWords[machine.program];
  const own = programLimits.find((limit) => limit.program === machine.program);
  const hottest = Math.min(setpoint_c_max, own?.setpoint_c_max ?? Number.POSITIVE_INFINITY);
  const coolest = own?.setpoint_c_min ?? 0;
  const longest = Math.min(duration_s_max ?? Number.POSITIVE_INFINITY, own?.duration_s_max ?? Number.POSITIVE_INFINITY);
  const within = hottest < setpoint_c_max ? ` with ${program}` : "";
  const wrong: Wrong[] = [];
  if (!programs.includes(machine.program)) {
    wrong.push({ field: "program", message: `${name} has no program ${program}` });
  }
  if ((machine.setpoint_c ?? 0) > hottest) {
    const limit = hottest === 0 ? "sets no temperature" : `goes up to ${hottest} °C${within}`;
    wrong.push({ field: "setpoint_c", message: `${name} ${limit}` });
  }
  if ((machine.setpoint_c ?? Number.POSITIVE_INFINITY) < coolest) {
    wrong.push({ field: "setpoint_c", message: `${name} starts at ${coolest} °C with ${program}` });
  }
  if ((machine.duration_s ?? 0) > longest) {
    wrong.push({ field: "duration_s", message: `${name} runs at most ${Math.floor(longest / 60)} min at a time` });
  }
  if (machine.probe_c !== undefined && !probe) wrong.push({ field: "probe_c", message: `${name} has no probe` });
  if (machine.probe_c !== undefined && probe && machine.probe_c > (probe_c_max ?? Number.POSITIVE_INFINITY)) {
    wrong.push({ field: "probe_c", message: `${name} measures up to ${probe_c_max} °C` });
  }
  if (machine.steamLevel !== undefined && !steam) {
    wrong.push({ field: "steamLevel", message: `${name} has no steam` });
  }
  return wrong;
}
