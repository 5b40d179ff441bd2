import { networkInterfaces } from "node:os";

/** Addresses of this machine in its networks: what neighbours reach it by. Those of one link only (fe80::) are left out. */
export function networkAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  const usable = all.filter(({ internal, address }) => !internal && !/^fe[89ab]/i.test(address));
  // IPv4 first: the address to print is one that a person can type into a board.
  return usable.toSorted((one, other) => one.family.localeCompare(other.family)).map(({ address }) => address);
}

/** Into an address of the web. */
export const hostText = (address: string): string => (address.includes(":") ? `[${address}]` : address);

/** Listens on all addresses, so that it is none that one could connect to. */
export const isWildcard = (address: string): boolean => address === "0.0.0.0" || address === "::";
