import { expect, test } from "vitest";
import { gatewayLimits, snakeCase } from "./link/limits.ts";
import { heldBackText } from "./held-back.ts";

test.each([
  ["messages_per_second_max", 1_000, "sends more than 1,000 messages a second"],
  ["bytes_per_second_max", 1_048_576, "sends more than 1 MiB a second"],
  ["bytes_per_second_max", 10_240, "sends more than 10 KiB a second"],
  ["bytes_per_second_max", 1_500, "sends more than 1,500 bytes a second"],
  ["of_tomorrow", 1, "sends more than it may"],
  [null, null, "sends more than it may"],
])("%s of %s is said in words", (reason, limit, words) => {
  expect(heldBackText(reason, limit)).toBe(words);
});

test("the limits that hold a device back are known by their names", () => {
  for (const name of ["messagesPerSecondMax", "bytesPerSecondMax"] as const) {
    expect(heldBackText(snakeCase(name), gatewayLimits[name])).not.toContain("it may");
  }
});
