import fastifyStatic from "@fastify/static";
import type { FastifyInstance } from "fastify";
import { problem } from "../platform/problem.ts";
import { httpProblems } from "./http-problems.ts";

const nothing = async () => {
  throw problem(httpProblems, "not_found");
};

/** Everything comes from here and goes to here. Mantine writes its theme into the page as a style. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Asks again by itself, so that nobody has to. */
const waitingPage = (sentence: string) => `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="1">
<meta name="viewport" content="width=device-width"><title>Hearth</title>
<body style="font: 1rem system-ui; margin: 3rem auto; max-width: 32rem; padding: 0 1rem"><h1>Hearth</h1><p>${sentence}</p></body></html>
`;

const yearMs = 31_536_000_000;
/** A file has an ending; a page of the console has none. */
const isFile = (path: string) => /\.[a-z0-9]{1,8}$/i.test(path);

/**
 * Serves the console at `/`. What has its hash in its name is kept by browsers for ever; the page that names it is asked for each time.
 * Any other address is a page of the console's own, which its router knows; but what begins with /api or /files never is.
 *
 * @param distDir where the build lies, or will lie
 * @param notReady null once the build is there; before that, a sentence for whoever looks already
 */
export function consoleRoutes(app: FastifyInstance, distDir: string, notReady: () => string | null): void {
  app.register(async (scope) => {
    // On a fresh clone the folder is still being built: that is nothing to warn of.
    await scope.register(fastifyStatic, { root: distDir, serve: false, cacheControl: false, suppressWarning: true });
    scope.addHook("onSend", async (_request, reply) => {
      reply.header("content-security-policy", contentSecurityPolicy);
    });
    const open = { config: { permission: "open" as const }, schema: { hide: true } };
    scope.get<{ Params: { "*": string } }>("/assets/*", open, async (request, reply) => {
      reply.header("cache-control", `public, max-age=${yearMs / 1_000}, immutable`);
      return reply.sendFile(`assets/${request.params["*"]}`);
    });
    scope.get<{ Params: { "*": string } }>("/*", open, async (request, reply) => {
      reply.header("cache-control", "no-cache");
      const sentence = notReady();
      if (sentence !== null) return reply.code(503).type("text/html; charset=utf-8").send(waitingPage(sentence));
      const path = request.params["*"];
      // An id may hold a dot, so only what lies at the top is a file.
      return reply.sendFile(isFile(path) && !path.includes("/") ? path : "index.html");
    });
  });
  // The page's own wildcard must not answer for the API: there, an address that no route has asks for a key like its neighbours.
  app.get("/api/v1/*", { config: { permission: "anyone" }, schema: { hide: true } }, nothing);
  for (const path of ["/api", "/api/*", "/files", "/files/*"]) {
    app.get(path, { config: { permission: "open" }, schema: { hide: true } }, nothing);
  }
}
