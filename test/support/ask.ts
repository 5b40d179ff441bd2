import { gunzipSync } from "node:zlib";

/**
 * Asks a running service over HTTP.
 *
 * @param base where its paths begin
 * @param key whose word it is; null: somebody's without one
 * @returns its answer, unpacked where it is packed; `body` where it is JSON, else null
 */
export async function ask(base: string, key: string | null, method: string, path: string, body?: unknown) {
  const response = await fetch(base + path, {
    method,
    headers: {
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const type = response.headers.get("content-type") ?? "";
  const bytes = Buffer.from(await response.arrayBuffer());
  const text = (type === "application/gzip" ? gunzipSync(bytes) : bytes).toString();
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers freely
  const json: any = type.includes("json") && text !== "" ? JSON.parse(text) : null;
  return { status: response.status, text, body: json };
}
