import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { locale } from "#protocol/ids.ts";
import { bestLocale } from "../platform/best-locale.ts";
import { readRecipe, writeRecipe } from "./core/schema-org.ts";
import type { Content } from "./content.ts";
import { byId, refuse, tags } from "./content-answers.ts";
import { contentDraft, itemInLocale } from "./content-shapes.ts";

/** Bytes of a document that is read. */
const importBytesMax = 262_144;

/** Recipes in and out as JSON-LD of schema.org. */
export function recipeRoutes(server: FastifyInstance, content: Content): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.post(
    "/api/v1/content/recipes/read",
    {
      bodyLimit: importBytesMax,
      config: { permission: "content.write" },
      schema: {
        summary: "Read a recipe from JSON-LD of schema.org",
        description:
          "Stores nothing: the answer is a draft, to be looked at and saved. Markup is stripped; a machine layer is kept where the document has one. Temperatures in steps are marked, so that they follow the reader's units, where they can mean one thing only. `leftOut` names what the document says and a recipe has no place for, such as `image`: pictures are added by hand.",
        tags,
        body: z.strictObject({
          jsonLd: z.unknown().describe("A document with a Recipe, or its text."),
          locale: locale.optional().describe("In which it is written, where the document does not say."),
        }),
        response: { 200: z.object({ draft: z.unknown(), leftOut: z.array(z.string()) }) },
      },
    },
    async ({ body }) => draftOf(body.jsonLd, body.locale),
  );
  app.get(
    "/api/v1/content/items/:id/recipe.jsonld",
    {
      config: { permission: "content.read" },
      schema: {
        summary: "A recipe as JSON-LD of schema.org",
        description: "The newest version, in the locale that suits best; the machine layer beside its steps.",
        tags,
        params: byId,
        querystring: z.object({ locale: locale.default("en") }),
        response: { 200: z.unknown() },
      },
    },
    async ({ params, query }, reply) => {
      const found = await content.library.get(params.id);
      if (found === null) throw refuse({ kind: "refused", rule: "content_not_found" });
      const [newest] = found.versions;
      if (found.kind !== "recipe" || newest === undefined) throw refuse({ kind: "refused", rule: "not_a_recipe" });
      const language = bestLocale(query.locale, found.locales);
      const imageHref = newest.image === null ? null : content.media.href(newest.image.sha256);
      const item = itemInLocale({ id: found.id, kind: found.kind, ...newest }, language, { imageHref });
      if (item.kind !== "recipe") throw refuse({ kind: "refused", rule: "not_a_recipe" });
      const { title, summary, servings, yields, prep_s, cook_s, ingredients, steps } = item;
      const text = JSON.parse(JSON.stringify({ title, summary, servings, yields, prep_s, cook_s, ingredients, steps }));
      reply.type("application/ld+json; charset=utf-8");
      return writeRecipe({ text, topics: found.topics, language, image: imageHref ?? undefined });
    },
  );
}

const unreadable = (pointer: string, message: string) =>
  refuse({
    kind: "refused",
    rule: "recipe_not_readable",
    detail: `${pointer === "" ? "The document" : pointer} ${message}.`,
    fields: [{ pointer: `/body/jsonLd${pointer}`, message }],
  });

/** A draft from a document, as the contract wants it, and what of the document is not in it. */
function draftOf(jsonLd: unknown, wanted: string | undefined): { draft: unknown; leftOut: string[] } {
  const document = typeof jsonLd === "string" ? parsed(jsonLd) : jsonLd;
  if (document === undefined) throw unreadable("", "must be JSON");
  const reading = readRecipe(document);
  if (reading.kind === "refused") throw unreadable(reading.pointer, reading.message);
  const { text, topics, language } = reading.recipe;
  const own = locale.safeParse(language).data ?? wanted ?? "en";
  const draft = contentDraft.safeParse({ kind: "recipe", topics, locales: { [own]: text } });
  if (draft.success) return { draft: draft.data, leftOut: reading.leftOut };
  const issue = draft.error.issues[0];
  const path = (issue?.path ?? []).slice(2);
  throw unreadable(path.map((key) => `/${String(key)}`).join(""), issue?.message ?? "does not fit");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
