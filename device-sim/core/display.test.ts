import fc from "fast-check";
import { expect, test } from "vitest";
import { breakPart, newMachine } from "./machine.ts";
import { machineFaults } from "./faults.ts";
import { displayOf } from "./display.ts";
import type { Wear } from "./wear.ts";
import { selfTest } from "./self-test.ts";
import { modelOf, startMs } from "../testing/parts.ts";

const wifi = { connected: true, rssi_dbm: -50, connects: 1 };
const unseen = fc.array(fc.record({ deliveryId: fc.uuid(), title: fc.string(), isSafety: fc.boolean() }), {
  maxLength: 8,
});

test("while a program runs only a safety notice covers the display, and it comes first also when nothing runs", () => {
  fc.assert(
    fc.property(unseen, fc.boolean(), (waiting, isRunning) => {
      const { prompt, waiting: count } = displayOf(waiting, isRunning);
      const hasSafety = waiting.some(({ isSafety }) => isSafety);
      expect(count).toBe(waiting.length);
      if (hasSafety) expect(prompt?.isSafety).toBe(true);
      else if (isRunning) expect(prompt).toBeNull();
      else expect(prompt).toBe(waiting[0] ?? null);
    }),
  );
});

test.each(["oven-x200", "dishwasher-d4"])(
  "the self-test of %s names exactly what is broken, and touches nothing",
  (key) => {
    fc.assert(
      fc.property(fc.subarray([...machineFaults]), (broken) => {
        const whole = newMachine(modelOf(key), 7, startMs);
        const machine = broken.reduce(breakPart, whole);
        const { passed, parts } = selfTest(machine, wifi);
        const named = parts.flatMap(({ fault }) => fault ?? []);
        const own = new Set(
          selfTest(machineFaults.reduce(breakPart, whole), wifi).parts.flatMap(({ fault }) => fault ?? []),
        );
        expect(named.toSorted()).toEqual(broken.filter((fault) => own.has(fault)).toSorted());
        expect(passed).toBe(named.length === 0);
        expect(machine.heater).toBe(false);
      }),
    );
  },
);

test("each ailment that a part can show is named by the part that has it", () => {
  const sound = newMachine(modelOf("oven-x200"), 7, startMs);
  const ailing: [string, Partial<Wear>][] = [
    ["heating_element", { elementShare: 0.7 }],
    ["relay", { relaySticks: true }],
    ["temperature_sensor", { sensorSticksS: 300 }],
    ["door_seal", { leak_wPerK: 3 }],
    ["limescale", { scale: 0.5 }],
    ["control_board", { restartsAfterS: 600 }],
  ];
  for (const [part, worn] of ailing) {
    const { parts } = selfTest({ ...sound, wear: { ...sound.wear, ...worn } }, wifi);
    expect(parts.filter(({ ok }) => !ok).map((check) => check.part)).toEqual([part]);
  }
  expect(selfTest(sound, { ...wifi, rssi_dbm: -84 }).parts.find(({ ok }) => !ok)?.part).toBe("wifi");
  expect(selfTest(sound, wifi).passed).toBe(true);
});
