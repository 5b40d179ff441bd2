import { expect, test } from "vitest";
import { networkOf, plainAddress } from "./address.ts";

test.each([
  ["192.0.2.7", "192.0.2.7"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["::1", "0:0:0:0::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["2001:db8:a:b:c:d:e:f", "2001:db8:a:b::/64"],
  ["2001:db8:a:b::", "2001:db8:a:b::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["", ""],
])("%s stands for %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});

test("an IPv6 address stays whole where nobody has to be limited by it", () => {
  expect(plainAddress("2001:db8::1")).toBe("2001:db8::1");
});
