import fc from "fast-check";
import { expect, test } from "vitest";
import { buildTopic, downChannels, feeds, filterMatches, parseTopic, type Topic, upChannels } from "./topics.ts";

const id = fc.stringMatching(/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/);
const model = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,63}$/);
const locale = fc.constantFrom("de", "en-GB", "pt-BR", "zh-Hans-CN", "es-419");
const feed = fc.constantFrom(...feeds);

const anyTopic: fc.Arbitrary<Topic> = fc.oneof(
  fc.record({ kind: fc.constant("up" as const), deviceId: id, channel: fc.constantFrom(...upChannels) }),
  fc.record({ kind: fc.constant("down" as const), deviceId: id, channel: fc.constantFrom(...downChannels) }),
  fc.record({ kind: fc.constant("feed" as const), model, locale, feed }),
  fc.record({ kind: fc.constant("item" as const), model, locale, feed, itemId: id }),
  fc.record({
    kind: fc.constant("provisioning" as const),
    batch: id,
    serial: id,
    direction: fc.constantFrom("request" as const, "reply" as const),
  }),
);

test("every topic that can be built is parsed back to what it was built from", () => {
  fc.assert(
    fc.property(anyTopic, (topic) => {
      expect(parseTopic(buildTopic(topic))).toEqual(topic);
    }),
  );
});

test("what is parsed builds the same text again, so no two texts mean one topic", () => {
  const nearTopic = fc.oneof(
    fc.string(),
    fc
      .tuple(anyTopic, fc.nat(200), fc.constantFrom("#", "+", "/", "", "\u0000", "$", ".", "é", "A"))
      .map(([topic, at, inserted]) => {
        const text = buildTopic(topic);
        return text.slice(0, at) + inserted + text.slice(at);
      }),
  );
  fc.assert(
    fc.property(nearTopic, (text) => {
      const topic = parseTopic(text);
      if (topic !== null) expect(buildTopic(topic)).toBe(text);
    }),
  );
});

test("wildcards, empty levels, foreign prefixes and extra levels are no topics", () => {
  for (const text of [
    "",
    "/",
    "hearth/v1/devices/+/events",
    "hearth/v1/devices/#",
    "hearth/v1/devices//events",
    "hearth/v1/devices/.a/events",
    "hearth/v1/devices/a/events/",
    "hearth/v1/devices/a/inbox/b",
    "hearth/v2/devices/a/events",
    "/hearth/v1/devices/a/events",
    "$SYS/hearth/v1/devices/a/events",
    "hearth/v1/content/oven/DE/recipes",
    "hearth/v1/content/oven/de/secrets",
    "hearth/v1/provisioning/b/s/request/x",
  ]) {
    expect(parseTopic(text), text).toBeNull();
  }
});

test("a filter matches as clause 4.7 says", () => {
  for (const [filter, topic, matches] of [
    ["a/b", "a/b", true],
    ["a/+", "a/b", true],
    ["a/+", "a/b/c", false],
    ["a/#", "a", true],
    ["a/#", "a/b/c", true],
    ["#", "$SYS/x", false],
    ["+/x", "$SYS/x", false],
    ["$SYS/#", "$SYS/x", true],
    ["a/b/c", "a/b", false],
    ["+", "/a", false],
  ] as const) {
    expect(filterMatches(filter, topic), `${filter} ${topic}`).toBe(matches);
  }
});
