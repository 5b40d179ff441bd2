import { createServer, type IncomingHttpHeaders } from "node:http";

/** Says with which status a message is answered. */
type Answer = (body: string, headers: IncomingHttpHeaders) => number;

/** Opens a server of somebody else on this machine, until the end. @returns its address, without a path */
export async function openReceiver(signal: AbortSignal, answer: Answer): Promise<string> {
  const server = createServer((message, response) => {
    const pieces: Buffer[] = [];
    message.on("data", (piece: Buffer) => pieces.push(piece));
    message.on("end", () => {
      response.writeHead(answer(Buffer.concat(pieces).toString(), message.headers)).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  signal.addEventListener("abort", () => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
}
