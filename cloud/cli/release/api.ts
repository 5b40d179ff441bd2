/** The HTTP API, as a team's machine speaks it. */
import { open } from "node:fs/promises";
import { z } from "zod";
import { CommandError, type CommonOptions } from "./command.ts";

const problem = z.object({
  code: z.string(),
  title: z.string(),
  detail: z.string().optional(),
  help: z.string().optional(),
  errors: z.array(z.object({ pointer: z.string(), message: z.string() })).optional(),
});

const chunkBytes = 262_144;

export class Api {
  readonly #base: string;
  readonly #key: string | undefined;

  constructor({ api, key }: Pick<CommonOptions, "api" | "key">) {
    this.#base = api.replace(/\/+$/, "");
    this.#key = key;
  }

  get base(): string {
    return this.#base;
  }

  get hasKey(): boolean {
    return this.#key !== undefined;
  }

  /** A request whose answer is JSON of this shape. */
  async ask<T>(
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    shape: z.ZodType<T>,
    body?: object,
  ): Promise<T> {
    const init =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const response = await this.#send(method, path, init);
    return this.#read(response, `${method} ${path}`, shape);
  }

  async drop(path: string): Promise<void> {
    const response = await this.#send("DELETE", path, {});
    if (!response.ok) await this.#refuse(response, `DELETE ${path}`);
    await response.body?.cancel();
  }

  /** An open file, as it stands; null where it is not there. */
  async file(path: string): Promise<string | null> {
    const response = await this.#send("GET", path, {});
    if (response.status === 404) {
      await response.body?.cancel();
      return null;
    }
    if (!response.ok) await this.#refuse(response, `GET ${path}`);
    return response.text();
  }

  /** Sends a file in pieces. `onProgress` hears how many bytes have gone. */
  async upload<T>(
    path: string,
    file: string,
    contentType: string,
    shape: z.ZodType<T>,
    onProgress: (sent: number) => void,
  ): Promise<T> {
    const handle = await open(file);
    try {
      let sent = 0;
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          const { bytesRead, buffer } = await handle.read(new Uint8Array(chunkBytes), 0, chunkBytes, sent);
          if (bytesRead === 0) {
            controller.close();
            return;
          }
          sent += bytesRead;
          controller.enqueue(buffer.subarray(0, bytesRead));
          onProgress(sent);
        },
      });
      const response = await this.#send("PUT", path, {
        body,
        duplex: "half",
        headers: { "content-type": contentType },
      });
      return await this.#read(response, `PUT ${path}`, shape);
    } finally {
      await handle.close();
    }
  }

  async #send(method: string, path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#key !== undefined) headers.set("authorization", `Bearer ${this.#key}`);
    try {
      return await fetch(this.#base + path, { ...init, method, headers });
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      const why = cause instanceof Error ? ("code" in cause ? String(cause.code) : cause.message) : String(cause);
      throw new CommandError("unreachable", `${this.#base} does not answer (${why}). Is --api, or HEARTH_URL, right?`);
    }
  }

  async #read<T>(response: Response, what: string, shape: z.ZodType<T>): Promise<T> {
    if (!response.ok) await this.#refuse(response, what);
    const parsed = shape.safeParse(await response.json().catch(() => null));
    if (!parsed.success) {
      throw new CommandError(
        "unreachable",
        `${this.#base} answers ${what} as no Hearth does. Is --api, or HEARTH_URL, right?`,
      );
    }
    return parsed.data;
  }

  async #refuse(response: Response, what: string): Promise<never> {
    const parsed = problem.safeParse(await response.json().catch(() => null)).data;
    const { status } = response;
    if (status === 401 || status === 403) {
      const hint = this.#key === undefined ? "Give a staff key with --key, or in HEARTH_KEY." : (parsed?.help ?? "");
      throw new CommandError("not_allowed", `${parsed?.title ?? `${what}: ${status}`}. ${hint}`.trim(), {
        code: parsed?.code,
      });
    }
    if (parsed === undefined) throw new CommandError("unreachable", `${this.#base} answers ${what} with ${status}.`);
    const { code, title, detail, help, errors } = parsed;
    const fields = (errors ?? []).map(({ pointer, message }) => `${pointer} ${message}`).join("; ");
    const sentence = [title, detail === title ? undefined : detail, fields || undefined, help]
      .flatMap((part) => (part === undefined ? [] : [/[.!?]$/.test(part) ? part : `${part}.`]))
      .join(" ");
    throw new CommandError(code === "version_not_next" ? "moved" : "refused", sentence, { code });
  }
}
