import { z } from "zod";

const problem = z.object({ title: z.string(), detail: z.string().optional() });
const requestMsMax = 30_000;

export interface Api {
  /** Base address, without `/api/v1`. */
  url: string;
  key: string;
  fetch: typeof fetch;
  /** Ends what is under way. */
  signal?: AbortSignal;
}

/** Something the API refused, in a sentence. */
export class ApiError extends Error {}

/**
 * Asks Hearth's HTTP API.
 *
 * @param body bytes go as they are, anything else as JSON
 * @returns the answer's JSON, or null where there is none
 * @throws ApiError where it refuses or does not answer
 */
export async function request(
  api: Api,
  method: "GET" | "PUT" | "POST" | "PATCH",
  path: string,
  body?: unknown,
): Promise<unknown> {
  const address = new URL(`/api/v1${path}`, api.url);
  const limit = AbortSignal.timeout(requestMsMax);
  const response = await api
    .fetch(address, {
      method,
      headers: { authorization: `Bearer ${api.key}`, ...typeOf(body) },
      ...(body === undefined ? {} : { body: body instanceof Uint8Array ? Buffer.from(body) : JSON.stringify(body) }),
      redirect: "error",
      signal: api.signal === undefined ? limit : AbortSignal.any([limit, api.signal]),
    })
    .catch((cause: unknown) => {
      throw new ApiError(`${address.href} does not answer.`, { cause });
    });
  const json: unknown = await response.json().catch(() => null);
  if (response.ok) return json;
  const { title, detail } = problem.safeParse(json).data ?? { title: "no reason given" };
  throw new ApiError(`${method} ${address.href} answered ${response.status}: ${detail ?? title}.`);
}

function typeOf(body: unknown): Record<string, string> {
  if (body === undefined) return {};
  return { "content-type": body instanceof Uint8Array ? "application/octet-stream" : "application/json" };
}
