import { z } from "zod";
import { locale } from "#protocol/ids.ts";
import type { Model } from "#protocol/model.ts";
import { desired } from "#protocol/state.ts";
import type { Memory, Voice } from "./controls.ts";
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

/**
 * Takes a payload of the desired topic: a version at or below the one held is ignored, each key is taken for itself, and the
 * appliance reports what it took.
 *
 * @returns whether the locale is another one now, and with it the feeds
 */
export function takeDesired(payload: Uint8Array, model: Model, memory: Memory, voice: Voice): boolean {
  const wanted = desired.safeParse(readJson(payload)).data;
  if (wanted === undefined || wanted.version <= memory.record.desiredVersion) return false;
  const before = memory.record.settings;
  const wantedLocale = settable.locale.safeParse(wanted.state["locale"]).data;
  const settings = {
    ...before,
    locale: wantedLocale !== undefined && model.locales.includes(wantedLocale) ? wantedLocale : before.locale,
    timeZone: settable.timeZone.safeParse(wanted.state["timeZone"]).data ?? before.timeZone,
    childLock: settable.childLock.safeParse(wanted.state["childLock"]).data ?? before.childLock,
  };
  memory.update({ desiredVersion: wanted.version, settings });
  voice.reported({
    desiredVersion: wanted.version,
    locale: settings.locale,
    timeZone: settings.timeZone,
    childLock: settings.childLock,
  });
  return settings.locale !== before.locale;
}
