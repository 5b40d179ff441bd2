import fc from "fast-check";
import { randomUUIDv7 } from "node:crypto";
import { expect, test } from "vitest";
import { commandNames, reply as replySchema } from "#protocol/command.ts";
import { receipt as receiptSchema } from "#protocol/delivery.ts";
import { bytesOf, deliveryOf, fakeControls, ManualClock, memoryOn, modelOf, recordingVoice } from "../testing/parts.ts";
import { inboxEntriesMax } from "./device-record.ts";
import { MemoryDeviceStore } from "./device-store.ts";
import { Inbox } from "./inbox.ts";

function newInbox(store = new MemoryDeviceStore(), clock = new ManualClock()) {
  const memory = memoryOn(store);
  const controls = fakeControls();
  const voice = recordingVoice();
  const model = modelOf("oven-x200");
  const firmware = { offer: () => null, renew: () => {} };
  const inbox = new Inbox({ model, memory, controls, voice, clock, deadlines: clock, firmware });
  const receive = (value: unknown) => {
    inbox.receive(bytesOf(value));
  };
  return { inbox, receive, memory, controls, voice, clock, store };
}

const message = { kind: "message", id: "hello", version: 1, locale: "de", title: "Hallo", text: "Da" };
const recipeOf = (setpoint_c: number) => ({
  kind: "recipe",
  id: "pie",
  version: 1,
  locale: "de",
  title: "Pie",
  steps: [{ text: "Bake", machine: { program: "HotAir", setpoint_c } }],
});
const commandOf = (name: string, args = {}, more = {}) => deliveryOf("command", { name, args }, more);

test("an offer lies on the display until somebody looks, and one without its price is refused", () => {
  const { inbox, receive, voice } = newInbox();
  const price = { amountMinor: 1_900, currency: "EUR" };
  const { text: _text, ...about } = message;
  const offer = {
    ...about,
    kind: "offer",
    text: "Ein Stein",
    offerId: "01890000-0000-7000-8000-000000000001",
    listPrice: price,
    price,
    reason: "Silber",
  };
  receive(deliveryOf("offer", offer));
  expect(voice.receipts.at(-1)).toMatchObject({ step: "stored" });
  expect(inbox.unseen()).toMatchObject([{ kind: "offer", content: { title: "Hallo", undoMs: 10_000 } }]);
  const { price: _price, ...unpriced } = offer;
  receive(deliveryOf("offer", unpriced));
  expect(voice.receipts.at(-1)).toMatchObject({ step: "rejected", reason: "wrong_shape" });
});

test("the same delivery again gets the same receipt, byte for byte, also after a power cut, and nothing is done twice", () => {
  const { receive, voice, clock, store } = newInbox();
  const first = deliveryOf("message", message);
  receive(first);
  clock.pass(5_000);
  receive(first);
  expect(voice.receipts[1]).toEqual(voice.receipts[0]);
  const next = newInbox(store, clock);
  next.receive(first);
  expect(next.voice.receipts).toEqual([voice.receipts[0]]);

  const order = commandOf("identify");
  receive(order);
  receive(order);
  expect(voice.replies[1]).toEqual(voice.replies[0]);
});

test("a later attempt of what is there already is answered under its own number", () => {
  const { receive, voice } = newInbox();
  const first = deliveryOf("message", message);
  receive(first);
  receive({ ...first, attempt: 2 });
  expect(voice.receipts).toMatchObject([
    { attempt: 1, step: "stored" },
    { attempt: 2, step: "stored" },
  ]);
});

test("an older generation of the same subject is refused, another subject's is not", () => {
  const { receive, voice } = newInbox();
  receive(deliveryOf("message", message, { generation: 3 }));
  receive(deliveryOf("message", message, { generation: 2 }));
  receive(deliveryOf("message", { ...message, id: "other" }, { generation: 1 }));
  expect(voice.said).toEqual(["receipt stored", "receipt rejected older_generation", "receipt stored"]);
});

test("an expired command is never executed, and the device says so", () => {
  fc.assert(
    fc.property(fc.constantFrom(...commandNames), fc.nat(100_000), fc.nat(100_000), (name, lifeMs, waitMs) => {
      const { receive, voice, controls, clock, memory } = newInbox();
      const order = commandOf(name, name === "load_program" ? { program: "HotAir" } : {}, {
        expiresAtMs: clock.nowMs() + lifeMs,
      });
      clock.pass(waitMs);
      receive(order);
      const executed = controls.calls.length + voice.replies.length + memory.record.preloaded.length > 0;
      expect(executed).toBe(waitMs < lifeMs);
      if (!executed) expect(voice.said).toEqual(["receipt expired"]);
    }),
  );
});

