import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { floods } from "./update-server.ts";

export interface ImageServer {
  href: string;
  /** Range headers as they came, `null` where there was none. */
  ranges: (string | null)[];
  /** The next answers end after so many bytes, one after the other. */
  cuts: number[];
  /** What is sent; its ETag follows it. */
  image: Buffer;
  /** Sends this instead of bytes. */
  status: number | null;
  /** Sends one byte and then nothing. */
  silent: boolean;
  /** Sends the image, and then more without end. */
  endless: boolean;
  close(): Promise<void>;
}

/** Serves one image over HTTP with Range and If-Range, and fails as it is told. */
export async function serveImage(image: Buffer): Promise<ImageServer> {
  const state: ImageServer = {
    href: "",
    ranges: [],
    cuts: [],
    image,
    status: null,
    silent: false,
    endless: false,
    close,
  };
  const server = createServer((request, response) => {
    answer(state, request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  state.href = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/image`;
  async function close(): Promise<void> {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  }
  return state;
}

function answer(state: ImageServer, request: IncomingMessage, response: ServerResponse): void {
  const { image } = state;
  const range = request.headers.range ?? null;
  state.ranges.push(range);
  if (state.status !== null) {
    response.writeHead(state.status).end();
    return;
  }
  const etag = `"${createHash("sha256").update(image).digest("hex").slice(0, 16)}"`;
  const from = range !== null && request.headers["if-range"] === etag ? Number(/^bytes=(\d+)-$/.exec(range)?.[1]) : 0;
  const length = state.endless ? {} : { "content-length": image.length - from };
  const headers = { etag, "accept-ranges": "bytes", ...length };
  if (from > 0)
    response.writeHead(206, { ...headers, "content-range": `bytes ${from}-${image.length - 1}/${image.length}` });
  else response.writeHead(200, headers);
  if (state.silent) {
    response.write(image.subarray(from, from + 1));
    return;
  }
  if (state.endless) {
    response.write(image.subarray(from));
    void floods(request, response);
    return;
  }
  const cut = state.cuts.shift();
  if (cut === undefined) {
    response.end(image.subarray(from));
    return;
  }
  response.write(image.subarray(from, from + cut), () => {
    response.destroy();
  });
}
