/** Where Hearth listens, what it proves itself with there, and by which addresses it is reached. */
import { X509Certificate } from "node:crypto";
import { hostname } from "node:os";
import type { FastifyInstance } from "fastify";
import type { GatewayPorts, Listen } from "#protocol/link/messages.ts";
import { HttpsServer } from "./http/https.ts";
import { Certificates, developmentMaterial, developmentRootFile, givenMaterial, serverNames } from "./pki/pki.ts";
import { hostText, networkAddresses } from "./platform/addresses.ts";
import type { Clock } from "./platform/clock.ts";
import { type Config, StartError } from "./platform/config.ts";
import { listenSentence } from "./platform/gateway-worker.ts";
import type { Logger } from "./platform/logger.ts";

export interface Addresses {
  http: string;
  https: string;
  /** null where the gateway does not listen in this way. */
  mqtt: string | null;
  mqtts: string | null;
}

/** The certificate that boards are given to believe, in words for people. */
export interface Root {
  /** `AB:CD:...` of its SHA-256. */
  fingerprint: string;
  /** Where it lies; null where it came from elsewhere. */
  file: string | null;
}

/**
 * The certificates of this installation: its own, or a development CA's.
 *
 * @throws StartError for those that cannot be used
 */
export async function openCertificates(config: Config, clock: Clock, logger: Logger): Promise<Certificates> {
  const { certificates: files, dataDir, https, publicUrl } = config;
  const names = () => {
    return serverNames({ hostname: hostname(), publicUrl, addresses: networkAddresses(https.host) });
  };
  const certificates = await Certificates.open({
    load: (nowMs) => (files === null ? developmentMaterial(dataDir, names(), nowMs) : givenMaterial(files, nowMs)),
    clock,
    logger,
  });
  // A proxy in front may have that name; without one, devices would not fetch firmware from here.
  const publicHost = publicUrl === undefined ? "localhost" : new URL(publicUrl).hostname;
  if (files !== null && new X509Certificate(certificates.tls.cert).checkHost(publicHost) === undefined) {
    logger.warn({ event: "certificates.other_name", publicUrl, names: certificates.serverNames });
  }
  return certificates;
}

export const rootOf = (certificates: Certificates, config: Config): Root => ({
  fingerprint: certificates.rootFingerprint,
  file: config.certificates === null ? developmentRootFile(config.dataDir) : null,
});

/** An address that can be connected to, for one that is listened on. */
const reachable = (host: string): string => networkAddresses(host)[0] ?? "localhost";

const address = (scheme: string, { host }: Listen, port: number): string =>
  `${scheme}://${hostText(reachable(host))}:${port}`;

/** The network's addresses of this machine, under which a board reaches it, where it listens to the network. */
export const networkHosts = (config: Config): string[] => networkAddresses(config.https.host).map(hostText);

export const mqttAddresses = (config: Config, ports: GatewayPorts | null): Pick<Addresses, "mqtt" | "mqtts"> => ({
  mqtt: config.mqtt === null || !ports?.mqtt ? null : address("mqtt", config.mqtt, ports.mqtt),
  mqtts: ports?.mqtts ? address("mqtts", config.mqtts, ports.mqtts) : null,
});

/**
 * Opens both web servers of the application, one after the other, and adds to `undo` how they are closed.
 *
 * @throws StartError naming the variable of a port that cannot be had
 */
export async function listenForPeople(
  app: FastifyInstance,
  config: Config,
  certificates: Certificates,
  onOpen: (close: () => Promise<void>) => void,
): Promise<Pick<Addresses, "http" | "https">> {
  onOpen(() => app.close());
  await orSay("HEARTH_HTTP_PORT", config.http.port, () => app.listen(config.http));
  const secure = new HttpsServer(app, certificates.tls);
  onOpen(() => secure.close());
  const httpsPort = await orSay("HEARTH_HTTPS_PORT", config.https.port, () => secure.listen(config.https));
  certificates.onRenewed(() => secure.renew(certificates.tls));
  const bound = app.server.address();
  const httpPort = typeof bound === "object" && bound !== null ? bound.port : config.http.port;
  return { http: address("http", config.http, httpPort), https: address("https", config.https, httpsPort) };
}

async function orSay<T>(variable: string, port: number, listen: () => Promise<T>): Promise<T> {
  try {
    return await listen();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    const sentence = listenSentence(variable, port, code);
    throw new StartError(
      sentence ?? `${variable} ${port} cannot be listened on (${code}): set HEARTH_BIND to an address of this machine.`,
    );
  }
}
