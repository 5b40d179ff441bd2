import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { locale } from "#protocol/ids.ts";
import { problem } from "../platform/problem.ts";
import type { Answers } from "./answers.ts";
import type { CaseDesk } from "./case-desk.ts";
import type { CaseMerges } from "./case-merges.ts";
import type { CaseMeasures } from "./case-measures.ts";
import { caseId, caseWithEntries, viewOf } from "./case-views.ts";
import { causeDefinition } from "./core/cause-article.ts";
import { severities } from "./core/severity.ts";
import { serviceProblems } from "./errors.ts";
import type { Evidence } from "./evidence.ts";
import { evidenceSnapshot, relatedView } from "./evidence-store.ts";

/** What these routes need of the service. */
interface CaseReading {
  desk: CaseDesk;
  answers: Answers;
  evidence: Evidence;
  merges: CaseMerges;
  measures: CaseMeasures;
}

export const caseDossier = caseWithEntries
  .extend({
    appliance: z
      .object({
        serial: z.string(),
        firmware: z.string().nullable(),
        hardware: z.string().nullable(),
        soldAtMs: z.number().nullable(),
        warrantyUntilMs: z.number().nullable(),
        endOfSupportMs: z.number().nullable(),
        /** When the case was opened; null where nobody said until when. */
        underWarranty: z.boolean().nullable(),
      })
      .nullable(),
    /** What is known of its cause: what staff should do, the part, and the help article in the owner's words. */
    causeArticle: z.object({ version: z.number(), ...causeDefinition.shape }).nullable(),
    /** Null until it is taken, a moment after the case was opened. */
    evidence: evidenceSnapshot.nullable(),
    /** Where the readings themselves are, for as long as they are kept. */
    readingsHref: z.string().nullable(),
    similar: z.object({
      sinceMs: z.number(),
      /** Other appliances with the same cause since then. */
      devices: z.number(),
      open: z.number(),
      sameModel: z.number(),
      /** Of the same model, and with the firmware that this one ran when its case was opened. */
      sameFirmware: z.number(),
      cases: z.array(relatedView),
    }),
    /** Cases that turned out to be the same matter and went into this one. The evidence of each is read at its own address. */
    merged: z.array(
      z.object({
        id: z.string(),
        title: z.string(),
        cause: z.string(),
        deviceId: z.string().nullable(),
        openedAtMs: z.number(),
        mergedAtMs: z.number(),
        mergedBy: z.string(),
      }),
    ),
    /** Other cases of this appliance, newest first. */
    past: z.array(relatedView),
  })
  .meta({ id: "ServiceCaseDossier" });

const quantiles = z.object({ median: z.number().nullable(), p90: z.number().nullable() });
const kept = z.object({ kept: z.number(), missed: z.number() });
const week = z
  .object({
    /** Monday 00:00 UTC. */
    weekAtMs: z.number(),
    opened: z.number(),
    answered: z.number(),
    firstAnswerMs: quantiles,
    resolved: z.number(),
    resolveMs: quantiles,
    reopenedShare: z.number().nullable(),
    automationShare: z.number().nullable(),
    firstAnswerPromise: kept,
    resolvePromise: kept,
  })
  .meta({ id: "WeekOfCases" });

export const foundCause = z
  .object({ cause: z.string(), cases: z.number(), incidents: z.number(), open: z.number() })
  .meta({ id: "FoundCause" });

const filledAnswer = z
  .object({
    key: z.string(),
    title: z.string(),
    suggested: z.boolean(),
    locale: z.string(),
    text: z.string(),
    missing: z.array(z.string()),
  })
  .meta({ id: "FilledAnswer" });

async function dossier(
  { desk, answers, evidence, merges }: CaseReading,
  id: string,
): Promise<z.infer<typeof caseDossier> | null> {
  const found = await desk.get(id);
  if (found === null) return null;
  const { serviceCase, deviceId } = found;
  const [dates, cause, snapshot, related, merged] = await Promise.all([
    deviceId === null ? null : evidence.dates(deviceId, serviceCase.model),
    answers.causeOf(serviceCase),
    evidence.snapshot(id),
    evidence.related(serviceCase),
    merges.parts(id),
  ]);
  const until = dates?.warrantyUntilMs ?? null;
  const metrics = snapshot?.series.map(({ metric }) => metric) ?? [];
  return {
    ...viewOf(found),
    entries: found.entries,
    appliance:
      dates === null ? null : { ...dates, underWarranty: until === null ? null : serviceCase.openedAtMs <= until },
    causeArticle: cause === null ? null : { version: cause.version, ...cause.definition },
    evidence: snapshot,
    readingsHref:
      snapshot === null || metrics.length === 0 || deviceId === null
        ? null
        : `/api/v1/devices/${encodeURIComponent(deviceId)}/telemetry?metrics=${metrics.join(",")}&fromMs=${snapshot.fromMs}&toMs=${snapshot.toMs}`,
    merged,
    ...related,
  };
}

/** HTTP of reading one case, and of how cases go. */
export function caseReadRoutes(server: FastifyInstance, service: CaseReading): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  const tags = ["cases"];
  app.get(
    "/api/v1/cases/:id",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "Read a case with its history and what speaks for it",
        description:
          "The evidence is a bounded copy of what the appliance did from 72 hours before to an hour after the opening; it outlives the readings. What was said and done in a case that went into another is read there: `mergedInto` names it.",
        tags,
        params: caseId,
        response: { 200: caseDossier },
      },
    },
    async ({ params }) => {
      const found = await dossier(service, params.id);
      if (found === null) throw problem(serviceProblems, "case_not_found");
      return found;
    },
  );
  app.get(
    "/api/v1/cases/:id/answers",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "Read the answers that staff keep, filled in for a case",
        description:
          "Those meant for its cause first. What the case does not have stays visible as `[part]` and is listed.",
        tags,
        params: caseId,
        querystring: z.object({ locale: locale.optional().describe("Without it, the household's") }),
        response: { 200: z.object({ items: z.array(filledAnswer) }) },
      },
    },
    async ({ params, query }) => {
      const found = await service.desk.find(params.id);
      if (found === null) throw problem(serviceProblems, "case_not_found");
      return { items: await service.answers.filled(found.serviceCase, found.deviceId, query.locale ?? null) };
    },
  );
  app.get(
    "/api/v1/cases/measures",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "Measure how cases went, week by week",
        description:
          "Of the cases that came to be known in each week: time to the first answer and to the solution, what reopened, what was solved without staff, and which promises were kept.",
        tags,
        querystring: z.object({
          weeks: z.coerce.number().int().min(1).max(104).default(12),
          severity: z.enum(severities).optional(),
        }),
        response: { 200: z.object({ weeks: z.array(week) }) },
      },
    },
    async ({ query }) => ({ weeks: await service.measures.weekly(query.weeks, query.severity ?? null) }),
  );
  app.get(
    "/api/v1/cases/causes",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "Count how often each cause was found lately",
        description:
          "In cases and in incidents, the most frequent first; and how many cases of each are open now. It has what nobody has written about, too.",
        tags,
        querystring: z.object({ days: z.coerce.number().int().min(1).max(365).default(30) }),
        response: { 200: z.object({ sinceMs: z.number(), items: z.array(foundCause) }) },
      },
    },
    async ({ query }) => service.measures.causes(query.days),
  );
}
