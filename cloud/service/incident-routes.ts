import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { modelKey } from "#protocol/ids.ts";
import { safeText } from "#protocol/text.ts";
import { decodeCursor, encodeCursor } from "../platform/cursor.ts";
import { problem } from "../platform/problem.ts";
import { principalText } from "../staff/staff.ts";
import type { Answers } from "./answers.ts";
import { causeDefinition } from "./core/cause-article.ts";
import { incidentStatuses } from "./core/incident.ts";
import { severities } from "./core/severity.ts";
import { serviceProblems } from "./errors.ts";
import type { FirmwareWatch } from "./firmware-watch.ts";
import { type IncidentDesk, standingWays } from "./incident-desk.ts";
import { type Incident, incidentStatusAtMs } from "./incidents-store.ts";

const byId = z.object({ id: z.uuid() });
const text = safeText(4_000).trim().min(1);
const limit = z.coerce.number().int().min(1).max(500).default(100);
const cursor = z.string().max(200).optional();

const incidentView = z
  .object({
    id: z.string(),
    kind: z.enum(["devices", "release"]),
    cause: z.string(),
    model: z.string(),
    ruleId: z.string().nullable(),
    severity: z.enum(severities),
    title: z.string(),
    status: z.enum(incidentStatuses),
    statusAtMs: z.number(),
    /** `cause` where it resolved by itself, else who resolved it. */
    resolvedBy: z.string().nullable(),
    openedAtMs: z.number(),
    /** Of its members, in their own time. */
    firstAtMs: z.number(),
    lastRaisedAtMs: z.number(),
    /** Appliances that had the cause, and those that still have it. */
    members: z.number(),
    standing: z.number(),
    assignee: z.string().nullable(),
    evidence: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "Incident" });

const incidentEntry = z.object({
  sequence: z.number(),
  kind: z.enum(["opened", "reopened", "graver", "settling", "resolved", "assigned", "note"]),
  atMs: z.number(),
  by: z.string(),
  text: z.string().nullable(),
  data: z.record(z.string(), z.unknown()),
});

const common = z.array(z.object({ value: z.string().nullable(), members: z.number() }));
const incidentWithEntries = incidentView
  .extend({
    entries: z.array(incidentEntry),
    /** What is known of its cause, as on a case. */
    causeArticle: z.object({ version: z.number(), ...causeDefinition.shape }).nullable(),
    /** What its members have in common, the most frequent values first. */
    common: z.object({ firmware: common, hardware: common, country: common }),
  })
  .meta({ id: "IncidentWithEntries" });

const member = z
  .object({
    deviceId: z.string(),
    raisedAtMs: z.number(),
    clearedAtMs: z.number().nullable(),
    /** Its own case, where it has or had one. */
    caseId: z.string().nullable(),
    evidence: z.record(z.string(), z.unknown()).nullable(),
  })
  .meta({ id: "IncidentMember" });

const toView = ({ state, ...incident }: Incident): z.infer<typeof incidentView> => ({
  id: incident.id,
  kind: incident.kind,
  cause: incident.cause,
  model: incident.model,
  ruleId: incident.ruleId,
  severity: incident.severity,
  title: incident.title,
  status: state.status,
  statusAtMs: incidentStatusAtMs(state),
  resolvedBy: state.status === "resolved" ? state.by : null,
  openedAtMs: incident.openedAtMs,
  firstAtMs: incident.firstAtMs,
  lastRaisedAtMs: incident.lastRaisedAtMs,
  members: incident.members,
  standing: incident.standing,
  assignee: incident.assignee,
  evidence: incident.evidence,
});

const sides = {
  before: z.number(),
  after: z.number(),
  onlyBefore: z.number(),
  onlyAfter: z.number(),
};

const watchedRelease = z
  .object({
    model: z.string(),
    version: z.string(),
    /** `too_little`: too few appliances or days to say anything. */
    verdict: z.enum(["too_little", "sound", "worse"]),
    judgedAtMs: z.number(),
    /** Appliances with at least one fault before and after they went over, each compared with itself over the same time. */
    figures: z.object({
      devices: z.number(),
      deviceDays: z.number(),
      ...sides,
      ratio: z.number().nullable(),
      odds: z.number(),
      code: z.string().nullable(),
      codes: z.array(z.object({ code: z.string(), ...sides })),
    }),
  })
  .meta({ id: "WatchedRelease" });

/** What these routes need of the service. */
interface IncidentService {
  incidents: IncidentDesk;
  answers: Answers;
}

/** HTTP of incidents, and of the watch over releases that opens some of them. */
export function incidentRoutes(server: FastifyInstance, service: IncidentService, watch: FirmwareWatch): void {
  readRoutes(server, service);
  workRoutes(server, service);
  server.withTypeProvider<ZodTypeProvider>().get(
    "/api/v1/service/firmware-watch",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "What each release does to the faults of those that go over to it",
        description:
          "A release that is worse opens one incident. `odds` are those of 'worse' against 'no difference'; at 100 the incident opens, which a sound release reaches once in 100 lives at most.",
        tags: ["incidents"],
        response: { 200: z.object({ items: z.array(watchedRelease) }) },
      },
    },
    async () => ({ items: await watch.list() }),
  );
}

