/** What a decision must know of an item: why it is said, whom it suits, and when. */
import type { ContentClass, ContentItem, programNames } from "#protocol/content.ts";
import { localWindow } from "./local-window.ts";

/** What an appliance must be able to do for an item to be of use to it. */
export interface Needs {
  programs: (typeof programNames)[number][];
  setpoint_c_max: number | null;
  steam: boolean;
  probe: boolean;
}

export interface DecisionItem {
  id: string;
  version: number;
  kind: ContentItem["kind"];
  class: ContentClass;
  title: string;
  topics: string[];
  isShareable: boolean;
  state: "live" | "scheduled";
  /** When it begins anywhere and has ended everywhere; null where it never does. For one household ask `windowIn`. */
  fromMs: number | null;
  untilMs: number | null;
  /** The local times behind them, as the household's own clock shows them. */
  schedule: { from: string | null; until: string | null };
  needs: Needs;
  models: string[] | null;
  /** Models that cannot, or must not, do what one of its steps asks for. */
  unfit: string[];
  /** Of an offer: what is granted to whoever gets it. */
  offerKey: string | null;
  locales: string[];
}

/** When an item is for a household that lives in `timeZone`. Begins at 0 and ends at infinity where the author set no time. */
export function windowIn(item: Pick<DecisionItem, "schedule">, timeZone: string): { fromMs: number; untilMs: number } {
  return localWindow(item.schedule, timeZone);
}

/** What all texts of an item together ask of an appliance. Only recipes ask anything. */
export function needsOf(texts: readonly ContentItem[]): Needs {
  const machines = texts.flatMap((text) =>
    text.kind === "recipe" ? text.steps.flatMap(({ machine }) => (machine === undefined ? [] : [machine])) : [],
  );
  const hottest = Math.max(...machines.map(({ setpoint_c }) => setpoint_c ?? 0), 0);
  return {
    programs: [...new Set(machines.map(({ program }) => program))].toSorted(),
    setpoint_c_max: hottest > 0 ? hottest : null,
    steam: machines.some(({ program, steamLevel }) => program === "Steam" || steamLevel !== undefined),
    probe: machines.some(({ probe_c }) => probe_c !== undefined),
  };
}
