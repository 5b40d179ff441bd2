import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { AilmentName } from "../device-sim/core/ailments.ts";
import { readRecording, recordingReadings } from "../device-sim/core/recorded-cook.ts";
import { defaultRules } from "../cloud/service/core/default-rules.ts";
import { type Firing, type Happening, replay } from "../cloud/service/core/replay.ts";
import { lived, livedBy } from "./support/lived.ts";

const dayMs = 86_400_000;
const toMs = Date.UTC(2026, 10, 28);

/** Everything that the default rules find on one appliance. */
function findings(model: string, happenings: readonly Happening[], untilMs = toMs): Firing[] {
  return defaultRules
    .filter(({ definition }) => definition.models?.includes(model) ?? true)
    .flatMap(({ definition }) => replay(definition, happenings, { appliance: { model }, untilMs }).firings);
}

const causesOf = (firings: readonly Firing[]) =>
  [...new Set(firings.filter(({ kind }) => kind === "raise").map(({ cause }) => cause))].toSorted();

/** Days: what counts steam programs takes longer than what looks at each of them. */
const failing: [AilmentName, string, string, number][] = [
  ["ageing_element", "oven-x200", "heating_element_ageing", 30],
  ["ageing_element", "oven-s80", "heating_element_ageing", 30],
  ["overheating", "oven-x200", "over_temperature", 30],
  ["overheating", "oven-s80", "over_temperature", 30],
  ["silent", "oven-x200", "silent", 30],
  ["aborts", "oven-x200", "programs_aborted", 30],
  ["frozen_sensor", "oven-x200", "sensor_frozen", 30],
  ["leaking_seal", "oven-x200", "door_seal_leaking", 30],
  ["scaling", "oven-s80", "descaling_due", 75],
  ["scaling", "dishwasher-d4", "descaling_due", 40],
  ["flapping_wifi", "oven-x200", "wifi_flapping", 30],
];

/** What the appliance says itself, such as that its salt is low, is no finding of ours. */
const isOurs = ({ cause }: Firing) => !cause.startsWith("fault:");

test.each(failing)("%s on %s is found as %s, and nothing else is", (name, model, cause, days) => {
  const fromMs = toMs - days * dayMs;
  let found = 0;
  // Who cooks once a week shows a failing part later: of four households three must show it.
  for (const seed of [3, 11, 18, 22]) {
    // What counts programs counts them from the first; the rest begins when the appliance knows itself.
    const sinceMs = name === "scaling" ? fromMs : fromMs + 12 * dayMs;
    const raises = findings(model, lived(livedBy(model, seed), fromMs, toMs, { name, sinceMs })).filter(
      (firing) => firing.kind === "raise" && isOurs(firing),
    );
    expect(raises.filter((one) => one.cause !== cause || one.atMs < sinceMs)).toEqual([]);
    if (raises.length > 0) found += 1;
    for (const { trace } of raises)
      expect(trace.readings.length + trace.events.length + (trace.baseline?.last.length ?? 0)).toBeGreaterThan(0);
  }
  expect(found).toBeGreaterThanOrEqual(3);
});

const isWord = (one: Happening, word: string) => one.kind === "event" && one.event.type.startsWith(word);

test("a connection that comes and goes is found by what the gateway saw, by what the appliance says, and by both: each drop once", () => {
  const model = "oven-x200";
  const [fromMs, sinceMs] = [toMs - 30 * dayMs, toMs - 18 * dayMs];
  const all = lived(livedBy(model, 11), fromMs, toMs, { name: "flapping_wifi", sinceMs });
  const raisesOf = (happenings: readonly Happening[]) =>
    findings(model, happenings).filter(({ kind, cause }) => kind === "raise" && cause === "wifi_flapping");
  const both = raisesOf(all);
  // A back-fill has the appliance's own words alone.
  const told = raisesOf(all.filter((one) => !isWord(one, "connection:")));
  const seen = raisesOf(all.filter((one) => !isWord(one, "network.")));
  expect(both.length).toBeGreaterThan(0);
  expect([told.length, seen.length]).toEqual([both.length, both.length]);
  for (const [at, { trace }] of both.entries()) {
    expect(trace.events).toHaveLength(6);
    // The sixth drop, and not the third that two told of.
    expect(trace.events.map(({ atMs }) => atMs)).toEqual(told[at]?.trace.events.map(({ atMs }) => atMs));
  }
});

