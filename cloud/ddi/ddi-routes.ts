import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { problem } from "../platform/problem.ts";
import { addressOf, isTenant, sleepText } from "./core/addresses.ts";
import { attributesMax, configData } from "./core/attributes.ts";
import { confirmation, feedback } from "./core/feedback.ts";
import type { Reported } from "./actions.ts";
import { actionNumber, clientOf, ddiBase, ofClients, read, target } from "./client-request.ts";
import type { Ddi } from "./ddi.ts";
import { downloadRoutes } from "./download-routes.ts";
import { ddiProblems } from "./errors.ts";

/** Slows down whoever guesses at tokens, and notes it. */
export interface TokenGuard {
  /** @returns after how many seconds the address may try again, or null where it has not tried too often */
  wrongDeviceToken(address: string, name: string): number | null;
}

export interface DdiRoutesDeps {
  ddi: Ddi;
  guard: TokenGuard;
  pollMs?: { idle: number; busy: number };
}

/** Most bytes of a report. SWUpdate sends at most 48 lines of its log in one. */
const bodyBytesMax = 65_536;

/** How long a client waits between two polls: with nothing to do; and while it has an update, or has been asked for its attributes. */
const pollMsDefault = { idle: 300_000, busy: 60_000 };

const numbered = z.object({ ...target, actionId: actionNumber });

/**
 * hawkBit's device API, for clients that speak it already: SWUpdate, rauc-hawkbit-updater, Zephyr. Staff keys open nothing here; the
 * appliance's own token or a gateway's does. Bodies are read as they come, since clients paste text into JSON as it is.
 */
export function ddiRoutes(server: FastifyInstance, deps: DdiRoutesDeps): void {
  server.register(async (scope) => {
    scope.decorateRequest("ddi", null);
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "string", bodyLimit: bodyBytesMax }, (_request, body, done) =>
      done(null, body),
    );
    scope.addHook("onRequest", (request, reply) => admit(request, reply, deps));
    baseRoute(scope, deps);
    deploymentRoutes(scope, deps);
    cancelRoutes(scope, deps);
    confirmationRoutes(scope, deps);
    attributesRoute(scope, deps);
    downloadRoutes(scope, deps.ddi);
  });
}

async function admit(request: FastifyRequest, reply: FastifyReply, { ddi, guard }: DdiRoutesDeps): Promise<void> {
  const { tenant = "", controllerId = "", moduleId, file } = request.params as Record<string, string>; // oxlint-disable-line typescript/no-unsafe-type-assertion -- the address is matched, not yet validated
  if (!isTenant(tenant)) throw problem(ddiProblems, "ddi_tenant_not_found");
  const { e, s } = request.query as Record<string, string>; // oxlint-disable-line typescript/no-unsafe-type-assertion -- looked at as text alone
  const query = { e: typeof e === "string" ? e : undefined, s: typeof s === "string" ? s : undefined };
  const wanted = file === undefined ? null : { actionId: Number(moduleId), file, query };
  const login = await ddi.login.admit(controllerId, request.headers.authorization, wanted);
  if (login.kind === "client") {
    request.ddi = login.client;
    return;
  }
  switch (login.rule) {
    case "no_token":
      throw problem(ddiProblems, "ddi_not_authenticated");
    case "wrong_token": {
      const retryAfterS = guard.wrongDeviceToken(request.ip, controllerId);
      if (retryAfterS === null) throw problem(ddiProblems, "ddi_not_authenticated");
      reply.header("retry-after", String(retryAfterS));
      throw problem(ddiProblems, "ddi_too_many_wrong_tokens");
    }
    case "ddi_device_not_found":
    case "ddi_device_blocked":
    case "ddi_model_not_enabled":
      throw problem(ddiProblems, login.rule);
  }
}

/** Every answer to POST and PUT is 200 with a length: SWUpdate takes no other success, and Zephyr wants both. */
async function answer(reply: FastifyReply, outcome: Reported): Promise<FastifyReply> {
  if (outcome.kind === "refused") throw problem(ddiProblems, outcome.rule);
  return reply.code(200).header("content-length", 0).send();
}

const linksFrom = (url: string) => (path: string) => ({ href: url + path });

function baseRoute(scope: FastifyInstance, { ddi, pollMs = pollMsDefault }: DdiRoutesDeps): void {
  scope.get(
    ddiBase,
    {
      config: { permission: "open" },
      schema: {
        ...ofClients(
          "What there is to do",
          "At most one of deploymentBase, cancelAction and confirmationBase; configData while attributes are wanted.",
        ),
        params: z.object(target),
      },
    },
    async (request) => {
      const client = clientOf(request);
      const { id } = client.device;
      await ddi.noteSeen(client.device);
      const { link, attributesWanted } = await ddi.actions.poll(client);
      const isBusy = link.kind !== "nothing" || attributesWanted;
      const sleep = sleepText(isBusy ? pollMs.busy : pollMs.idle);
      const linkTo = linksFrom(ddi.publicUrl());
      return {
        config: { polling: { sleep } },
        _links: {
          ...(link.kind === "deploy" ? { deploymentBase: linkTo(addressOf.deployment(id, link.actionId)) } : {}),
          ...(link.kind === "cancel" ? { cancelAction: linkTo(addressOf.cancel(id, link.actionId)) } : {}),
          ...(link.kind === "confirm" ? { confirmationBase: linkTo(addressOf.confirmation(id, link.actionId)) } : {}),
          ...(attributesWanted ? { configData: linkTo(addressOf.attributes(id)) } : {}),
        },
      };
    },
  );
}

