/**
 * Clients that fetch one file at the same time, in a process of their own: raw HTTP over TCP. One of them hashes what it gets; of the others the
 * length is counted, since hashing them all would be what is measured.
 */
import { createHash } from "node:crypto";
import { connect } from "node:net";
import { answerParent } from "./load-process.ts";

export interface DownloadQuestion {
  href: string;
  clients: number;
}

export interface Downloaded {
  /** From the first socket to the last byte. */
  ms: number;
  /** Of this process in that time: near `ms`, and this process was the bottleneck. */
  cpuMs: number;
  /** Bytes of bodies over all clients. */
  bytes: number;
  /** Lower-case hex, of what the first client got. */
  sha256: string;
}

const cpuMsSoFar = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/** Shared: what is only counted needs no memory of its own. */
const scratch = Buffer.allocUnsafe(1_048_576);

const headEnd = Buffer.from("\r\n\r\n");

/** Fetches once and resolves with the length of the body. @throws where it is no whole 200 */
function fetchOnce(href: string, take: (piece: Buffer) => void): Promise<number> {
  const { hostname, port, pathname, search } = new URL(href);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let head: Buffer | null = Buffer.alloc(0);
  let wanted = -1;
  let length = 0;
  const onBytes = (piece: Buffer): void => {
    let body = piece;
    if (head !== null) {
      head = Buffer.concat([head, piece]);
      const end = head.indexOf(headEnd);
      if (end === -1) return;
      const text = head.subarray(0, end).toString("latin1");
      if (!text.startsWith("HTTP/1.1 200 ")) reject(new Error(text.split("\r\n")[0]));
      wanted = Number(/^content-length: (\d+)$/im.exec(text)?.[1] ?? -1);
      body = head.subarray(end + headEnd.length);
      head = null;
    }
    length += body.length;
    take(body);
  };
  const socket = connect({
    host: hostname,
    port: Number(port),
    onread: {
      buffer: scratch,
      callback(count, buffer) {
        onBytes(Buffer.from(buffer.buffer, buffer.byteOffset, count));
        return true;
      },
    },
  });
  socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`);
  socket.once("error", reject);
  socket.once("close", () => {
    if (length === wanted) resolve(length);
    else reject(new Error(`a download ended after ${length} of ${wanted} bytes`));
  });
  return promise;
}

async function download({ href, clients }: DownloadQuestion): Promise<Downloaded> {
  const cpuBefore = cpuMsSoFar();
  const sinceMs = performance.now();
  const hash = createHash("sha256");
  const lengths = await Promise.all(
    Array.from({ length: clients }, (_, at) =>
      fetchOnce(href, at === 0 ? (piece) => void hash.update(piece) : () => {}),
    ),
  );
  return {
    ms: performance.now() - sinceMs,
    cpuMs: cpuMsSoFar() - cpuBefore,
    bytes: lengths.reduce((sum, length) => sum + length, 0),
    sha256: hash.digest("hex"),
  };
}

answerParent((question: DownloadQuestion) => download(question));
