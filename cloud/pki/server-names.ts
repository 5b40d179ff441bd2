import { isIP } from "node:net";

const dnsName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
/** A name of the local network (RFC 6762), where the machine's own name says nothing of a domain. */
const localDomain = ".local";

/**
 * The names of a development server's certificate: this machine, as itself, as its neighbours call it, and as `HEARTH_PUBLIC_URL` says.
 * What is neither an address nor a DNS name is left out.
 */
export function serverNames(of: {
  hostname: string;
  publicUrl: string | undefined;
  addresses: readonly string[];
}): [string, ...string[]] {
  const machine = of.hostname.toLowerCase();
  const publicHost = of.publicUrl === undefined ? "" : new URL(of.publicUrl).hostname.replaceAll(/^\[|\]$/g, "");
  const more = [machine, machine.includes(".") ? "" : machine + localDomain, publicHost, ...of.addresses];
  const good = more.filter((name) => isIP(name) !== 0 || dnsName.test(name));
  return ["localhost", ...new Set(["127.0.0.1", "::1", ...good.filter((name) => name !== "localhost")])];
}
