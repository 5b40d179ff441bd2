import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** What a test lets the server do in the place of its answer. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export interface UpdateServer {
  url: string;
  /** Asked first; the honest answers come after. By a part of the path. */
  attacks: Map<string, Answer>;
  honest: Map<string, Answer>;
  /** Paths that were asked for, in order. */
  asked: string[];
  /** Every byte of requests and answers as it went over the wire. */
  crossed: () => Buffer;
  close(): Promise<void>;
}

/** A real server on loopback that does as it is told. */
export async function startUpdateServer(): Promise<UpdateServer> {
  const pieces: Buffer[] = [];
  const state: UpdateServer = {
    url: "",
    attacks: new Map(),
    honest: new Map(),
    asked: [],
    crossed: () => Buffer.concat(pieces),
    close: () => closed,
  };
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    state.asked.push(path);
    const answers = [...state.attacks, ...state.honest];
    const found = answers.find(([part]) => path.includes(part))?.[1];
    void (found ?? notFound)(request, response);
  });
  server.on("connection", (socket) => {
    socket.on("data", (bytes: Buffer) => pieces.push(Buffer.from(bytes)));
    const write = socket.write.bind(socket);
    Object.assign(socket, {
      write: (chunk: string | Uint8Array, ...rest: never[]) => {
        pieces.push(typeof chunk === "string" ? Buffer.from(chunk, rest[0] ?? "utf8") : Buffer.from(chunk));
        return write(chunk, ...rest);
      },
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  state.url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  let closed: Promise<void> = Promise.resolve();
  state.close = () => {
    closed = new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => {
        resolve();
      });
    });
    return closed;
  };
  return state;
}

const notFound: Answer = (_request, response) => {
  response.writeHead(404).end();
};

export const sends =
  (bytes: () => Uint8Array | string | undefined): Answer =>
  (_request, response) => {
    const body = bytes();
    if (body === undefined) response.writeHead(404).end();
    else response.writeHead(200).end(body);
  };

/** The connection ends without an answer. */
export const drops: Answer = (_request, response) => {
  response.destroy();
};

/** One byte, and then nothing for ever. */
export const stalls: Answer = (_request, response) => {
  response.writeHead(200);
  response.write("{");
};

/** Bytes without end. */
export const floods: Answer = (_request, response) => {
  if (!response.headersSent) response.writeHead(200);
  const piece = Buffer.alloc(65_536, 0x20);
  const more = (): void => {
    while (!response.destroyed && response.write(piece));
    if (!response.destroyed) response.once("drain", more);
  };
  more();
};
