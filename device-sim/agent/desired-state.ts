import { z } from "zod";
import { locale } from "#protocol/ids.ts";
import type { Model } from "#protocol/model.ts";
import { desired } from "#protocol/state.ts";
import type { Memory, Voice } from "./controls.ts";
import { withoutPeople } from "./device-record.ts";
import { readJson } from "./read-json.ts";

const isTimeZone = (name: string): boolean => {
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name).timeZoneId.length > 0;
  } catch {
    return false;
  }
};

/** The keys that this appliance lets be set from afar. None of them moves anything. */
const settable = {
  locale,
  timeZone: z.string().max(64).refine(isTimeZone, "must be an IANA time zone"),
  childLock: z.boolean(),
};

/** How the appliance was set when it was made, and what it is. */
interface Made {
  model: Model;
  locale: string;
  timeZone: string;
}

/**
 * Takes a payload of the desired topic: a version at or below the one held is ignored, each key is taken for itself, and the
 * appliance reports what it took. Where it says that a household has left, what the appliance holds of people goes first.
 *
 * @returns whether the locale is another one now, and with it the feeds
 */
export function takeDesired(payload: Uint8Array, made: Made, memory: Memory, voice: Voice): boolean {
  const wanted = desired.safeParse(readJson(payload)).data;
  if (wanted === undefined || wanted.version <= memory.record.desiredVersion) return false;
  const { locale: localeBefore } = memory.record.settings;
  const { tenure } = memory.record;
  if (tenure !== null && wanted.tenure > tenure) memory.update(withoutPeople(memory.record, made));
  const { model } = made;
  const before = memory.record.settings;
  const wantedLocale = settable.locale.safeParse(wanted.state["locale"]).data;
  const settings = {
    ...before,
    locale: wantedLocale !== undefined && model.locales.includes(wantedLocale) ? wantedLocale : before.locale,
    timeZone: settable.timeZone.safeParse(wanted.state["timeZone"]).data ?? before.timeZone,
    childLock: settable.childLock.safeParse(wanted.state["childLock"]).data ?? before.childLock,
  };
  memory.update({ desiredVersion: wanted.version, settings, tenure: Math.max(tenure ?? 0, wanted.tenure) });
  voice.reported({
    desiredVersion: wanted.version,
    locale: settings.locale,
    timeZone: settings.timeZone,
    childLock: settings.childLock,
  });
  return settings.locale !== localeBefore;
}
