import type { FastifyInstance, FastifyRequest, RouteOptions } from "fastify";
import { allowed, type Permission, type Principal } from "../staff/staff.ts";
import { problem } from "../platform/problem.ts";
import { httpProblems } from "./http-problems.ts";
import { RememberedKeys } from "./remembered-keys.ts";
import type { KeyGuard } from "./key-guard.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** What a caller needs to be allowed; `open` for health and documents, `anyone` for any valid key. */
    permission?: Permission | "open" | "anyone";
    /** Whoever sends no key is let in as nobody; a key that is sent must be a good one all the same. */
    keyless?: boolean;
  }
  interface FastifyRequest {
    principal: Principal;
    /** Whether the key of this request is still good for its route. Streams ask while they last. */
    stillAllowed(): Promise<boolean>;
  }
}

const nobody: Principal = { kind: "service", name: "nobody" };

/** A key from `Authorization: Bearer`. Streams of the browser cannot set headers, so they use fetch like everything else. */
const bearer = (header: string | undefined) => /^Bearer (\S{1,200})$/i.exec(header ?? "")?.[1] ?? null;

/**
 * Puts the typed permission table in front of every route. A route that names no permission does not start: forgetting one is a bug
 * that shows at once.
 */
export function authorise(
  app: FastifyInstance,
  authenticate: (secret: string) => Promise<Principal | null>,
  guard: KeyGuard,
): void {
  app.decorateRequest("principal");
  app.decorateRequest("stillAllowed", async function stillAllowed(this: FastifyRequest) {
    const { permission } = this.routeOptions.config;
    if (permission === "open") return true;
    const secret = bearer(this.headers.authorization);
    const principal = secret === null ? null : await authenticate(secret);
    return (
      principal !== null && (permission === undefined || permission === "anyone" || allowed(principal, permission))
    );
  });
  const routes: RouteOptions[] = [];
  app.addHook("onRoute", (route) => {
    routes.push(route);
  });
  // Looked at once all are there: this hook runs before that of an inner scope, which may still open its own routes.
  app.addHook("onReady", async () => {
    const silent = routes.find((route) => route.config?.permission === undefined);
    if (silent !== undefined) throw new Error(`${String(silent.method)} ${silent.url} names no permission`);
  });
  const remembered = new RememberedKeys(authenticate);
  app.addHook("onRequest", async (request, reply) => {
    request.principal = nobody;
    const permission = request.routeOptions.config.permission;
    // An address that no route has: under /api/v1 it asks for a key like its neighbours, so that it gives nothing away.
    if (permission === "open" || (permission === undefined && !request.url.startsWith("/api/v1"))) return;
    if (request.headers.authorization === undefined && request.routeOptions.config.keyless === true) return;
    const secret = bearer(request.headers.authorization);
    const ask = permission === "metrics.read" ? remembered.authenticate.bind(remembered) : authenticate;
    const principal = secret === null ? null : await ask(secret);
    if (principal === null) {
      const retryAfterS = secret === null ? null : guard.wrongKey(request.ip);
      if (retryAfterS === null) throw problem(httpProblems, "not_authenticated");
      reply.header("retry-after", String(retryAfterS));
      throw problem(httpProblems, "too_many_wrong_keys");
    }
    request.principal = principal;
    if (permission === undefined || permission === "anyone") return;
    if (allowed(principal, permission)) return;
    guard.notAllowed(principal, permission, request.ip);
    throw problem(httpProblems, "not_allowed", `It needs the permission ${permission}.`);
  });
}
