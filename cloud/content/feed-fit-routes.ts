import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { modelKey } from "#protocol/ids.ts";
import { model as modelSchema } from "#protocol/model.ts";
import type { Content } from "./content.ts";
import { accepted, tags } from "./content-answers.ts";

const unfitView = z
  .object({
    id: z.uuid(),
    version: z.int(),
    title: z.string(),
    why: z.array(z.string()).describe("What the model cannot do, or must not, by step."),
  })
  .meta({ id: "UnfitRecipe" });
const byModel = z.object({ model: modelKey });

/** What a model's limits do to its feed. */
export function feedFitRoutes(server: FastifyInstance, content: Content): void {
  const app = server.withTypeProvider<ZodTypeProvider>();
  app.get(
    "/api/v1/models/:model/feed",
    {
      config: { permission: "content.read" },
      schema: {
        summary: "List the live recipes that a model's limits keep off its feed",
        description: "They are scheduled for it, and are back by themselves once it can do them.",
        tags,
        params: byModel,
        response: { 200: z.object({ kept: z.array(unfitView) }) },
      },
    },
    async ({ params }) => accepted(await content.feedFit.kept(params.model)),
  );
  app.post(
    "/api/v1/models/:model/feed/preview",
    {
      config: { permission: "models.write" },
      schema: {
        summary: "Say what a model's next version would take off its feed, and bring back",
        description: "Stores nothing.",
        tags,
        params: byModel,
        body: modelSchema,
        response: {
          200: z.object({
            leaves: z.array(unfitView),
            comesBack: z.array(unfitView.omit({ why: true })),
          }),
        },
      },
    },
    async ({ params, body }) => content.feedFit.preview({ ...body, key: params.model }),
  );
}
