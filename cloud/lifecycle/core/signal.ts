/** What bears on a household's stage, from what it did and from what else became of it. */
import { z } from "zod";
import { rating } from "#protocol/help.ts";
import type { NotableFact } from "../../events/events.ts";
import type { HouseholdAct } from "../../households/households.ts";

const known = z.object({ kind: z.literal("known") });
const device = { deviceId: z.string() };
const signalBody = z.discriminatedUnion("kind", [
  known,
  z.object({ kind: z.literal("paired"), ...device }),
  z.object({ kind: z.literal("left"), ...device }),
  z.object({ kind: z.literal("used"), ...device, isProgram: z.boolean() }),
  z.object({ kind: z.literal("fault"), ...device, code: z.string() }),
  z.object({ kind: z.literal("feedback"), rating, deviceId: z.string().nullable() }),
  z.object({ kind: z.literal("complaint") }),
  z.object({
    kind: z.literal("case_opened"),
    caseId: z.string(),
    deviceId: z.string().nullable(),
    title: z.string(),
    byHousehold: z.boolean(),
  }),
  z.object({ kind: z.literal("case_resolved"), caseId: z.string(), title: z.string(), atFirstAnswer: z.boolean() }),
  z.object({ kind: z.literal("case_merged"), caseId: z.string(), title: z.string() }),
  z.object({ kind: z.literal("tier"), tier: z.string().nullable(), isAboveFirst: z.boolean() }),
  z.object({ kind: z.literal("marketing"), isAgreed: z.boolean() }),
  z.object({ kind: z.literal("share_cooked") }),
  z.object({ kind: z.literal("referral_paired") }),
]);
export type SignalBody = z.infer<typeof signalBody>;

/** One thing that happened, with its identity and time. */
export interface Signal {
  householdId: string;
  source: string;
  atMs: number;
  body: SignalBody;
}

export const parseSignal = (kind: string, data: object): SignalBody => signalBody.parse({ ...data, kind });

/** The order in which a life is told, whatever came first. */
export const inOrder = (a: Pick<Signal, "atMs" | "source">, b: Pick<Signal, "atMs" | "source">): number =>
  a.atMs - b.atMs || (a.source < b.source ? -1 : a.source > b.source ? 1 : 0);

/** The signal that an act is, or null where a stage does not depend on it. */
export function signalOfAct(act: HouseholdAct): Signal | null {
  const { householdId, source, atMs } = act;
  const body = bodyOfAct(act);
  if (body === null) return null;
  // Of being known only the first time matters.
  return { householdId, source: body.kind === "known" ? `known:${householdId}` : source, atMs, body };
}

function bodyOfAct({ type, data, device: seenBy, origin }: HouseholdAct): SignalBody | null {
  const deviceId = seenBy?.id ?? null;
  switch (type) {
    case "program.finished":
    case "program.aborted":
      return deviceId === null ? null : { kind: "used", deviceId, isProgram: type === "program.finished" };
    case "fault.raised": {
      const code = typeof data.code === "string" ? data.code.slice(0, 64) : "";
      return deviceId === null ? null : { kind: "fault", deviceId, code };
    }
    case "feedback.given": {
      const said = rating.safeParse(data.rating);
      return said.success ? { kind: "feedback", rating: said.data, deviceId } : null;
    }
    case "share.cooked":
      return { kind: "share_cooked" };
    case "referral.paired":
      return { kind: "referral_paired" };
    case "complaint.made":
      return { kind: "complaint" };
    default:
      // Whoever looks at prices is known from then on; what they looked at is not asked here.
      return origin === "appliance" ? null : { kind: "known" };
  }
}

const text = (value: unknown): string | null => (typeof value === "string" ? value : null);

/** The signal that a fact from elsewhere in the service is, or null. */
export function signalOfFact({ type, atMs, data, subject }: NotableFact): Signal | null {
  const householdId = text(data.householdId);
  if (householdId === null) return null;
  const named = namedOfFact(type, atMs, data);
  if (named === null) return null;
  // Of one subject no two facts of a type are true at one time, unless they say different things. What an act brings about comes after
  // it also at the same moment: the tilde sorts behind every name of an appliance.
  const source = `~${named.identity ?? `${type}:${subject}:${atMs}`}`;
  return { householdId, source, atMs, body: named.body };
}

function namedOfFact(
  type: string,
  atMs: number,
  data: NotableFact["data"],
): { body: SignalBody; identity?: string } | null {
  const deviceId = text(data.deviceId);
  const caseId = text(data.caseId);
  const title = text(data.title) ?? "";
  switch (type) {
    case "hearth.household.created":
      // Of one that begins with an appliance the pairing says it all.
      return data.isProspect === false ? null : { body: { kind: "known" } };
    case "hearth.household.device_joined":
    case "hearth.household.device_added":
      return deviceId === null ? null : { body: { kind: "paired", deviceId } };
    case "hearth.household.device_left":
      return deviceId === null ? null : { body: { kind: "left", deviceId } };
    case "hearth.case.opened":
    case "hearth.case.unmerged":
    case "hearth.case.reopened": {
      if (caseId === null) return null;
      const by = text(data.by) ?? "";
      const byHousehold = by.startsWith("owner:") || by.startsWith("device:");
      return { body: { kind: "case_opened", caseId, deviceId, title, byHousehold } };
    }
    case "hearth.case.resolved": {
      const atFirstAnswer = data.answers === 1 && data.reopenedCount === 0;
      return caseId === null ? null : { body: { kind: "case_resolved", caseId, title, atFirstAnswer } };
    }
    case "hearth.case.merged":
      return caseId === null ? null : { body: { kind: "case_merged", caseId, title } };
    case "hearth.case.rated": {
      // What was touched at an appliance is an act of its own.
      const said = rating.safeParse(data.rating);
      if (!said.success || text(data.by)?.startsWith("device:") === true) return null;
      return { body: { kind: "feedback", rating: said.data, deviceId: null }, identity: `rated:${caseId ?? ""}` };
    }
    case "hearth.tier.changed": {
      const tier = text(data.to);
      // Only a tier above the first one ends.
      const isAboveFirst = tier !== null && data.untilMs !== null;
      return { body: { kind: "tier", tier, isAboveFirst }, identity: `${type}:${tier ?? ""}:${atMs}` };
    }
    case "hearth.consent.given":
    case "hearth.consent.withdrawn":
      // What is carried from one household to another is the other's word, which comes along as it is.
      return data.purpose === "market" && data.carriedBy === undefined
        ? { body: { kind: "marketing", isAgreed: type.endsWith("given") } }
        : null;
    default:
      return null;
  }
}
