import fastifySwagger from "@fastify/swagger";
import { fastifySSE } from "@fastify/sse";
import scalar from "@scalar/fastify-api-reference";
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler,
} from "fastify-type-provider-zod";
import { jsonSchemas } from "#protocol/json-schemas.ts";
import type { Logger } from "../platform/logger.ts";
import { problem, type ProblemCatalogue } from "../platform/problem.ts";
import type { Principal } from "../staff/staff.ts";
import { authorise } from "./authorise.ts";
import { apiDescription } from "./api-description.ts";
import { httpProblems } from "./http-problems.ts";
import type { KeyGuard } from "./key-guard.ts";
import { addressProblem, problemReplies, securityHeaders } from "./problem-replies.ts";

/** Most bytes of a JSON body. Uploads set their own bound on their own route. */
const bodyBytesMax = 1_048_576;

/** How long a request may take to come whole, and how long a connection may wait for its next one; with and without TLS. */
export const serverTimes = { requestMsMax: 600_000, keepAliveMs: 72_000 } as const;
/** A browser that came over TLS once does not come without it for a year. */
const strictTransport = { "strict-transport-security": "max-age=31536000" } as const;

export interface HttpDeps {
  logger: Logger;
  /** This service is reached over TLS alone. Not in development, where a browser would then refuse localhost's plain port as well. */
  strictTransport?: boolean;
  authenticate: (secret: string) => Promise<Principal | null>;
  keyGuard: KeyGuard;
  /** Adds the slices' routes. */
  routes: (app: FastifyInstance) => void;
  /** The slices' error catalogues, for `/api/problems`. */
  problems: ProblemCatalogue;
}

/** The HTTP server: problem+json, the permission table, OpenAPI, and the slices' routes. Not listening yet. */
export async function createHttp(deps: HttpDeps): Promise<FastifyInstance> {
  const loggerInstance: FastifyBaseLogger = deps.logger;
  const app: FastifyInstance = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyBytesMax,
    requestTimeout: serverTimes.requestMsMax,
    keepAliveTimeout: serverTimes.keepAliveMs,
    connectionTimeout: 0,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: addressProblem,
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  problemReplies(app);
  authorise(app, deps.authenticate, deps.keyGuard);
  app.addHook("onSend", async (request, reply) => {
    reply.headers(securityHeaders);
    // Over plain HTTP it means nothing (RFC 6797, 7.2), and a proxy in front has its own.
    if (deps.strictTransport === true && request.protocol === "https") reply.headers(strictTransport);
  });
  await app.register(fastifySwagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Hearth",
        version: "1",
        description: apiDescription,
      },
      // Whatever address the reader came by: without it the examples name no host.
      servers: [{ url: "/" }],
      components: { securitySchemes: { key: { type: "http", scheme: "bearer" } } },
      security: [{ key: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  await app.register(fastifySSE);
  documents(app, deps.problems);
  deps.routes(app);
  return app;
}

/** Open to everybody: the contract, the API's description, and what each problem means. */
function documents(app: FastifyInstance, problems: ProblemCatalogue): void {
  const open = { config: { permission: "open" as const }, schema: { hide: true } };
  app.get("/api/openapi.json", open, async () => app.swagger());
  app.get("/api/schemas", open, async () => jsonSchemas);
  app.get<{ Params: { name: string } }>("/api/schemas/:name", open, async (request) => {
    const { name } = request.params;
    const schema = Object.hasOwn(jsonSchemas, name) ? jsonSchemas[name] : undefined;
    if (schema === undefined) throw problem(httpProblems, "not_found");
    return schema;
  });
  const catalogue: ProblemCatalogue = { ...httpProblems, ...problems };
  app.get("/api/problems", open, async () => catalogue);
  app.get<{ Params: { code: string } }>("/api/problems/:code", open, async (request) => {
    const { code } = request.params;
    const entry = Object.hasOwn(catalogue, code) ? catalogue[code] : undefined;
    if (entry === undefined) throw problem(httpProblems, "not_found");
    return { code, ...entry };
  });
  app.register(async (scope) => {
    scope.addHook("onRoute", (route) => {
      route.config = { ...route.config, permission: "open" };
    });
    await scope.register(scalar, {
      routePrefix: "/api/docs",
      // The reader stays here: nothing on the page leads to, or loads from, anywhere else.
      configuration: {
        url: "/api/openapi.json",
        pageTitle: "Hearth API",
        withDefaultFonts: false,
        telemetry: false,
        showDeveloperTools: "never",
        hideClientButton: true,
        agent: { disabled: true },
        mcp: { disabled: true },
      },
    });
  });
}
