import type { ProgramSettings } from "#protocol/content.ts";
import type { Model } from "#protocol/model.ts";
import type { MachineFault } from "./faults.ts";
import type { MachineEvent } from "./machine-event.ts";
import {
  advance,
  breakPart,
  type MachineState,
  metricsOf,
  newMachine,
  openDoor,
  repair,
  startByHand,
  stop,
} from "./machine.ts";

/** What happens to an appliance in the kitchen, and when. */
export type ScenarioAct = { atMs: number } & (
  | { kind: "start"; settings: ProgramSettings }
  | { kind: "stop" }
  | { kind: "open_door"; openMs: number }
  | { kind: "break"; fault: MachineFault }
  | { kind: "repair"; fault: MachineFault }
);

export interface TraceSpan {
  fromMs: number;
  toMs: number;
  everyMs: number;
}

export type TraceLine =
  | { kind: "reading"; atMs: number; m: Record<string, number | boolean> }
  | ({ kind: "event" } & MachineEvent);

function applyAct(machine: MachineState, act: ScenarioAct): { state: MachineState; events: MachineEvent[] } {
  switch (act.kind) {
    case "start": {
      const started = startByHand(machine, act.settings, null);
      return started.kind === "started" ? started : { state: machine, events: [] };
    }
    case "stop":
      return stop(machine, "person");
    case "open_door":
      return openDoor(machine, act.openMs);
    case "break":
      return { state: breakPart(machine, act.fault), events: [] };
    case "repair":
      return repair(machine, act.fault);
  }
}

/** What an appliance of this model measures and notices in a scenario: a function of its arguments, and of nothing else. */
export function trace(model: Model, seed: number, scenario: readonly ScenarioAct[], span: TraceSpan): TraceLine[] {
  let machine = newMachine(model, seed, span.fromMs);
  const lines: TraceLine[] = [];
  const acts = [...scenario].toSorted((a, b) => a.atMs - b.atMs);
  const keep = (moved: { state: MachineState; events: MachineEvent[] }): void => {
    machine = moved.state;
    for (const event of moved.events) lines.push({ kind: "event", ...event });
  };
  for (let atMs = span.fromMs; atMs <= span.toMs; atMs += span.everyMs) {
    for (let act = acts[0]; act !== undefined && act.atMs <= atMs; act = acts[0]) {
      acts.shift();
      keep(advance(machine, act.atMs));
      keep(applyAct(machine, act));
    }
    keep(advance(machine, atMs));
    lines.push({ kind: "reading", atMs, m: metricsOf(machine) });
  }
  return lines;
}

/** A trace as bytes: one JSON line each. */
export const traceText = (lines: readonly TraceLine[]): string =>
  lines.map((line) => `${JSON.stringify(line)}\n`).join("");