test("every command of the list is answered; a name off the list is answered with no", () => {
  const { receive, voice, controls, memory } = newInbox();
  receive(commandOf("stop"));
  receive(commandOf("identify", { for_s: 5 }));
  receive(commandOf("self_test"));
  receive(commandOf("send_log"));
  receive(commandOf("sample_faster", { every_ms: 2_000, for_s: 30 }));
  receive(commandOf("load_program", { program: "HotAir", setpoint_c: 200 }));
  receive(commandOf("load_program", { program: "HotAir", setpoint_c: 400 }));
  receive(commandOf("load_program", { program: "Eco50" }));
  receive(commandOf("sample_faster", { every_ms: 1 }));
  receive(commandOf("start_heating"));
  expect(voice.said).toEqual([
    "reply true",
    "reply true",
    "reply true",
    "reply true",
    "reply true",
    "reply true",
    "reply false too_hot_for_model",
    "reply false program_unknown",
    "reply false bad_args",
    "reply false unknown_command",
  ]);
  expect(controls.calls).toEqual(["stop", "identify 5000", "sampleFaster 2000 30000"]);
  expect(memory.record.preloaded.map(({ title }) => title)).toEqual(["Hot air"]);
});

test("stop is obeyed while a program runs, a self test is not", () => {
  const { receive, voice, controls } = newInbox();
  controls.running = true;
  receive(commandOf("self_test"));
  receive(commandOf("stop"));
  expect(voice.said).toEqual(["reply false running", "reply true"]);
});

test("a recipe is stored and preloaded, and one that the model cannot cook is rejected", () => {
  const { receive, voice, memory } = newInbox();
  receive(deliveryOf("recipe", recipeOf(180)));
  receive(deliveryOf("recipe", { ...recipeOf(300), id: "other" }));
  expect(voice.said).toEqual(["receipt stored", "receipt rejected too_hot_for_model"]);
  expect(memory.record.preloaded.map(({ id }) => id)).toEqual(["pie"]);
});

test("config sets what may be set; anything else is rejected whole", () => {
  const { receive, voice, memory } = newInbox();
  receive(deliveryOf("config", { sampleMs: 5_000 }));
  receive(deliveryOf("config", { heater: true }, { generation: 2 }));
  expect(voice.said).toEqual(["receipt applied", "receipt rejected config_unknown"]);
  expect(memory.record.settings.sampleMs).toBe(5_000);
});

test("what names itself but fits no shape is rejected under its name; what does not is only counted", () => {
  const { inbox, receive, voice } = newInbox();
  receive({ id: randomUUIDv7(), attempt: 1, kind: "poem" });
  receive("{");
  receive([1, 2]);
  expect(voice.said).toEqual(["receipt rejected wrong_shape"]);
  expect(inbox.counters.malformed).toBe(3);
});

test("whatever arrives, the inbox stays bounded and answers only in the shapes of the contract", () => {
  const near = fc.oneof(
    fc.record({ id: fc.uuid({ version: 7 }), attempt: fc.nat(3), kind: fc.string(), body: fc.jsonValue() }),
    fc.jsonValue(),
    fc.constantFrom(...commandNames).map((name) => commandOf(name)),
  );
  fc.assert(
    fc.property(fc.array(near, { maxLength: 30 }), (payloads) => {
      const { receive, voice, memory } = newInbox();
      for (const payload of payloads) receive(payload);
      for (const receipt of voice.receipts) expect(receiptSchema.safeParse(receipt).success).toBe(true);
      for (const reply of voice.replies) expect(replySchema.safeParse(reply).success).toBe(true);
      expect(memory.record.inbox.length).toBeLessThanOrEqual(inboxEntriesMax);
    }),
  );
  const { receive, memory } = newInbox();
  for (let at = 0; at < inboxEntriesMax + 50; at += 1) receive(deliveryOf("message", { ...message, id: `m${at}` }));
  expect(memory.record.inbox.length).toBe(inboxEntriesMax);
});
