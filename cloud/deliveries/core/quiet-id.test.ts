import { randomUUIDv7 } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { id } from "#protocol/ids.ts";
import { isQuietId, quietId } from "./quiet-id.ts";

test("a quiet id is a UUIDv7 that is known for its device, and for no other device, secret or changed digit", () => {
  const secret = Buffer.alloc(32, 1);
  fc.assert(
    fc.property(fc.nat(35), fc.constantFrom("oven-1", "oven-2"), (at, deviceId) => {
      const fresh = randomUUIDv7();
      const made = quietId(secret, deviceId, fresh);
      expect(id.safeParse(made).success).toBe(true);
      expect(isQuietId(secret, deviceId, made.toUpperCase())).toBe(true);
      expect(isQuietId(secret, `${deviceId}0`, made)).toBe(false);
      expect(isQuietId(Buffer.alloc(32, 2), deviceId, made)).toBe(false);
      expect(isQuietId(secret, deviceId, fresh)).toBe(false);
      const digit = made[at] ?? "-";
      const changed = made.slice(0, at) + (digit === "0" ? "1" : "0") + made.slice(at + 1);
      if (digit !== "-") expect(isQuietId(secret, deviceId, changed)).toBe(false);
    }),
  );
});
