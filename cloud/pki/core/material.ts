import { X509Certificate } from "node:crypto";
import type { TlsMaterial } from "#protocol/link/messages.ts";
import type { Authority } from "../authority.ts";

/** Everything that a running Hearth proves itself with and signs with; PEM. */
export interface Material {
  /** `cert` is the server's certificate and what leads to its root. */
  server: { cert: string; key: string };
  /** The intermediate that signs the devices' certificates. */
  fleet: Authority;
  /** Intermediates before it, whose devices are still believed; PEM, one after the other. */
  formerFleet: string;
  /** Of the fleet CA: what a board is given to believe. */
  root: string;
}

export const tlsOf = ({ server, fleet, formerFleet }: Material): TlsMaterial => ({
  cert: server.cert,
  key: server.key,
  clientCa: fleet.certificate + formerFleet,
});

export const isSame = (one: Material, other: Material): boolean => JSON.stringify(one) === JSON.stringify(other);

const dayMs = 86_400_000;

/** What is about to end or has ended, as the beginning of a sentence. */
export function endings(material: Material, nowMs: number, withinMs: number): { what: string; endsAtMs: number }[] {
  const named = [
    ["The server's certificate", material.server.cert],
    ["The fleet CA's certificate", material.fleet.certificate],
    ["The root's certificate", material.root],
  ] as const;
  return named
    .map(([what, pem]) => ({ what, endsAtMs: new X509Certificate(pem).validToDate.getTime() }))
    .filter(({ endsAtMs }) => endsAtMs - nowMs < withinMs);
}

/** `2027-03-01`, for sentences. */
export const dateText = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** How long before its end Hearth begins to say that a certificate ends, in its log. */
export const warningMs = 21 * dayMs;
