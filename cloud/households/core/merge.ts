import { z } from "zod";
import { safeText } from "#protocol/text.ts";

/** How long a code for a prospect is good. An appliance that is ordered comes weeks later, and is unpacked later still. */
export const welcomeMs = 365 * 86_400_000;
/** Most codes that a prospect has open at a time. */
export const welcomesMax = 20;
/** Most names by which others know one household. */
export const referencesMax = 20;

const reason = safeText(500).trim().min(1);

export const mergeRequest = z.strictObject({ from: z.uuid(), reason });
export const unmergeRequest = z.strictObject({ reason });

/** A household as others call it: a shop's customer number, the SHA-256 of an e-mail address. */
export const reference = z
  .strictObject({
    kind: z.string().regex(/^[a-z][a-z0-9_]{0,39}$/, "must be snake_case, at most 40 characters"),
    value: safeText(200).min(1),
  })
  .meta({ id: "HouseholdReference" });
export type Reference = z.infer<typeof reference>;

/** That two households are one, and how that is known. */
export const householdMerge = z
  .object({
    id: z.uuid(),
    from: z.uuid(),
    into: z.uuid(),
    proof: z.enum(["welcome_code", "staff"]),
    reason: z.string().nullable(),
    atMs: z.number(),
    by: z.string(),
    undone: z.object({ atMs: z.number(), by: z.string(), reason: z.string() }).nullable(),
  })
  .meta({ id: "HouseholdMerge" });
export type HouseholdMerge = z.infer<typeof householdMerge>;

/** Whether a member's role may move along: a household keeps the owner that it has. */
export const roleAfterMerge = (hasOwner: boolean, role: "owner" | "member"): "owner" | "member" =>
  hasOwner ? "member" : role;
