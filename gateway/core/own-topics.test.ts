import fc from "fast-check";
import { expect, test } from "vitest";
import { channelCode } from "#protocol/link/up-chunk.ts";
import { buildTopic, parseTopic, upChannels } from "#protocol/topics.ts";
import { may } from "./access.ts";
import { OwnTopics } from "./own-topics.ts";

const deviceId = "oven-1";
const topics = new OwnTopics(deviceId);

const codeOf = (topic: string): number => {
  const bytes = Buffer.from(`xx${topic}yy`);
  return topics.channelCodeOf(bytes, 2, bytes.length - 2);
};

test.each(upChannels)("its own %s is found with its code", (channel) => {
  expect(codeOf(buildTopic({ kind: "up", deviceId, channel }))).toBe(channelCode(channel));
});

const nearlyOwn = fc
  .tuple(
    fc.constantFrom("hearth/v1", "hearth/v2", "hearth", "$SYS"),
    fc.constantFrom("devices", "content", "device"),
    fc.constantFrom(deviceId, "oven-10", "oven-", "+", "#", ""),
    fc.oneof(fc.constantFrom(...upChannels, "inbox", "telemetry/x", "+", ""), fc.string()),
  )
  .map((levels) => levels.join("/"));

test("bytes and the access rule agree on every topic", () => {
  fc.assert(
    fc.property(nearlyOwn, (topic) => {
      const isOwn = may({ kind: "device", deviceId, model: "oven-x200" }, "publish", topic);
      expect(codeOf(topic) >= 0).toBe(isOwn);
      expect(isOwn).toBe(parseTopic(topic)?.kind === "up" && topic.includes(`/${deviceId}/`));
    }),
  );
});