async function answer(
  { incidents, answers }: IncidentService,
  id: string,
): Promise<z.infer<typeof incidentWithEntries>> {
  const found = await incidents.get(id);
  if (found === null) throw problem(serviceProblems, "incident_not_found");
  const { incident, entries, common: shared } = found;
  const cause = await answers.causeOf(incident);
  const causeArticle = cause === null ? null : { version: cause.version, ...cause.definition };
  return { ...toView(incident), entries, causeArticle, common: shared };
}

function readRoutes(server: FastifyInstance, service: IncidentService): void {
  const desk = service.incidents;
  const app = server.withTypeProvider<ZodTypeProvider>();
  const tags = ["incidents"];
  app.get(
    "/api/v1/incidents",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "List incidents, newest first",
        tags,
        querystring: z.object({
          status: z.enum([...incidentStatuses, "unresolved"]).optional(),
          model: modelKey.optional(),
          assignee: safeText(100).optional().describe("`me`, `none`, or who, as incidents say it"),
          limit,
          cursor,
        }),
        response: { 200: z.object({ items: z.array(incidentView), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ query, principal }) => {
      const { assignee = null } = query;
      const before = query.cursor === undefined ? null : decodeCursor(query.cursor, z.tuple([z.uuid()]));
      if (before === null && query.cursor !== undefined) throw problem(serviceProblems, "incident_cursor_invalid");
      const found = await desk.list({
        status: query.status === "unresolved" ? null : (query.status ?? null),
        unresolved: query.status === "unresolved",
        model: query.model ?? null,
        assignee: assignee === "me" ? principalText(principal) : assignee,
        beforeId: before?.[0] ?? null,
        limit: query.limit,
      });
      const last = found.length === query.limit ? found.at(-1) : undefined;
      return { items: found.map(toView), nextCursor: last === undefined ? null : encodeCursor([last.id]) };
    },
  );
  app.get(
    "/api/v1/incidents/:id",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "Read an incident, its history, and what its members have in common",
        tags,
        params: byId,
        response: { 200: incidentWithEntries },
      },
    },
    ({ params }) => answer(service, params.id),
  );
  app.get(
    "/api/v1/incidents/:id/members",
    {
      config: { permission: "service.read" },
      schema: {
        summary: "List the appliances of an incident",
        tags,
        params: byId,
        querystring: z.object({
          standing: z
            .enum(["true", "false"])
            .transform((flag) => flag === "true")
            .optional()
            .describe("Only those that still have the cause, or only those that no longer have it"),
          limit,
          cursor,
        }),
        response: { 200: z.object({ items: z.array(member), nextCursor: z.string().nullable() }) },
      },
    },
    async ({ params, query }) => {
      const after = query.cursor === undefined ? [0] : decodeCursor(query.cursor, z.tuple([z.int().min(0)]));
      if (after === null) throw problem(serviceProblems, "incident_cursor_invalid");
      const page = { standing: query.standing ?? null, afterKey: after[0] ?? 0, limit: query.limit };
      const found = await desk.members(params.id, page);
      if (found === null) throw problem(serviceProblems, "incident_not_found");
      const last = found.length === query.limit ? found.at(-1) : undefined;
      const items = found.map(({ deviceKey: _key, ...view }) => view);
      return { items, nextCursor: last === undefined ? null : encodeCursor([last.deviceKey]) };
    },
  );
}

function workRoutes(server: FastifyInstance, service: IncidentService): void {
  const desk = service.incidents;
  const app = server.withTypeProvider<ZodTypeProvider>();
  const tags = ["incidents"];
  const config = { permission: "cases.write" } as const;
  const response = { 200: incidentWithEntries };
  app.post(
    "/api/v1/incidents/:id/notes",
    {
      config,
      schema: { summary: "Add a note to an incident", tags, params: byId, body: z.strictObject({ text }), response },
    },
    async ({ principal, params, body }) => {
      const outcome = await desk.note(principal, params.id, body.text);
      if (outcome.kind === "refused") throw problem(serviceProblems, outcome.rule);
      return answer(service, params.id);
    },
  );
  app.post(
    "/api/v1/incidents/:id/assign",
    {
      config,
      schema: {
        summary: "Take an incident, give it to somebody, or let it go",
        description: "`me`, the id of a key that may work on cases, or null.",
        tags,
        params: byId,
        body: z.strictObject({ assignee: z.union([z.literal("me"), z.uuid()]).nullable() }),
        response,
      },
    },
    async ({ principal, params, body }) => {
      const outcome = await desk.assign(principal, params.id, body.assignee);
      if (outcome.kind === "refused") throw problem(serviceProblems, outcome.rule);
      return answer(service, params.id);
    },
  );
  app.post(
    "/api/v1/incidents/:id/resolve",
    {
      config,
      schema: {
        summary: "Resolve an incident",
        description:
          "`standing` says what becomes of appliances that still have the cause: each gets a case of its own, or they are left as they are.",
        tags,
        params: byId,
        body: z.strictObject({ note: text, standing: z.enum(standingWays) }),
        response,
      },
    },
    async ({ principal, params, body }) => {
      const outcome = await desk.resolve(principal, params.id, body.note, body.standing);
      if (outcome.kind === "refused") throw problem(serviceProblems, outcome.rule);
      return answer(service, params.id);
    },
  );
}
