/** What data there is, in words and figures, made from what the models declare: for whoever has the data, and for whoever may buy the appliance. */
import type { HouseholdData } from "../../platform/household-data.ts";

/** What the sheet needs of a model. */
export interface DeclaredModel {
  key: string;
  brand: string;
  name: string;
  metrics: readonly {
    name: string;
    label?: string | undefined;
    unit: string;
    kind: string;
    min?: number | undefined;
    max?: number | undefined;
    everyMs?: number | undefined;
    personal: boolean;
  }[];
}

const dayMs = 86_400_000;
/** How long what appliances say is kept, in words. */
export interface ApplianceDataKept {
  readings: string;
  events: string;
}

/** A value in a reading as it is sent: its name, and up to a dozen digits. */
const valueBytes = (name: string) => name.length + 12;

function metricLine({ name, label, unit, kind, min, max, everyMs, personal }: DeclaredModel["metrics"][number]) {
  const perDay = everyMs === undefined ? null : Math.round(dayMs / everyMs);
  return {
    name,
    label: label ?? null,
    type: kind === "flag" ? "boolean" : "number",
    unit,
    kind,
    min: min ?? null,
    max: max ?? null,
    /** While the appliance runs. */
    everyMs: everyMs ?? null,
    perRunningDayMax: perDay,
    bytesPerRunningDayMax: perDay === null ? null : perDay * valueBytes(name),
    aboutPeople: personal,
  };
}

export const modelSheet = ({ key, brand, name, metrics }: DeclaredModel, kept: ApplianceDataKept) => ({
  model: key,
  brand,
  name,
  readings: { realTime: true, kept: kept.readings, metrics: metrics.map(metricLine) },
  events: {
    realTime: true,
    kept: kept.events,
    types: "programs, preheating, doors, faults, recipes, what was shown and chosen; each with its time and its data",
  },
});

const lineOf = ({ name, describes, kept, keeps }: HouseholdData) => ({
  name,
  describes,
  kept: kept ?? "as long as your household",
  staysAfterErasure: keeps ?? null,
});

/** The sheet that lies in an export. */
export function dataSheet(
  models: readonly DeclaredModel[],
  data: readonly HouseholdData[],
  kept: ApplianceDataKept,
  nowMs: number,
) {
  return {
    madeAtMs: nowMs,
    format: {
      json: "an array of objects a file; a long list goes on in files that end with -2, -3, ...",
      csv: "RFC 4180 in UTF-8, the first line names the columns; what is no plain value is JSON in its cell",
      times: "milliseconds since 1970-01-01 UTC, in fields that end with AtMs or Ms",
      units: "the last word of a metric's name, and `unit` below",
    },
    howToGetIt: {
      again: "GET /api/v1/my/export",
      live: "GET /api/v1/my/telemetry/live: as it comes, in the quality in which the maker has it",
      aRange: "GET /api/v1/my/telemetry/export",
    },
    howToEraseIt:
      "DELETE /api/v1/my/household: everything below, everywhere, with a report of each store. It ends what is collected too.",
    price: "none",
    appliances: models.map((model) => modelSheet(model, kept)),
    /** What you and your appliances said and did. */
    said: data.filter(({ isDerived }) => isDerived !== true).map(lineOf),
    /** What was computed from it. */
    derived: data.filter(({ isDerived }) => isDerived === true).map(lineOf),
  };
}
