import type { Model } from "#protocol/model.ts";
import { between, uniform } from "./random.ts";
import { soundParts, type Wear } from "./wear.ts";

/** What an appliance can suffer from over weeks, unlike the faults that strike at once. */
export const ailmentNames = [
  /** The heating element gives less and less of its power: heating up takes longer, holding a temperature costs the same. */
  "ageing_element",
  /** The relay sticks in most programs: the cavity goes past its setpoint up to where the bimetal opens. */
  "overheating",
  /** The network module is dead: nothing is heard any more, though the machine is used as before. */
  "silent",
  /** The control board restarts under load: most programs end early. */
  "aborts",
  /** The temperature sensor sticks for minutes while the oven heats up. */
  "frozen_sensor",
  /** More and more heat passes the door seal: holding a temperature costs more. */
  "leaking_seal",
  /** Hard water, and nobody descales: heating water takes longer with each program. */
  "scaling",
  /** The router is hardly heard any more: the connection goes and comes many times a day. */
  "flapping_wifi",
] as const;
export type AilmentName = (typeof ailmentNames)[number];

export interface Ailment {
  name: AilmentName;
  sinceMs: number;
}

const dayMs = 86_400_000;
const ageing = { days: 21, share: 0.4 };
const leaking = { days: 14, wPerK: 3 };
const stickingShare = 0.7;
const abortingShare = 0.8;
/** What the limescale of one program keeps from the water, where it is hard and where it is usual; in hard water a boiler scales fastest. */
const scalePerProgram = { hard: { boiler: 0.04, dishwasher: 0.016 }, usual: 0.001 };
const scaleMax = 0.6;

/** What a model can suffer from: an oven without steam has no water, and a dishwasher's door leaks no heat worth the name. */
export const ailmentsOf = (model: Model): AilmentName[] =>
  ailmentNames.filter((name) => {
    if (name === "overheating" || name === "frozen_sensor" || name === "leaking_seal") return model.kind === "oven";
    return name !== "scaling" || usesWater(model);
  });

export const usesWater = (model: Model): boolean => model.kind === "dishwasher" || model.capabilities.steam;

/** How far something has come that takes so many days, from 0 to 1. */
const progress = (ailment: Ailment, atMs: number, days: number): number =>
  Math.min(1, Math.max(0, (atMs - ailment.sinceMs) / (days * dayMs)));

/**
 * How worn a machine's parts are as a program starts: a function of its arguments.
 *
 * @param uses programs so far, and those since its limescale was last removed
 */
export function wearAt(
  ailment: Ailment | null,
  seed: number,
  atMs: number,
  uses: { programs: number; sinceDescaled: number; water: "boiler" | "dishwasher" },
): Wear {
  const perProgram = ailment?.name === "scaling" ? scalePerProgram.hard[uses.water] : scalePerProgram.usual;
  const used: Wear = { ...soundParts, scale: Math.min(scaleMax, uses.sinceDescaled * perProgram) };
  if (ailment === null || atMs < ailment.sinceMs) return used;
  const draw = uniform(seed, uses.programs, ailment.name);
  switch (ailment.name) {
    case "ageing_element":
      return { ...used, elementShare: 1 - ageing.share * progress(ailment, atMs, ageing.days) };
    case "leaking_seal":
      return { ...used, leak_wPerK: leaking.wPerK * progress(ailment, atMs, leaking.days) };
    case "overheating":
      return { ...used, relaySticks: draw < stickingShare };
    case "frozen_sensor":
      return { ...used, sensorSticksS: Math.round(between(240, 360, seed, uses.programs, "sticks")) };
    case "aborts":
      return draw < abortingShare
        ? { ...used, restartsAfterS: Math.round(between(240, 1_200, seed, uses.programs, "restarts")) }
        : used;
    case "scaling":
    case "silent":
    case "flapping_wifi":
      return used;
  }
}