/** A connection that ends every hour, for a reason. */
const often = (reason: string) =>
  Array.from({ length: 30 }, (_none, at): Happening => {
    const atMs = toMs - (30 - at) * 3_600_000;
    return { kind: "event", event: { id: `${at}`, atMs, type: "connection:closed", data: { reason } } };
  });

test("who says goodbye after each word, or whose gateway is stopped again and again, has no Wi-Fi that comes and goes", () => {
  for (const reason of ["closed", "shutdown", "revoked"])
    expect(causesOf(findings("oven-x200", often(reason)))).toEqual([]);
  for (const reason of ["lost", "keepalive", "taken_over"])
    expect(causesOf(findings("oven-x200", often(reason)))).toEqual(["wifi_flapping"]);
});

/** How urgent the rules find a fault. */
const severityOf = (code: string) =>
  defaultRules
    .filter(({ definition }) => {
      const event = { id: "1", atMs: toMs - 1_000, type: "fault.raised", data: { code } };
      return (
        replay(definition, [{ kind: "event", event }], { appliance: { model: "oven-x200" }, untilMs: toMs }).firings
          .length > 0
      );
    })
    .map(({ definition }) => definition.severity);

test("each fault that an appliance tells of is one rule's, and as urgent as it is", () => {
  const codes = ["over_temperature", "salt_low", "rinse_aid_low", "heating_element", "anything-else", "<>"];
  expect(codes.map(severityOf)).toEqual([["safety"], ["info"], ["info"], ["service"], ["service"], ["service"]]);
});

test("on 50 healthy ovens nothing is found in 30 days, and on 10 dishwashers only what they say themselves", () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const model = seed > 50 ? "dishwasher-d4" : seed % 2 === 0 ? "oven-s80" : "oven-x200";
    const firings = findings(model, lived(livedBy(model, seed * 7), toMs - 30 * dayMs, toMs, null));
    expect([seed, model, causesOf(seed > 50 ? firings.filter(isOurs) : firings)]).toEqual([seed, model, []]);
  }
});

/** Data for tests that is no part of the project: it lies beside it, or is not there. */
const cooks = join(import.meta.dirname, "../../shared/data/cooks");

/** A cook as an oven would have told of it that heats all the time: its cavity is the probe that has said most. */
function asOven(file: string, hotterBy: number): Happening[] {
  const readings = recordingReadings(readRecording(readFileSync(join(cooks, file), "utf8")), toMs);
  const counts = new Map<string, number>();
  for (const { m } of readings) for (const probe of Object.keys(m)) counts.set(probe, (counts.get(probe) ?? 0) + 1);
  const [chamber = ""] = [...counts].toSorted(([, one], [, other]) => other - one)[0] ?? [];
  return readings.flatMap(({ atMs, m }): Happening[] => {
    const value = m[chamber];
    if (typeof value !== "number") return [];
    const metrics = { cavity_c: value + hotterBy, power_w: 2_000, door_open: false };
    return [{ kind: "reading", reading: { atMs, metrics } }];
  });
}

test.skipIf(!existsSync(cooks))(
  "on recorded cooks nothing is found, and on the same ones much hotter what is too hot",
  () => {
    const files = readdirSync(cooks).filter((file) => file.endsWith(".csv"));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      const readings = recordingReadings(readRecording(readFileSync(join(cooks, file), "utf8")), toMs);
      const happenings = readings.map(({ atMs, m }): Happening => ({ kind: "reading", reading: { atMs, metrics: m } }));
      expect([file, causesOf(findings("probe-thermometer", happenings, toMs))]).toEqual([file, []]);
      for (const model of ["oven-x200", "oven-s80"]) {
        expect([file, model, causesOf(findings(model, asOven(file, 0)))]).toEqual([file, model, []]);
        expect([file, causesOf(findings(model, asOven(file, 220)))]).toEqual([file, ["over_temperature"]]);
      }
    }
  },
);
