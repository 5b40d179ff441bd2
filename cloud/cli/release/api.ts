/** The HTTP API, as a team's machine speaks it. */
import { open } from "node:fs/promises";
import { z } from "zod";
import { CommandError, type CommonOptions } from "./command.ts";

const problem = z.object({
  code: z.string(),
  title: z.string(),
  detail: z.string().optional(),
  errors: z.array(z.object({ pointer: z.string(), message: z.string() })).optional(),
});

/** Which option brought what the service refuses. */
const optionOf: Readonly<Record<string, string>> = {
  firmware_model_unknown: "--model",
  hardware_not_of_model: "--hardware",
  release_counter_not_newer: "--counter",
  release_counter_taken: "--counter",
  release_version_taken: "--version",
  min_counter_not_lower: "--min-counter",
  min_counter_unreachable: "--min-counter",
  pass_through_unreachable: "--min-counter",
  image_length_wrong: "--image",
  image_hash_wrong: "--image",
  sbom_not_valid: "--sbom",
  sbom_too_large: "--sbom",
};

const chunkBytes = 262_144;
const withoutEnd = (sentence: string) => sentence.replace(/[.!?]+$/, "");

export class Api {
  readonly base: string;
  readonly #key: string | undefined;

  constructor({ api, key }: Pick<CommonOptions, "api" | "key">) {
    this.base = api.replace(/\/+$/, "");
    this.#key = key;
    if (!URL.canParse(this.base) || !/^https?:/.test(this.base)) {
      throw new CommandError("usage", `--api (or HEARTH_URL) is '${api}', but it wants an http(s) address.`);
    }
  }

  /** A request whose answer is JSON of this shape. */
  async ask<T>(method: "GET" | "POST", path: string, shape: z.ZodType<T>, body?: object): Promise<T> {
    const sent =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    return this.#read(await this.#send(method, path, sent), `${method} ${path}`, shape);
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
      // The key is for this address alone, wherever it may point on to.
      return await fetch(this.base + path, { ...init, method, headers, redirect: "error" });
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      const why = cause instanceof Error ? ("code" in cause ? String(cause.code) : cause.message) : String(cause);
      throw new CommandError("unreachable", `--api (or HEARTH_URL) ${this.base} does not answer (${withoutEnd(why)}).`);
    }
  }

  async #read<T>(response: Response, what: string, shape: z.ZodType<T>): Promise<T> {
    if (!response.ok) await this.#refuse(response, what);
    const parsed = shape.safeParse(await response.json().catch(() => null));
    if (parsed.success) return parsed.data;
    throw new CommandError("unreachable", `--api (or HEARTH_URL) ${this.base} answers ${what} as no Hearth does.`);
  }

  async #refuse(response: Response, what: string): Promise<never> {
    const found = problem.safeParse(await response.json().catch(() => null)).data;
    const { status } = response;
    if (found === undefined) {
      throw new CommandError("unreachable", `--api (or HEARTH_URL) ${this.base} answers ${what} with ${status}.`);
    }
    const { code, title, detail, errors = [] } = found;
    const fields = errors.map(({ pointer, message }) => `${pointer} ${message}`).join(", ");
    const why = [title, fields || (detail === title ? "" : detail)].flatMap((part) => (part ? [withoutEnd(part)] : []));
    const option = status === 401 || status === 403 ? "--key (or HEARTH_KEY)" : optionOf[code];
    const subject = option === undefined ? "The service refuses it" : `The service refuses ${option}`;
    const kind =
      option?.startsWith("--key") === true ? "not_allowed" : code === "version_not_next" ? "moved" : "refused";
    throw new CommandError(kind, `${subject} (${code}): ${why.join(": ")}.`, { code });
  }
}
