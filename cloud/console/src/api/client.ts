import { session } from "./session.ts";
import type { NewestVersion, ProblemBody } from "./shapes.ts";

/** A refusal or failure of the service, in its own words; or the lack of any answer, in ours. */
export class ApiProblem extends Error {
  override name = "ApiProblem";
  /** 0 where nobody answered. */
  readonly status: number;
  readonly title: string;
  readonly help: string;
  readonly code: string;
  readonly requestId: string | null;
  /** The fields that were refused, each by a JSON pointer into what was sent. */
  readonly fields: readonly { pointer: string; message: string }[];
  /** Somebody else saved this meanwhile. */
  readonly newest: NewestVersion | null;

  constructor(status: number, body: Partial<ProblemBody>) {
    super(body.detail ?? body.title ?? `The service answered ${status}.`);
    this.status = status;
    this.title = body.title ?? "The service gave an answer that the console does not understand";
    this.help = body.help ?? "Try again; if it stays, the service's log says more.";
    this.code = body.code ?? "unknown";
    this.requestId = body.requestId ?? null;
    this.fields = body.errors ?? [];
    this.newest = body.newest ?? null;
  }
}

/** Whether somebody else saved meanwhile what a change was made to. */
export const isOvertaken = (error: Error | null): boolean => error instanceof ApiProblem && error.newest !== null;

/** Where a change to a version is sent: it names the version, so that what somebody else saved since is not written over. */
export const basedOn = (path: string, version: number): string =>
  `${path}${path.includes("?") ? "&" : "?"}basedOn=${version}`;

const unreachable = {
  title: "Hearth does not answer",
  detail: "No answer came from the service.",
  help: "Check that it is running and that this computer can reach it. The console keeps trying.",
  code: "unreachable",
};

async function ask(
  path: string,
  key: string | null,
  signal: AbortSignal | undefined,
  accept = "application/json",
): Promise<Response> {
  try {
    const headers = { accept, ...(key === null ? {} : { authorization: `Bearer ${key}` }) };
    return await fetch(path, { headers, cache: "no-store", ...(signal === undefined ? {} : { signal }) });
  } catch (error) {
    // A question that the console itself took back is no failure of the service.
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiProblem(0, unreachable);
  }
}

/**
 * Changes something.
 *
 * @param idempotencyKey with the same one it may be sent again where the answer was lost
 * @returns null where the service has nothing to say to it
 * @throws ApiProblem
 */
export async function send<Answer>(
  method: "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  body?: unknown,
  idempotencyKey?: string,
): Promise<Answer | null> {
  const headers = {
    ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
    accept: "application/json",
    authorization: `Bearer ${session.key ?? ""}`,
    ...(body === undefined ? {} : { "content-type": "application/json" }),
  };
  const response = await fetch(path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch(() => {
    throw new ApiProblem(0, unreachable);
  });
  if (!response.ok) throw await problemOf(response);
  if (response.status === 204) return null;
  const answer: Answer = await response.json();
  return answer;
}

/**
 * Sends a file, and says how much of it has gone: what `fetch` cannot tell.
 *
 * @throws ApiProblem
 */
export function upload<Answer>(path: string, file: Blob, onSent: (share: number) => void): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("authorization", `Bearer ${session.key ?? ""}`);
    request.setRequestHeader("content-type", "text/csv");
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded, total }) => onSent(total === 0 ? 1 : loaded / total));
    request.addEventListener("load", () => {
      if (request.status < 300) resolve(request.response);
      else reject(new ApiProblem(request.status, request.response ?? {}));
    });
    request.addEventListener("error", () => reject(new ApiProblem(0, unreachable)));
    request.send(file);
  });
}

/**
 * Sends a picture.
 *
 * @throws ApiProblem
 */
export async function uploadPicture<Answer>(path: string, file: Blob): Promise<Answer> {
  const headers = { authorization: `Bearer ${session.key ?? ""}`, "content-type": "application/octet-stream" };
  const response = await fetch(path, { method: "POST", headers, body: file }).catch(() => {
    throw new ApiProblem(0, unreachable);
  });
  if (!response.ok) throw await problemOf(response);
  const answer: Answer = await response.json();
  return answer;
}

/**
 * Takes a file out of the API and hands it to whoever uses the browser. A link could not send the key.
 *
 * @throws ApiProblem
 */
export async function download(path: string, fileName: string): Promise<void> {
  const response = await ask(path, session.key, undefined, "*/*");
  if (!response.ok) throw await problemOf(response);
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = fileName;
  link.click();
  URL.revokeObjectURL(address);
}

async function problemOf(response: Response): Promise<ApiProblem> {
  const isProblem = response.headers.get("content-type")?.startsWith("application/problem+json") === true;
  const body: Partial<ProblemBody> = isProblem ? await response.json() : {};
  return new ApiProblem(response.status, body);
}

interface AskOptions {
  signal?: AbortSignal;
  /** Statuses beside 2xx whose body is an answer. */
  alsoFine?: readonly number[];
}

/**
 * Reads from the API. The shape is the service's own promise, held by test/console.
 *
 * @throws ApiProblem
 */
export async function get<Answer>(path: string, { signal, alsoFine = [] }: AskOptions = {}): Promise<Answer> {
  const response = await ask(path, session.key, signal);
  if (!response.ok && !alsoFine.includes(response.status)) throw await problemOf(response);
  const answer: Answer = await response.json();
  return answer;
}

/**
 * Reads a file of the API, such as a log, whole.
 *
 * @throws ApiProblem
 */
export async function getFile(path: string): Promise<Blob> {
  const response = await ask(path, session.key, undefined, "*/*");
  if (!response.ok) throw await problemOf(response);
  return response.blob();
}

/**
 * Reads a stream of the API until it ends or is called off. EventSource cannot send the key.
 *
 * @throws ApiProblem
 */
export async function* listen(path: string, signal: AbortSignal): AsyncGenerator<string, void, void> {
  const response = await ask(path, session.key, signal, "text/event-stream");
  if (!response.ok) throw await problemOf(response);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (error) {
    if (signal.aborted) throw error;
    // Cut off in the middle: the service went away, or let go of a reader that was too slow.
    throw new ApiProblem(0, unreachable);
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/**
 * Tries a key before it is taken.
 *
 * @throws ApiProblem; with status 401 where the service does not know the key
 */
export async function tryKey(key: string): Promise<void> {
  const response = await ask("/api/v1/me", key, undefined);
  if (!response.ok) throw await problemOf(response);
}
