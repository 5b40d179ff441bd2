import { z } from "zod";
import type { HawkbitClient } from "#protocol/model.ts";
import { safeText } from "#protocol/text.ts";

/** Most attributes of one appliance, and the longest of them, as hawkBit has it. */
export const attributesMax = 100;
export const attributeKeyMax = 128;
export const attributeValueMax = 512;

export type Attributes = Readonly<Record<string, string>>;

const value = z.union([safeText(attributeValueMax), z.number().transform(String), z.boolean().transform(String)]);

export const configData = z.object({
  mode: z.enum(["merge", "replace", "remove"]).nullish(),
  data: z.record(safeText(attributeKeyMax).min(1), z.union([value, z.null()])),
});
export type ConfigData = z.infer<typeof configData>;

/** The attributes after a client has sent some, or null where they would be more than are kept. */
export function withData(now: Attributes, { mode, data }: ConfigData): Attributes | null {
  const given = Object.entries(data).filter((entry): entry is [string, string] => entry[1] !== null);
  switch (mode ?? "merge") {
    case "remove":
      return Object.fromEntries(Object.entries(now).filter(([key]) => !Object.hasOwn(data, key)));
    case "replace":
      return bounded(given);
    case "merge":
      return bounded([...new Map([...Object.entries(now), ...given])]);
  }
}

const bounded = (entries: [string, string][]): Attributes | null =>
  entries.length > attributesMax ? null : Object.fromEntries(entries);

/** What the attributes say in Hearth's own words. */
export interface Facts {
  firmware?: string;
  hardware?: string;
  timeZone?: string;
}

const usualNames = {
  firmware: ["firmware", "version", "swVersion", "sw_version", "firmwareVersion"],
  hardware: ["hardware", "hwRevision", "hw_revision", "hardwareRevision"],
} as const;

export function factsOf(attributes: Attributes, client: HawkbitClient): Facts {
  const first = (names: readonly string[]): string | undefined =>
    names.map((name) => (Object.hasOwn(attributes, name) ? attributes[name] : undefined)).find((text) => text);
  const named = (own: string | undefined, usual: readonly string[]) => first(own === undefined ? usual : [own]);
  const firmware = named(client.versionAttribute, usualNames.firmware);
  const hardware = named(client.hardwareAttribute, usualNames.hardware);
  const timeZone = first(["timeZone", "time_zone"]);
  return {
    ...(firmware === undefined ? {} : { firmware }),
    ...(hardware === undefined ? {} : { hardware }),
    ...(timeZone === undefined || !isTimeZone(timeZone) ? {} : { timeZone }),
  };
}

function isTimeZone(name: string): boolean {
  // An offset such as +02:00 is no zone: it knows no summer.
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
