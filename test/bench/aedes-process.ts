/**
 * aedes as it comes, over TCP and TLS, with the fair equal of a login by token: the SHA-256 of the password against the one that is
 * known for the user name.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type Server } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { Aedes } from "aedes";
import type { Certificate } from "./certificate.ts";
import type { BenchDevice } from "./peer.ts";

export interface AedesSetup {
  devices: readonly BenchDevice[];
  certificate: Certificate;
}

const backlogMax = 4_096;
const sha256 = (text: string | Buffer) => createHash("sha256").update(text).digest();

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen({ host: "127.0.0.1", port: 0, backlog: backlogMax }, resolve));
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function serve({ devices, certificate }: AedesSetup): Promise<void> {
  const tokens = new Map(devices.map(({ id, token }) => [id, sha256(token)]));
  const broker = await Aedes.createBroker({
    authenticate: (_client, username, password, done) => {
      const expected = tokens.get(username ?? "");
      done(null, expected !== undefined && timingSafeEqual(sha256(password ?? ""), expected));
    },
  });
  const port = await listen(createServer({ noDelay: true }, broker.handle));
  const tlsPort = await listen(createTlsServer({ ...certificate, noDelay: true }, broker.handle));
  process.send?.({ port, tlsPort });
}

process.once("message", (setup: AedesSetup) => void serve(setup));
process.on("disconnect", () => process.exit(0));
