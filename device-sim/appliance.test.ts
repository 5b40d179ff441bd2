import fc from "fast-check";
import { createHash, randomUUIDv7 } from "node:crypto";
import { expect, test } from "vitest";
import { MemoryDeviceStore } from "./agent/device-store.ts";
import { Appliance } from "./appliance.ts";
import { ConnectGate } from "./link/connect-gate.ts";
import { systemTimers } from "./platform/timers.ts";
import { messagesFor } from "./testing/attacks.ts";
import { bytesOf, deliveryOf, eventually, ManualClock, modelOf, startMs } from "./testing/parts.ts";

/** An appliance whose people are away, and that hears what a test lets it hear. */
function newAppliance(
  model: string,
  clock: ManualClock,
  // Nothing is fetched: an attacker's link leads nowhere.
  fetched: typeof fetch = () => Promise.reject(new Error("no network")),
) {
  const spec = { id: "dev-1", token: "t", locale: "de", timeZone: "Europe/Berlin", persona: "away" as const, seed: 3 };
  return new Appliance({ ...spec, model: modelOf(model) }, new MemoryDeviceStore(), {
    broker: "mqtt://127.0.0.1:1",
    clock,
    real: clock,
    timers: systemTimers,
    random: () => 0.5,
    secretBytes: (count) => new Uint8Array(count),
    fetch: fetched,
    gate: new ConnectGate({ perSecond: 1, timers: systemTimers }),
    factory: null,
    allowRemote: false,
  });
}

test.each(["oven-x200", "oven-s80", "dishwasher-d4"])(
  "no message turns the heater on: %s, with its people away",
  (model) => {
    let preloaded = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(messagesFor(model), fc.nat(1_200_000)), { minLength: 4, maxLength: 20 }),
        (messages) => {
          const clock = new ManualClock();
          const appliance = newAppliance(model, clock);
          for (const [{ channel, value }, waitMs] of messages) {
            appliance.receive(`hearth/v1/devices/dev-1/${channel}`, bytesOf(value));
            clock.pass(waitMs);
            appliance.tick();
            const state = appliance.state();
            expect(state.heating).toBe(false);
            expect(state.operation).toBe("idle");
            expect(Number(state.metrics["power_w"])).toBeLessThan(10);
          }
          preloaded += appliance.state().preloaded.length;
        },
      ),
      { numRuns: 150 },
    );
    // What waits for a person is what could have started: without any of it the property would hold of a brick.
    expect(preloaded).toBeGreaterThan(10);
  },
);

test("while a person cooks, a message can end it and cannot make it hotter", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(messagesFor("oven-x200"), fc.nat(300_000)), { maxLength: 12 }), (messages) => {
      const clock = new ManualClock();
      const appliance = newAppliance("oven-x200", clock);
      expect(appliance.cook({ program: "HotAir", setpoint_c: 120, duration_s: 1_800 })).toEqual({ kind: "started" });
      let ended = false;
      for (const [{ channel, value }, waitMs] of messages) {
        appliance.receive(`hearth/v1/devices/dev-1/${channel}`, bytesOf(value));
        clock.pass(waitMs);
        appliance.tick();
        const { operation, heating, metrics } = appliance.state();
        ended ||= operation === "idle";
        expect(operation === "idle").toBe(ended);
        expect(heating && ended).toBe(false);
        expect(metrics["setpoint_c"]).toBe(ended ? undefined : 120);
        expect(Number(metrics["cavity_c"])).toBeLessThan(135);
      }
    }),
    { numRuns: 100 },
  );
});

test("a loaded program waits on the display, and only a person's hand starts it", () => {
  const clock = new ManualClock();
  const appliance = newAppliance("oven-x200", clock);
  const order = {
    id: randomUUIDv7(),
    kind: "command",
    attempt: 1,
    createdAtMs: startMs,
    expiresAtMs: startMs + 30_000,
    priority: 5,
    generation: 1,
    body: { name: "load_program", args: { program: "HotAir", setpoint_c: 180 } },
  };
  appliance.receive("hearth/v1/devices/dev-1/inbox", bytesOf(order));
  clock.pass(3_600_000);
  appliance.tick();
  expect(appliance.state()).toMatchObject({ operation: "idle", heating: false, preloaded: [{ title: "Hot air" }] });
  expect(appliance.startPreloaded()).toEqual({ kind: "started" });
  clock.pass(60_000);
  appliance.tick();
  expect(appliance.state()).toMatchObject({ operation: "preheating", heating: true, preloaded: [] });
});

test("why something came is told to whoever asks: of what covers the display, else of the newest recipe that waits there", () => {
  const appliance = newAppliance("oven-x200", new ManualClock());
  const receive = (kind: "message" | "recipe", body: Record<string, unknown>) => {
    appliance.receive(
      "hearth/v1/devices/dev-1/inbox",
      bytesOf(deliveryOf(kind, { version: 1, locale: "en", ...body })),
    );
  };
  expect(appliance.askWhy()).toBeNull();
  const steps = [{ text: "Bake", machine: { program: "HotAir", setpoint_c: 180 } }];
  receive("recipe", { kind: "recipe", id: "loaf", title: "Loaf", steps, why: "You saved this." });
  expect(appliance.askWhy()).toEqual({ title: "Loaf", why: "You saved this." });
  receive("message", { kind: "message", id: "soup", title: "Soup", text: "Hot.", why: "You agreed to ideas." });
  expect(appliance.askWhy()).toEqual({ title: "Soup", why: "You agreed to ideas." });
  // Nobody is told unasked.
  expect(JSON.stringify(appliance.state())).not.toContain("agreed");
  appliance.look();
  expect(appliance.askWhy()).toMatchObject({ title: "Loaf" });
  receive("recipe", { kind: "recipe", id: "pie", title: "Pie", steps });
  expect(appliance.askWhy()).toBeNull();
});

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

test("the picture of what a feed lists is fetched, and one whose bytes are others is left out", async () => {
  const picture = new TextEncoder().encode("a picture");
  const recipe = (id: string, href: string) => ({
    kind: "recipe",
    id,
    version: 1,
    locale: "de",
    title: "Plum cake",
    steps: [{ text: "Bake." }],
    image: { href, sha256: sha256(picture), sizeBytes: picture.length, mimeType: "image/png", alt: "A cake" },
  });
  const items = [recipe("good", "http://127.0.0.1/good"), recipe("bad", "http://127.0.0.1/bad")];
  const fetched = async (href: unknown): Promise<Response> =>
    new Response(href === "http://127.0.0.1/good" ? picture : new TextEncoder().encode("b picture"));
  const appliance = newAppliance("oven-x200", new ManualClock(), fetched);
  const topic = "hearth/v1/content/oven-x200/de/recipes";
  for (const item of items) appliance.receive(`${topic}/${item.id}`, bytesOf(item));
  const listed = items.map((item) => ({ id: item.id, version: 1, sha256: sha256(bytesOf(item)) }));
  appliance.receive(topic, bytesOf({ feed: "recipes", version: 1, items: listed }));
  await eventually("both were fetched", () => appliance.counters.pictures.wrong === 1);
  expect(appliance.state()).toMatchObject({ feeds: { recipes: ["good", "bad"] }, pictures: ["good"] });
  appliance.receive(topic, bytesOf({ feed: "recipes", version: 2, items: [] }));
  expect(appliance.state().pictures).toEqual([]);
  await appliance.stop();
});
