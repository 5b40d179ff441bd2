import fc from "fast-check";
import { expect, test } from "vitest";
import { deviceEvent } from "#protocol/device-event.ts";
import { isReading, readingsPerMessageMax } from "#protocol/reading.ts";
import { reported } from "#protocol/state.ts";
import { type AilmentName, ailmentNames, ailmentsOf } from "../core/ailments.ts";
import { personaNames } from "../core/household.ts";
import { loadModels } from "../models.ts";
import { shownBy } from "../testing/signs.ts";
import { history, type HistoryBatch, type HistoryOptions, type HistorySpec } from "./history.ts";

const models = loadModels();
const modelOf = (key: string) => {
  const found = models.get(key);
  if (found === undefined) throw new Error(key);
  return found;
};
const simulated = ["oven-x200", "oven-s80", "dishwasher-d4"].map(modelOf);
const dayMs = 86_400_000;
const toMs = Date.UTC(2026, 10, 28);
const specOf = (more: Partial<HistorySpec> & { model?: HistorySpec["model"] } = {}): HistorySpec => ({
  model: modelOf("oven-x200"),
  persona: "family",
  timeZone: "Europe/Berlin",
  locale: "de",
  seed: 1,
  ...more,
});

function told(
  spec: HistorySpec,
  days: number,
  ailment: { name: AilmentName; afterDays: number } | null = null,
  options: HistoryOptions = {},
) {
  const fromMs = toMs - days * dayMs;
  const suffers = ailment === null ? null : { name: ailment.name, sinceMs: fromMs + ailment.afterDays * dayMs };
  const batches: HistoryBatch[] = [...history(spec, fromMs, toMs, suffers, options)];
  return {
    batches,
    readings: batches.flatMap((batch) => batch.readings),
    events: batches.flatMap((batch) => batch.events),
    reported: batches.flatMap((batch) => batch.reported),
    presence: batches.flatMap((batch) => batch.presence),
    setpoint_c_max: spec.model.capabilities.setpoint_c_max,
    fromMs,
    toMs,
  };
}

const bytes = (seed: number) => JSON.stringify(told(specOf({ seed }), 10, { name: "flapping_wifi", afterDays: 5 }));

test("the same seed gives the same bytes, another seed others; and how it is gathered changes nothing of what is said", () => {
  expect(bytes(3)).toBe(bytes(3));
  expect(bytes(3)).not.toBe(bytes(4));
  const gathered = (gatherMs: number) => {
    const {
      readings,
      events,
      reported: states,
      presence,
    } = told(
      specOf({ firmware: [{ version: "2.0.0", fromMs: toMs - 4.3 * dayMs, faultRate: 0.5 }] }),
      8,
      { name: "flapping_wifi", afterDays: 5 },
      { gatherMs },
    );
    return { readings, events, states, presence };
  };
  expect(gathered(600_000)).toEqual(gathered(dayMs));
});

test("whoever lives there with whatever: readings and events fit the contract, lie in order, inside the time, and in batches that a message can hold", () => {
  fc.assert(
    fc.property(
      fc.record({
        model: fc.constantFrom(...simulated),
        persona: fc.constantFrom(...personaNames),
        timeZone: fc.constantFrom("Europe/Berlin", "America/Sao_Paulo", "Asia/Tokyo"),
        seed: fc.nat(100_000),
      }),
      fc.constantFrom(null, ...ailmentNames),
      (who, name) => {
        const all = told(specOf(who), 3, name === null ? null : { name, afterDays: 1 });
        for (const list of [all.readings, all.events, all.reported, all.presence])
          for (const [at, one] of list.entries()) {
            expect(one.atMs).toBeGreaterThanOrEqual(list[at - 1]?.atMs ?? all.fromMs);
            expect(one.atMs).toBeLessThan(toMs);
          }
        expect(new Set(all.readings.map(({ atMs }) => atMs)).size).toBe(all.readings.length);
        expect(new Set(all.events.map(({ id }) => id)).size).toBe(all.events.length);
        expect(all.readings.every(isReading)).toBe(true);
        expect(all.events.every((event) => deviceEvent.safeParse(event).success)).toBe(true);
        expect(all.reported.every((state) => reported.safeParse(state).success)).toBe(true);
        for (const { readings } of all.batches) expect(readings.length).toBeLessThanOrEqual(readingsPerMessageMax);
      },
    ),
    { numRuns: 30 },
  );
});

