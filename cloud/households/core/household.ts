import { z } from "zod";
import { locale } from "#protocol/ids.ts";
import { pairingCodeLength, readPairingCode } from "#protocol/pairing.ts";
import { safeText } from "#protocol/text.ts";
import type { DeviceRef } from "../../devices/devices.ts";
import { type UnitSystem, unitSystems } from "#protocol/units.ts";
import { ownerRoles } from "../../staff/staff.ts";
import { timeZone } from "./time-zone.ts";

const channelNames = ["display", "web_push", "email", "webhook", "human"] as const;

const minuteOfDay = z.int().min(0).max(1_439);

/** How a household wants to be reached: the order of its channels, and when not. */
const channelPreferences = z
  .strictObject({
    order: z
      .array(z.enum(channelNames))
      .max(channelNames.length)
      .refine((list) => new Set(list).size === list.length, "must not name a channel twice")
      .default(["display"]),
    /** Local minutes of the day, in the household's zone; the window may pass midnight. */
    quiet: z
      .strictObject({ fromMinute: minuteOfDay, toMinute: minuteOfDay, meanwhile: z.enum(["hold", "skip"]) })
      .nullable()
      .default(null),
    /** The household's own bound on promotional and status messages. */
    perWeekMax: z.int().min(0).max(100).nullable().default(null),
  })
  .meta({ id: "ChannelPreferences" });
export type ChannelPreferences = z.infer<typeof channelPreferences>;
export type QuietHours = NonNullable<ChannelPreferences["quiet"]>;

const name = safeText(200).trim().min(1);

export const newHousehold = z.strictObject({
  name,
  locale,
  timeZone,
  channels: channelPreferences.prefault({}),
  /** What it measures in; null: as its locale does. */
  units: z.enum(unitSystems).nullable().optional(),
});
export type NewHousehold = z.infer<typeof newHousehold>;

export const householdChange = z
  .strictObject({
    name: name.optional(),
    locale: locale.optional(),
    timeZone: timeZone.optional(),
    channels: channelPreferences.optional(),
    /** Null: as the locale measures. */
    units: z.enum(unitSystems).nullable().optional(),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), "must change something");
export type HouseholdChange = z.infer<typeof householdChange>;

export const newMember = z.strictObject({
  name,
  email: z.email().max(254).optional(),
});
export type NewMember = z.infer<typeof newMember>;

export const member = z
  .object({ id: z.uuid(), name: z.string(), email: z.string().nullable(), role: z.enum(ownerRoles) })
  .meta({ id: "HouseholdMember" });
export type Member = z.infer<typeof member>;

export const household = z
  .object({
    id: z.uuid(),
    name: z.string(),
    locale: z.string(),
    timeZone: z.string(),
    channels: channelPreferences,
    /** What it measures in, where it chose; null: as its locale does. */
    units: z.enum(unitSystems).nullable(),
    members: z.array(member),
    createdAtMs: z.number(),
    mergedInto: z.uuid().nullable().describe("The household that it became part of; null: it stands for itself"),
  })
  .meta({ id: "Household" });
export type Household = z.infer<typeof household>;

export const listedHousehold = household
  .extend({ devices: z.number().describe("How many appliances; 0: a prospect") })
  .meta({ id: "ListedHousehold" });
export type ListedHousehold = z.infer<typeof listedHousehold>;

/** Where, when and in which words a household is reached. */
export interface HouseholdReach {
  locale: string;
  /** What it chose to measure in; null: as its locale does. */
  units: UnitSystem | null;
  timeZone: string;
  channels: ChannelPreferences;
  members: { id: string; name: string; email: string | null }[];
  devices: DeviceRef[];
}

/** Most members of one household. */
export const membersMax = 50;
/** Most appliances of one household. */
export const devicesMax = 100;
/** Most invitations that a household has open at a time. */
export const invitationsMax = 20;
/** How long an invitation is good. */
export const invitationMs = 7 * 86_400_000;

const pairingCode = z
  .string()
  .max(40)
  .transform((typed, context): string => {
    const code = readPairingCode(typed);
    if (code !== null) return code;
    context.addIssue({
      code: "custom",
      message: `must be the ${pairingCodeLength} characters that the appliance shows`,
    });
    return z.NEVER;
  });

export const welcomeCode = z.string().min(1).max(200);

/** What is sent with an appliance's code. All but the code is for those who have no household yet. */
export const pairRequest = z.strictObject({
  code: pairingCode,
  name: name.optional(),
  email: newMember.shape.email,
  locale: locale.optional(),
  timeZone: timeZone.optional(),
  householdName: name.optional(),
  /** What was sent to somebody who had no appliance yet: what is known of them is this household's from now on. */
  welcome: welcomeCode.optional(),
});
export type PairRequest = z.infer<typeof pairRequest>;

export const joinRequest = z.strictObject({ code: z.string().min(1).max(200), ...newMember.shape });
export type JoinRequest = z.infer<typeof joinRequest>;
