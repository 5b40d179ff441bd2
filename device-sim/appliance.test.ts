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

const settings = fc.record(
  {
    program: fc.constantFrom(...programNames),
    setpoint_c: fc.integer({ min: 20, max: 500 }),
    duration_s: fc.integer({ min: 1, max: 80_000 }),
    probe_c: fc.integer({ min: 20, max: 120 }),
  },
  { requiredKeys: ["program"] },
);
const recipe = fc.record({
  kind: fc.constantFrom("recipe", "message", "notice", "tip"),
  id: fc.constantFrom("pie", "soup"),
  version: fc.constant(1),
  locale: fc.constant("de"),
  title: fc.constant("Pie"),
  text: fc.constant("text"),
  class: fc.constant("safety"),
  steps: fc.array(fc.record({ text: fc.constant("Bake"), machine: settings }), { minLength: 1, maxLength: 3 }),
});
const orders = fc.record({
  name: fc.oneof(
    fc.constantFrom(...commandNames),
    fc.constantFrom("start", "start_program", "resume", "heat", "remote_start"),
  ),
  args: fc.oneof(settings, fc.dictionary(fc.string(), fc.jsonValue()), fc.constant({ remoteStartAllowed: true })),
});
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
const delivery = fc.record({
  id: fc.constant(0).map(() => randomUUIDv7()),
  kind: fc.constantFrom(...deliveryKinds),
  attempt: fc.integer({ min: 1, max: 3 }),
  createdAtMs: fc.constant(startMs),
  expiresAtMs: fc.constantFrom(startMs - 1, startMs + 30_000, startMs + 86_400_000),
  priority: fc.integer({ min: 0, max: 9 }),
  generation: fc.integer({ min: 1, max: 5 }),
  body: fc.oneof(recipe, orders, firmware, free),
});
const message = fc.oneof(
  fc.record({
    channel: fc.constant("inbox"),
    value: fc.oneof({ weight: 5, arbitrary: delivery }, { weight: 1, arbitrary: fc.jsonValue() }),
  }),
  fc.record({ channel: fc.constant("desired"), value: fc.record({ version: fc.nat(), state: free }) }),
  fc.record({ channel: fc.constant("inbox"), value: fc.string() }),
);

test.each(["oven-x200", "oven-s80", "dishwasher-d4"])(
  "no message turns the heater on: %s, with its people away",
  (model) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(message, fc.nat(1_200_000)), { maxLength: 20 }), (messages) => {
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
      }),
      { numRuns: 150 },
    );
  },
);

test("while a person cooks, a message can end it and cannot make it hotter", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(message, fc.nat(300_000)), { maxLength: 12 }), (messages) => {
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