test("a sound appliance stays within what its model declares, says every metric, and its counters never fall", () => {
  for (const model of simulated) {
    const { readings } = told(specOf({ model }), 20);
    const seen = new Set<string>();
    const before = new Map<string, number>();
    for (const { m } of readings)
      for (const [name, value] of Object.entries(m)) {
        const declared = model.metrics.find((metric) => metric.name === name);
        seen.add(name);
        const least = declared?.kind === "counter" ? (before.get(name) ?? 0) : (declared?.min ?? -1e9);
        if (Number(value) < least || Number(value) > (declared?.max ?? 1e9)) expect.fail(`${name} is ${String(value)}`);
        before.set(name, Number(value));
      }
    expect([...seen].toSorted()).toEqual(model.metrics.map(({ name }) => name).toSorted());
  }
});

test("what began ends: each program of a sound appliance finishes, and its energy is what the counter counted", () => {
  const { readings, events } = told(specOf({ seed: 5 }), 20);
  const programs = events.filter(({ type }) => type.startsWith("program."));
  expect(programs.length).toBeGreaterThan(20);
  for (const [at, { type, atMs, data }] of programs.entries()) {
    expect(type).toBe(at % 2 === 0 ? "program.started" : "program.finished");
    if (type !== "program.finished") continue;
    const counted = (whenMs: number) => Number(readings.findLast((one) => one.atMs <= whenMs)?.m["energy_wh"]);
    const between_wh = counted(atMs) - counted(programs[at - 1]?.atMs ?? 0);
    expect(Math.abs(between_wh - Number(data["energy_wh"]))).toBeLessThan(15);
  }
});

test.each(simulated.map((model) => [model.key, model] as const))(
  "%s: each ailment shows in its own measure and only there, and a sound one in none",
  (_key, model) => {
    for (const seed of [1, 2, 3]) {
      // Hardly anybody steams as often as a baker.
      const spec = specOf({
        model,
        seed,
        persona: model.kind === "oven" && model.capabilities.steam ? "baker" : "family",
      });
      expect([seed, shownBy(told(spec, 30))]).toEqual([seed, []]);
      for (const name of ailmentsOf(model))
        expect([seed, shownBy(told(spec, 30, { name, afterDays: 3 }))]).toEqual([seed, [name]]);
    }
  },
);

test("nothing is heard of a silent one, but it is used as before: whoever goes on from its end finds what it used", () => {
  const [fromMs, sinceMs] = [toMs - 10 * dayMs, toMs - 5 * dayMs];
  const end = (name: AilmentName | null) => {
    const all = history(specOf(), fromMs, toMs, name === null ? null : { name, sinceMs });
    for (let next = all.next(); ; next = all.next()) if (next.done === true) return next.value;
  };
  expect(end("silent")).toEqual(end(null));
  const { readings, presence } = told(specOf(), 10, { name: "silent", afterDays: 5 });
  expect(readings.at(-1)?.atMs).toBeLessThan(sinceMs);
  expect(presence).toEqual([
    { atMs: fromMs, state: "connected" },
    { atMs: sinceMs + 90_000, state: "disconnected" },
  ]);
});

test("a bad release shows in the faults of those who run it, from when they run it", () => {
  const raisedBy: unknown[] = [];
  for (let seed = 0; seed < 8; seed += 1) {
    const firmware = [{ version: "2.0.0", fromMs: toMs - 10 * dayMs, faultRate: 0.4 }];
    const { events, reported: states } = told(specOf({ seed, firmware }), 20);
    expect(states.map(({ state }) => state["firmware"])).toEqual(["1.0.0", "2.0.0"]);
    const raised = events.filter(({ type }) => type === "fault.raised");
    raisedBy.push(...raised.map(({ data }) => data["firmware"]));
    expect(events.filter(({ type }) => type === "fault.cleared").length).toBe(raised.length);
  }
  expect(new Set(raisedBy)).toEqual(new Set(["2.0.0"]));
  expect(raisedBy.length).toBeGreaterThan(20);
});
