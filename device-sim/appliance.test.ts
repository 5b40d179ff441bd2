import fc from "fast-check";
import { randomUUIDv7 } from "node:crypto";
import { expect, test } from "vitest";
import { commandNames } from "#protocol/command.ts";
import { programNames } from "#protocol/content.ts";
import { deliveryKinds } from "#protocol/delivery.ts";
import { MemoryDeviceStore } from "./agent/device-store.ts";
import { Appliance } from "./appliance.ts";
import { ConnectGate } from "./link/connect-gate.ts";
import { systemTimers } from "./platform/timers.ts";
import { bytesOf, ManualClock, modelOf, newSigner, startMs } from "./testing/parts.ts";

const signer = newSigner();

/** An appliance whose people are away, and that hears what a test lets it hear. */
function newAppliance(model: string, clock: ManualClock) {
  const spec = { id: "dev-1", token: "t", locale: "de", timeZone: "Europe/Berlin", persona: "away" as const, seed: 3 };
  return new Appliance({ ...spec, model: modelOf(model) }, new MemoryDeviceStore(), {
    broker: "mqtt://127.0.0.1:1",
    clock,
    real: clock,
    timers: systemTimers,
    random: () => 0.5,
    // Nothing is fetched: an attacker's link leads nowhere.
    fetch: () => Promise.reject(new Error("no network")),
    gate: new ConnectGate({ perSecond: 1, timers: systemTimers }),
    trustedKeys: [signer.trusted],
    allowRemote: false,
  });
}

/** Programs that the model can run, most of the time: what is refused for its shape alone proves nothing. */
const settingsFor = (model: string) => {
  const { programs, setpoint_c_max: hottest } = modelOf(model).capabilities;
  const sound = fc.record(
    {
      program: fc.constantFrom(...programs),
      ...(hottest === undefined ? {} : { setpoint_c: fc.integer({ min: 30, max: hottest }) }),
      duration_s: fc.integer({ min: 1, max: 80_000 }),
    },
    { requiredKeys: ["program"] },
  );
  const wild = fc.record(
    {
      program: fc.constantFrom(...programNames),
      setpoint_c: fc.integer({ min: 20, max: 500 }),
      probe_c: fc.integer({ min: 20, max: 120 }),
    },
    { requiredKeys: ["program"] },
  );
  return fc.oneof({ weight: 4, arbitrary: sound }, { weight: 1, arbitrary: wild });
};
type Settings = ReturnType<typeof settingsFor>;

const recipeOf = (settings: Settings) =>
  fc.record({
    kind: fc.constantFrom("recipe", "recipe", "message", "notice"),
    id: fc.constantFrom("pie", "soup"),
    version: fc.constant(1),
    locale: fc.constant("de"),
    title: fc.constant("Pie"),
    text: fc.constant("text"),
    class: fc.constant("safety"),
    steps: fc.array(fc.record({ text: fc.constant("Bake"), machine: settings }), { minLength: 1, maxLength: 3 }),
  });
const ordersOf = (settings: Settings) =>
  fc.oneof(
    fc.record({ name: fc.constantFrom("load_program", "load_program", "stop"), args: settings }),
    fc.record({
      name: fc.oneof(
        fc.constantFrom(...commandNames),
        fc.constantFrom("start", "start_program", "resume", "heat", "remote_start"),
      ),
      args: fc.oneof(settings, fc.dictionary(fc.string(), fc.jsonValue()), fc.constant({ remoteStartAllowed: true })),
    }),
  );
const firmware = fc.constant({
  manifest: signer.sign({
    model: "oven-x200",
    hardwareIds: ["x200-r1", "x200-r2"],
    version: "9.9.9",
    releaseCounter: 99,
    length: 10,
    sha256: "ab".repeat(32),
  }),
  href: "http://127.0.0.1:9/image",
});
const free = fc.dictionary(
  fc.constantFrom("operation", "heater", "setpoint_c", "program", "sampleMs", "locale"),
  fc.jsonValue(),
);

/** Anything that the inbox or the desired topic may carry: orders and recipes as they should be, every mixture of parts, and noise. */
function messagesFor(model: string) {
  const settings = settingsFor(model);
  const [recipe, orders] = [recipeOf(settings), ordersOf(settings)];
  const fitting = fc.oneof(
    fc.tuple(fc.constant("command"), orders),
    fc.tuple(fc.constant("recipe"), recipe),
    fc.tuple(fc.constant("firmware"), firmware),
  );
  const mixed = fc.tuple(fc.constantFrom(...deliveryKinds), fc.oneof(recipe, orders, firmware, free));
  const delivery = fc
    .tuple(
      fc.oneof({ weight: 2, arbitrary: fitting }, { weight: 1, arbitrary: mixed }),
      fc.uuid({ version: 7 }),
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom(startMs - 1, startMs + 86_400_000, startMs + 86_400_000),
      fc.integer({ min: 1, max: 5 }),
    )
    .map(([[kind, body], id, attempt, expiresAtMs, generation]) => ({
      id,
      kind,
      attempt,
      createdAtMs: startMs,
      expiresAtMs,
      priority: 5,
      generation,
      body,
    }));
  return fc.oneof(
    { weight: 6, arbitrary: delivery.map((value) => ({ channel: "inbox", value: value as unknown })) },
    {
      weight: 1,
      arbitrary: fc
        .record({ version: fc.nat(), state: free })
        .map((value) => ({ channel: "desired", value: value as unknown })),
    },
    { weight: 1, arbitrary: fc.jsonValue().map((value) => ({ channel: "inbox", value: value as unknown })) },
  );
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
  expect(appliance.state()).toMatchObject({ operation: "idle", heating: false, preloaded: [{ title: "HotAir" }] });
  expect(appliance.startPreloaded()).toEqual({ kind: "started" });
  clock.pass(60_000);
  appliance.tick();
  expect(appliance.state()).toMatchObject({ operation: "preheating", heating: true, preloaded: [] });
});
