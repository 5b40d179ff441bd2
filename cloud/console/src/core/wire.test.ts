import fc from "fast-check";
import { expect, test } from "vitest";
import type { WirePacket } from "../api/shapes.ts";
import { createServerSentReader } from "./server-sent.ts";
import { codeTexts, packetFilter, packetTone, passes, withWord } from "./wire.ts";

const packet = (id: string, rest: Partial<WirePacket> = {}): WirePacket => ({
  id,
  atMs: 1,
  count: 1,
  direction: "in",
  type: "publish",
  size: 9,
  messageId: null,
  publish: null,
  filters: [],
  codes: [],
  connect: null,
  reasons: [],
  sentence: null,
  ...rest,
});
const word = (...packets: WirePacket[]) => ({ packets, sentence: null });

test("server-sent events are the same wherever the text is cut", () => {
  const text =
    ': hello\n\nevent: snapshot\ndata: {"a":\ndata: 1}\n\nid: 7\r\nevent: packets\r\ndata: {}\r\n\r\ndata: x\n\n';
  const told = [
    { event: "snapshot", data: '{"a":\n1}' },
    { event: "packets", data: "{}" },
    { event: "message", data: "x" },
  ];
  fc.assert(
    fc.property(fc.array(fc.nat(text.length), { maxLength: 6 }), (cuts) => {
      const read = createServerSentReader();
      const at = [0, ...cuts.toSorted((a, b) => a - b), text.length];
      expect(at.slice(1).flatMap((to, index) => read(text.slice(at[index], to)))).toEqual(told);
    }),
  );
});

test("a snapshot replaces all, a known packet is replaced in its place, and at most 200 stay", () => {
  const first = withWord([packet("old")], "snapshot", word(packet("a"), packet("b")));
  const second = withWord(first, "packets", word(packet("a", { count: 5 }), packet("c")));
  expect(second.map(({ id, count }) => [id, count])).toEqual([
    ["a", 5],
    ["b", 1],
    ["c", 1],
  ]);
  const many = Array.from({ length: 250 }, (_, at) => packet(`n${at}`));
  const kept = withWord(second, "packets", word(...many));
  expect([kept.length, kept[0]?.id, kept.at(-1)?.id]).toEqual([200, "n50", "n249"]);
});

test("refusals and lost lines stand out, goodbyes do not, and one can ask for them alone", () => {
  const tones = [
    packet("1", { type: "closed", reasons: ["publish_refused", "not_allowed"] }),
    packet("2", { type: "closed", reasons: ["lost"] }),
    packet("3", { type: "closed", reasons: ["closed"] }),
    packet("4", { type: "connack", codes: [5], reasons: ["wrong_token"] }),
    packet("5", { type: "connack", codes: [0] }),
    packet("6", { type: "suback", codes: [1, 128] }),
  ];
  expect(tones.map(packetTone)).toEqual(["wrong", "mind", "plain", "wrong", "plain", "wrong"]);
  expect(tones.filter((one) => passes(one, "trouble")).map(({ id }) => id)).toEqual(["1", "2", "4", "6"]);
  expect(tones.filter((one) => passes(one, "suback")).map(codeTexts)).toEqual([
    ["1: granted with QoS 1", "128: filter refused"],
  ]);
  expect([packetFilter("connect"), packetFilter("trouble"), packetFilter("nonsense")]).toEqual([
    "connect",
    "trouble",
    undefined,
  ]);
});
