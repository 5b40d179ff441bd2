import fc from "fast-check";
import { expect, test } from "vitest";
import { Webhook } from "standardwebhooks";
import { changesBetween } from "./changes.ts";
import { appWrongs, keyBytes, keyOf, receiverSays, shopOf, shopWrongs } from "./receiver-drafts.ts";

test("a key that is made here is one that the shop's form takes, and that signs", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: keyBytes, maxLength: keyBytes }), (bytes) => {
      const secret = keyOf(bytes);
      expect(secret).toBe(`whsec_${Buffer.from(bytes).toString("base64")}`);
      expect([...shopWrongs({ url: "https://shop.example", secret })]).toEqual([]);
      expect(new Webhook(secret).sign("1", new Date(0), "{}")).toMatch(/^v1,/);
    }),
  );
});

test("a shop without address or key, and an app without address, are told at their fields", () => {
  expect(Object.fromEntries(shopWrongs({ url: " ", secret: "" }))).toEqual({
    "/url": "Say where orders go.",
    "/secret": "Paste the shop's key, or have one made.",
  });
  for (const secret of [
    "whsec_short",
    `whsec_${"=".repeat(32)}`,
    `whsec_${"A".repeat(33)}`,
    `whsec_${"A".repeat(34)}B=`,
  ])
    expect([...shopWrongs({ url: "https://shop.example", secret }).keys()], secret).toEqual(["/secret"]);
  expect(Object.fromEntries(appWrongs({ url: "" }))).toEqual({ "/url": "Say where the app is told." });
  expect(shopOf({ url: " https://shop.example ", secret: " whsec_a " })).toEqual({
    url: "https://shop.example",
    secret: "whsec_a",
  });
});

test("who set another secret at the same address is told by its version, and who took it away by what is gone", () => {
  const at = "https://app.example";
  expect(changesBetween(receiverSays(3, at), receiverSays(4, at))).toEqual([
    { place: "secret", before: "the one of version 3", now: "the one of version 4" },
  ]);
  expect(changesBetween(receiverSays(4, at), receiverSays(5, ""))).toEqual([
    { place: "address", before: at, now: null },
    { place: "secret", before: "the one of version 4", now: null },
  ]);
});