function deploymentRoutes(scope: FastifyInstance, { ddi }: DdiRoutesDeps): void {
  scope.get<{ Params: z.infer<typeof numbered> }>(
    `${ddiBase}/deploymentBase/:actionId`,
    { config: { permission: "open" }, schema: { ...ofClients("The update to install"), params: numbered } },
    async (request) => {
      const [client, { actionId }] = [clientOf(request), request.params];
      const offered = await ddi.actions.open(client, "deploy", actionId);
      const deployment = offered === null ? null : await ddi.downloads.deployment(client, actionId, offered);
      if (deployment === null) throw problem(ddiProblems, "ddi_action_not_found");
      return { id: String(actionId), deployment };
    },
  );
  scope.post<{ Params: z.infer<typeof numbered> }>(
    `${ddiBase}/deploymentBase/:actionId/feedback`,
    { config: { permission: "open" }, schema: { ...ofClients("Report how an update goes"), params: numbered } },
    async (request, reply) =>
      answer(reply, await ddi.actions.report(clientOf(request), request.params.actionId, read(feedback, request.body))),
  );
}

function cancelRoutes(scope: FastifyInstance, { ddi }: DdiRoutesDeps): void {
  scope.get<{ Params: z.infer<typeof numbered> }>(
    `${ddiBase}/cancelAction/:actionId`,
    { config: { permission: "open" }, schema: { ...ofClients("The update to stop"), params: numbered } },
    async (request) => {
      const { actionId } = request.params;
      if (!(await ddi.actions.isCancelled(clientOf(request), actionId)))
        throw problem(ddiProblems, "ddi_action_not_found");
      // rauc-hawkbit-updater answers under the stop's id: it is the action's own.
      return { id: String(actionId), cancelAction: { stopId: String(actionId) } };
    },
  );
  scope.post<{ Params: z.infer<typeof numbered> }>(
    `${ddiBase}/cancelAction/:actionId/feedback`,
    { config: { permission: "open" }, schema: { ...ofClients("Answer to being asked to stop"), params: numbered } },
    async (request, reply) => {
      const said = read(feedback, request.body);
      return answer(reply, await ddi.actions.answerCancel(clientOf(request), request.params.actionId, said));
    },
  );
}

const autoConfirmBody = z.object({ initiator: z.string().max(64).nullish(), remark: z.string().max(512).nullish() });

function confirmationRoutes(scope: FastifyInstance, { ddi }: DdiRoutesDeps): void {
  scope.get(
    `${ddiBase}/confirmationBase`,
    {
      config: { permission: "open" },
      schema: { ...ofClients("Whether somebody is asked before an update"), params: z.object(target) },
    },
    async (request) => {
      const client = clientOf(request);
      const { id } = client.device;
      const { link } = await ddi.actions.poll(client);
      const since = await ddi.actions.autoConfirmSinceMs(client);
      const linkTo = linksFrom(ddi.publicUrl());
      const active = since !== null;
      return {
        autoConfirm: active ? { active, activatedAt: since } : { active },
        _links: {
          ...(link.kind === "confirm" ? { confirmationBase: linkTo(addressOf.confirmation(id, link.actionId)) } : {}),
          [active ? "deactivateAutoConfirm" : "activateAutoConfirm"]: linkTo(addressOf.autoConfirm(id, !active)),
        },
      };
    },
  );
  scope.get<{ Params: z.infer<typeof numbered> }>(
    `${ddiBase}/confirmationBase/:actionId`,
    { config: { permission: "open" }, schema: { ...ofClients("The update to agree to"), params: numbered } },
    async (request) => {
      const [client, { actionId }] = [clientOf(request), request.params];
      const offered = await ddi.actions.open(client, "confirm", actionId);
      const asked = offered === null ? null : await ddi.downloads.deployment(client, actionId, offered);
      if (asked === null) throw problem(ddiProblems, "ddi_action_not_found");
      return { id: String(actionId), confirmation: asked };
    },
  );
  scope.post<{ Params: z.infer<typeof numbered> }>(
    `${ddiBase}/confirmationBase/:actionId/feedback`,
    { config: { permission: "open" }, schema: { ...ofClients("Agree to an update, or not"), params: numbered } },
    async (request, reply) => {
      const said = read(confirmation, request.body);
      return answer(reply, await ddi.actions.confirm(clientOf(request), request.params.actionId, said));
    },
  );
  for (const on of [true, false]) {
    scope.post(
      `${ddiBase}/confirmationBase/${on ? "activateAutoConfirm" : "deactivateAutoConfirm"}`,
      {
        config: { permission: "open" },
        schema: {
          ...ofClients(on ? "Agree to every update from now on" : "Be asked again before an update"),
          params: z.object(target),
        },
      },
      async (request, reply) => {
        const isEmpty = typeof request.body !== "string" || request.body.trim() === "";
        const given = on && !isEmpty ? read(autoConfirmBody, request.body) : {};
        await ddi.actions.setAutoConfirm(clientOf(request), on, given.initiator ?? null);
        return answer(reply, { kind: "taken" });
      },
    );
  }
}

function attributesRoute(scope: FastifyInstance, { ddi }: DdiRoutesDeps): void {
  scope.put(
    `${ddiBase}/configData`,
    {
      config: { permission: "open" },
      schema: {
        ...ofClients(
          "Say what the appliance is and runs",
          `At most ${attributesMax} attributes. Which of them is the version and which the hardware, the model says.`,
        ),
        params: z.object(target),
      },
    },
    async (request, reply) => {
      const outcome = await ddi.attributes.put(clientOf(request), read(configData, request.body));
      if (outcome.kind === "too_many") throw problem(ddiProblems, "ddi_too_many_attributes");
      return answer(reply, outcome);
    },
  );
}
