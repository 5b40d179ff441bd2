import { z } from "zod";
import { compilePredicate, type FactTypes, type Facts, type Predicate } from "../../platform/predicate/predicate.ts";

/** Longest condition of a rule, in UTF-16 code units. */
export const conditionCharactersMax = 1_000;

export const conditionText = z.string().min(1).max(conditionCharactersMax);

const fieldName = z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/);
export const conditionFields = z
  .record(fieldName, z.enum(["text", "number", "flag"]))
  .refine((fields) => Object.keys(fields).length <= 20, "must name at most 20 fields");
export type ConditionFields = z.infer<typeof conditionFields>;

/** What rules may ask of the appliance itself, beside what it says in its event or reading. */
export const applianceFacts = {
  model: { type: "text", help: "The model's key." },
  hardware: { type: "text", help: "The hardware revision that it reports." },
  version: { type: "version", help: "The firmware version that it reports." },
  country: { type: "text", help: "Where it was registered, as two capital letters." },
  tags: { type: "texts", help: "What the maker marked it with." },
} as const satisfies FactTypes;

const text = { type: "text", help: "" } as const;
const number = { type: "number", help: "" } as const;
const flag = { type: "flag", help: "" } as const;

/** Fields of events and readings that need no telling what kind they are of. */
const wellKnown = {
  event: {
    by: text,
    code: text,
    kind: text,
    program: text,
    reason: text,
    recipeId: text,
    firmware: text,
    ranMs: number,
    tookMs: number,
    setpoint_c: number,
    energy_wh: number,
  },
  reading: {
    cavity_c: number,
    setpoint_c: number,
    probe1_c: number,
    power_w: number,
    energy_wh: number,
    fan_rpm: number,
    water_c: number,
    tank_pct: number,
    door_open: flag,
  },
} as const satisfies Record<"event" | "reading", FactTypes>;

function factsFor(over: "event" | "reading", fields: ConditionFields): FactTypes {
  const declared = Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, { type, help: "" }]));
  // A reading is judged by what the batch knows; to look an appliance up for each would cost every reading.
  const appliance = over === "event" ? applianceFacts : { model: applianceFacts.model };
  return { ...wellKnown[over], ...declared, ...appliance };
}

/** Why a condition cannot be used, in a sentence that names the place; null where it can. */
export function wrongCondition(
  condition: string,
  over: "event" | "reading",
  fields: ConditionFields = {},
): string | null {
  const outcome = compilePredicate(condition, factsFor(over, fields));
  if (outcome.kind === "ok") return null;
  const { place, detail } = outcome;
  if (place === null) return detail;
  const words = condition.slice(place.from, place.to).slice(0, 40);
  return `${words === "" ? "" : `\`${words}\` `}at character ${place.from + 1}: ${detail}`;
}

/** A condition, ready. */
export interface Condition {
  /** Whether it asks for more of the appliance than a batch knows of it anyway. */
  needsAppliance: boolean;
  holds(data: Readonly<Record<string, unknown>>, appliance: Facts): boolean;
}

const always: Condition = { needsAppliance: false, holds: () => true };

/** @throws where it does not compile: a rule that is stored does */
export function compileCondition(
  condition: string | undefined,
  over: "event" | "reading",
  fields: ConditionFields = {},
): Condition {
  if (condition === undefined) return always;
  const types = factsFor(over, fields);
  const outcome = compilePredicate(condition, types);
  if (outcome.kind === "refused") throw new TypeError(`a stored condition does not compile: ${outcome.detail}`);
  const { predicate } = outcome;
  return {
    needsAppliance: [...predicate.reads].some((name) => name !== "model" && Object.hasOwn(applianceFacts, name)),
    holds: (data, appliance) => predicate.matches(known(predicate, types, data, appliance)).matches,
  };
}

/** What a condition reads, as far as it is there and of the kind that it should be; the rest is missing. */
function known(
  predicate: Predicate,
  types: FactTypes,
  data: Readonly<Record<string, unknown>>,
  appliance: Facts,
): Facts {
  const facts: Record<string, Facts[string]> = {};
  for (const name of predicate.reads) {
    if (Object.hasOwn(applianceFacts, name)) facts[name] = appliance[name];
    else if (Object.hasOwn(data, name)) facts[name] = ofKind(types[name]?.type, data[name]);
  }
  return facts;
}

function ofKind(type: string | undefined, value: unknown): string | number | boolean | undefined {
  if (type === "text") return typeof value === "string" ? value : undefined;
  if (type === "number") return typeof value === "number" ? value : undefined;
  // A stored flag is a number.
  if (typeof value === "boolean") return value;
  return value === 1 || value === 0 ? value === 1 : undefined;
}
