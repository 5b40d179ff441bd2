import type { ProgramSettings } from "#protocol/content.ts";
import type { Model } from "#protocol/model.ts";
import { ovenPrograms } from "./programs.ts";
import { between, pick, uniform } from "./random.ts";

/** How a household lives with its appliance. Data: a new persona is a new line. */
export interface Persona {
  /** Local hours at which a program may start, each [from, to). */
  meals: readonly (readonly [number, number])[];
  /** Chance of a program at each meal, on a working day and at the weekend. */
  chance: { weekday: number; weekend: number };
  /** How much each program is liked; 1 where nothing is said. */
  likes: Partial<Record<ProgramSettings["program"], number>>;
  /** Chance of looking at what the display offers before a program. */
  looks: number;
  /** Chance of cooking a preloaded recipe instead of the usual. */
  tries: number;
  /** Chance of acting on a message instead of dismissing it. */
  acts: number;
  /** How long after an offer they agree to an update. */
  agreesAfterMs: number;
}

const minuteMs = 60_000;

export const personas = {
  family: {
    meals: [
      [11.5, 12.5],
      [17, 19],
    ],
    chance: { weekday: 0.6, weekend: 0.8 },
    likes: { HotAir: 3, PizzaSetting: 1.5, Eco50: 3 },
    looks: 0.5,
    tries: 0.4,
    acts: 0.4,
    agreesAfterMs: 2 * minuteMs,
  },
  baker: {
    meals: [
      [6, 8],
      [9, 11],
      [14, 16],
    ],
    chance: { weekday: 0.5, weekend: 0.9 },
    likes: { TopBottomHeating: 4, Steam: 3 },
    looks: 0.7,
    tries: 0.6,
    acts: 0.6,
    agreesAfterMs: minuteMs,
  },
  weekender: {
    meals: [
      [10, 12],
      [15, 18],
    ],
    chance: { weekday: 0.05, weekend: 0.85 },
    likes: { SlowCook: 4, Intensiv70: 2 },
    looks: 0.4,
    tries: 0.5,
    acts: 0.3,
    agreesAfterMs: 5 * minuteMs,
  },
  night_owl: {
    meals: [
      [21, 23],
      [23, 24],
    ],
    chance: { weekday: 0.5, weekend: 0.5 },
    likes: { PizzaSetting: 4, Quick45: 3, Grill: 2 },
    looks: 0.2,
    tries: 0.1,
    acts: 0.1,
    agreesAfterMs: 10 * minuteMs,
  },
  away: {
    meals: [],
    chance: { weekday: 0, weekend: 0 },
    likes: {},
    looks: 0,
    tries: 0,
    acts: 0,
    agreesAfterMs: minuteMs,
  },
} as const satisfies Record<string, Persona>;
export type PersonaName = keyof typeof personas;
export const personaNames: readonly PersonaName[] = ["family", "baker", "weekender", "night_owl", "away"];

/** One thing that a household means to do. */
export interface PlannedCook {
  atMs: number;
  settings: ProgramSettings;
  looksFirst: boolean;
  triesRecipe: boolean;
}

export interface HouseholdFacts {
  persona: PersonaName;
  seed: number;
  timeZone: string;
  model: Model;
  /** False where nobody ever removes the limescale. */
  descales?: boolean;
}

/** The calendar day of a moment in a zone, as `2026-03-29`. */
export const localDay = (atMs: number, timeZone: string): string =>
  Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone).toPlainDate().toString();

/** What the household does on a local day, in order of time. Clock changes move it as they move people: by the local time. */
export function planDay(household: HouseholdFacts, day: string): PlannedCook[] {
  const persona: Persona = personas[household.persona];
  const date = Temporal.PlainDate.from(day);
  const weekend = date.dayOfWeek >= 6;
  const chance = weekend ? persona.chance.weekend : persona.chance.weekday;
  const { programs } = household.model.capabilities;
  if (programs.length === 0) return [];
  const plans: PlannedCook[] = [];
  for (const [at, [fromHour, toHour]] of persona.meals.entries()) {
    const draw = (what: string): number => uniform(household.seed, day, at, what);
    if (draw("cook") >= chance) continue;
    const minute = Math.floor(between(fromHour, toHour, household.seed, day, at, "hour") * 60);
    const time = Temporal.PlainTime.from({ hour: Math.floor(minute / 60) % 24, minute: minute % 60 });
    const moment = date.toZonedDateTime({ timeZone: household.timeZone, plainTime: time });
    const weights = programs.map((program) => persona.likes[program] ?? 1);
    const program = pick(programs, weights, household.seed, day, at, "program");
    plans.push({
      atMs: moment.epochMilliseconds,
      settings: usualSettings(household, program, `${day}/${at}`),
      looksFirst: draw("look") < persona.looks,
      triesRecipe: draw("try") < persona.tries,
    });
  }
  return plans.toSorted((a, b) => a.atMs - b.atMs);
}

/** Programs as this household sets them: near the default, and long roasts with the probe where there is one. */
function usualSettings(
  { seed, model }: HouseholdFacts,
  program: ProgramSettings["program"],
  when: string,
): ProgramSettings {
  const usual = ovenPrograms[program];
  if (usual === undefined) return { program };
  const { setpoint_c_max: hottest = 250, probe } = model.capabilities;
  const setpoint_c = Math.min(hottest, usual.setpoint_c + 5 * Math.round(between(-3, 3, seed, when, "setpoint")));
  const duration_s = 60 * Math.round((usual.duration_s / 60) * between(0.7, 1.2, seed, when, "duration"));
  if (program === "SlowCook" && probe)
    return { program, setpoint_c, probe_c: Math.round(between(62, 78, seed, when, "core")) };
  return { program, setpoint_c, duration_s };
}
