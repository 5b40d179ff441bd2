import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { problem } from "../platform/problem.ts";
import type { OwnLanguage } from "../platform/own-words.ts";
import { letterWords, pageLanguage } from "./core/letter-words.ts";
import type { Engagement } from "./engagement.ts";
import { engagementProblems } from "./errors.ts";

const tags = ["decisions"];
const byToken = z.object({ token: z.string().max(400) });
/** `List-Unsubscribe=One-Click`, as mail programs send it; what it says beyond being a POST does not matter. */
const bodyBytesMax = 4_096;

const pageOf = (language: string, body: string): string => `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer"><title>Letters</title></head>
<body style="font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem;color:#1c1917">${body}</body></html>`;

const languageOf = ({ headers }: FastifyRequest): OwnLanguage => pageLanguage(headers["accept-language"] ?? "");

const html = (reply: FastifyReply, language: OwnLanguage, body: string) =>
  reply
    .header("content-type", "text/html; charset=utf-8")
    .header("cache-control", "no-store")
    .header(
      "content-security-policy",
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
    )
    .send(pageOf(language, body));

/**
 * The link in a letter by which somebody wants no more of them (RFC 8058). Opening it changes nothing, since programs that look through
 * mail open links; its button, or a mail program's own, posts to it.
 */
export function unsubscribeRoutes(server: FastifyInstance, { mailWord }: Engagement): void {
  void server.register(async (scope) => {
    // A form: this scope alone takes one.
    scope.addContentTypeParser(
      ["application/x-www-form-urlencoded", "multipart/form-data"],
      { parseAs: "string", bodyLimit: bodyBytesMax },
      (_request, _body, done) => done(null, {}),
    );
    const app = scope.withTypeProvider<ZodTypeProvider>();
    app.get(
      "/api/v1/unsubscribe/:token",
      {
        config: { permission: "open" },
        schema: { summary: "Ask before letters are stopped", tags, params: byToken, response: { 200: z.any() } },
      },
      async (request, reply) => {
        const { token } = request.params;
        if (!mailWord.isLink(token)) throw problem(engagementProblems, "unsubscribe_link_invalid");
        const language = languageOf(request);
        const { title, text, button } = letterWords[language].ask;
        return html(
          reply,
          language,
          `<h1>${title}</h1><p>${text}</p><form method="post"><button style="font:inherit;padding:.6rem 1.2rem">${button}</button></form>`,
        );
      },
    );
    app.post(
      "/api/v1/unsubscribe/:token",
      {
        config: { permission: "open" },
        schema: {
          summary: "Stop letters, with one click and without a login",
          tags,
          params: byToken,
          response: { 200: z.any() },
        },
      },
      async (request, reply) => {
        const outcome = await mailWord.unsubscribe(request.params.token);
        if (outcome.kind === "refused") throw problem(engagementProblems, outcome.rule);
        const language = languageOf(request);
        const { title, text } = letterWords[language].done;
        return html(reply, language, `<h1>${title}</h1><p>${text}</p>`);
      },
    );
  });
}
