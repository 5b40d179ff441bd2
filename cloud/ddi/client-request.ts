import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { problem } from "../platform/problem.ts";
import { parseLeniently } from "./core/lenient-json.ts";
import type { Client } from "./ddi-login.ts";
import { ddiProblems } from "./errors.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who asks hawkBit's device API. */
    ddi: Client | null;
  }
}

export const ddiBase = "/:tenant/controller/v1/:controllerId";

/** Where an action stands in an address. No action ever has a larger number: hawkBit's clients take none. */
export const actionNumber = z
  .string()
  .regex(/^[1-9]\d{0,9}$/, "must be the number of an action")
  .transform((text) => Math.min(Number(text), 2 ** 31 - 1));

/** The parameters that every address here has. The tenant is looked at before anything else. */
export const target = { tenant: z.string().max(64), controllerId: z.string().max(200) };
export const ofClients = (summary: string, description?: string) => ({
  summary,
  ...(description === undefined ? {} : { description }),
  tags: ["hawkBit device API"],
  security: [],
});

export function clientOf(request: FastifyRequest): Client {
  if (request.ddi === null) throw new Error("a request came past the login");
  return request.ddi;
}

/** A body as one of the API's shapes. */
export function read<Shape extends z.ZodType>(shape: Shape, body: unknown): z.infer<Shape> {
  const parsed = shape.safeParse(typeof body === "string" ? parseLeniently(body) : undefined);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw problem(ddiProblems, "ddi_report_not_valid", `${issue?.path.join(".") || "The body"}: ${issue?.message}`);
}
