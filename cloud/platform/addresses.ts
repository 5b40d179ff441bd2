import { networkInterfaces } from "node:os";

type Interfaces = ReturnType<typeof networkInterfaces>;

/**
 * Addresses of this machine by which its neighbours reach what listens on `host`: `0.0.0.0` takes those of IPv4, `::` all, and any other
 * is reached by itself. Addresses of one link only (fe80::) are left out.
 */
export function networkAddresses(host: string, interfaces: Interfaces = networkInterfaces()): string[] {
  if (!isWildcard(host)) return [host];
  const all = Object.values(interfaces).flatMap((found) => found ?? []);
  const usable = all.filter(({ internal, address }) => !internal && !/^fe[89ab]/i.test(address));
  // IPv4 first: the address to print is one that a person can type into a board.
  return usable
    .filter(({ family }) => host === "::" || family === "IPv4")
    .toSorted((one, other) => one.family.localeCompare(other.family))
    .map(({ address }) => address);
}

/** Into an address of the web. */
export const hostText = (address: string): string => (address.includes(":") ? `[${address}]` : address);

/** Listens on all addresses, so that it is none that one could connect to. */
const isWildcard = (address: string): boolean => address === "0.0.0.0" || address === "::";
