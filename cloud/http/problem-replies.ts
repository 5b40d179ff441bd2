import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { type FieldError, Problem } from "../platform/problem.ts";
import { sqlState } from "../platform/database.ts";
import { httpProblems } from "./http-problems.ts";

const ofHttp = (code: keyof typeof httpProblems, detail?: string, fields?: FieldError[]) =>
  new Problem(code, httpProblems[code], detail, fields);

/** Every field that zod refused, by its place in the request. */
function invalidRequest(error: FastifyError): Problem {
  const validation: { instancePath: string; message?: string | undefined }[] = error.validation ?? [];
  const place = error.validationContext ?? "body";
  const fields = validation.map((issue) => ({
    pointer: `/${place}${issue.instancePath}`,
    message: issue.message ?? "is not valid",
  }));
  const first = fields[0];
  return ofHttp("invalid_request", first === undefined ? undefined : `${first.pointer}: ${first.message}`, fields);
}

function toProblem(error: FastifyError): Problem {
  if (error instanceof Problem) return error;
  if (hasZodFastifySchemaValidationErrors(error) || error.validation !== undefined) return invalidRequest(error);
  if (error.statusCode === 413) return ofHttp("too_large", error.message);
  if (error.statusCode === 415) return ofHttp("unsupported_type", error.message);
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return ofHttp("invalid_request", error.message, [{ pointer: "/body", message: error.message }]);
  }
  const state = sqlState(error);
  const away =
    state !== undefined &&
    (/^(08|57P|53)/.test(state) || ["ECONNREFUSED", "ENOENT", "ECONNRESET", "EPIPE"].includes(state));
  return away || /Connection terminated|timeout exceeded when trying to connect/.test(error.message)
    ? ofHttp("unavailable")
    : ofHttp("internal");
}

async function send(request: FastifyRequest, reply: FastifyReply, problem: Problem): Promise<FastifyReply> {
  return reply
    .code(problem.entry.status)
    .type("application/problem+json")
    .serializer(JSON.stringify)
    .send({
      type: `/api/problems/${problem.code}`,
      title: problem.entry.title,
      status: problem.entry.status,
      code: problem.code,
      detail: problem.message,
      help: problem.entry.help,
      instance: request.url.split("?")[0],
      requestId: request.id,
      ...(problem.fields.length > 0 ? { errors: problem.fields } : {}),
      ...(problem.newest === null ? {} : { newest: problem.newest }),
    });
}

/** What every answer carries, so that no browser takes it for something else. */
export const securityHeaders = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "x-frame-options": "DENY",
} as const;

/** An address that is no address, or too long for one. No route has been looked for, so that no hook has run either. */
export function addressProblem(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const problem = ofHttp("invalid_request", "The address cannot be read.", [
    { pointer: "/path", message: error.message },
  ]);
  void send(request, reply.headers(securityHeaders), problem);
}

/** Answers every refusal and every failure as problem+json (RFC 9457). A stack never leaves the process. */
export function problemReplies(app: FastifyInstance): void {
  app.setErrorHandler<FastifyError>(async (error, request, reply) => {
    const problem = toProblem(error);
    if (problem.code === "internal") request.log.error({ event: "http.failed", err: error, requestId: request.id });
    if (problem.entry.status === 401) reply.header("www-authenticate", 'Bearer realm="hearth"');
    return send(request, reply, problem);
  });
  app.setNotFoundHandler(async (request, reply) => send(request, reply, ofHttp("not_found")));
}
