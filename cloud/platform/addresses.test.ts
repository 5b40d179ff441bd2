import { expect, test } from "vitest";
import { networkAddresses } from "./addresses.ts";

const base = { netmask: "", mac: "", cidr: null };
const interfaces = {
  lo: [{ ...base, address: "127.0.0.1", family: "IPv4" as const, internal: true }],
  wlan0: [
    { ...base, address: "fe80::7", family: "IPv6" as const, internal: false, scopeid: 2 },
    { ...base, address: "2001:db8::7", family: "IPv6" as const, internal: false, scopeid: 0 },
    { ...base, address: "192.0.2.7", family: "IPv4" as const, internal: false },
  ],
};

test("a board is told the addresses that it can reach: of the network, and of the family that is listened on", () => {
  expect(networkAddresses("0.0.0.0", interfaces)).toEqual(["192.0.2.7"]);
  expect(networkAddresses("::", interfaces)).toEqual(["192.0.2.7", "2001:db8::7"]);
  expect(networkAddresses("192.0.2.7", interfaces)).toEqual(["192.0.2.7"]);
  expect(networkAddresses("0.0.0.0", { lo: interfaces.lo })).toEqual([]);
});
