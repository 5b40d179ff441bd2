import { expect, test } from "vitest";
import { metricsRead, ruleSentence, wrongPlaces } from "./rules.ts";

const base = { title: "T", severity: "service", mode: "live" } as const;

test("each kind of rule reads as a sentence that names what it watches", () => {
  const hot = {
    ...base,
    kind: "threshold",
    metric: "cavity_c",
    direction: "above",
    limit: 290,
    clearAt: 270,
    holdMs: 20_000,
  };
  expect(ruleSentence(hot)).toBe("Cavity stays above 290\u00A0°C for 20 s; it is over when it is back at 270\u00A0°C.");
  expect(metricsRead(hot)).toEqual(["cavity_c"]);
  const seal = {
    ...base,
    kind: "trend",
    from: { type: "preheat.finished" },
    to: { type: "program.finished" },
    feature: { kind: "rate", metric: "energy_wh", per: { metric: "cavity_c" } },
    share: 0.35,
    direction: "above",
    baselineEpisodes: 6,
    episodes: 4,
  };
  expect(ruleSentence(seal)).toBe(
    "From a finished preheat to a finished program, how much energy it takes for each °C of cavity lies 35 % above the appliance’s own first 6 for the last 4.",
  );
  const fault = (more: object) => ({ ...base, kind: "fault", ...more });
  expect(ruleSentence(fault({}))).toBe("The appliance itself raises a fault; it is over when the appliance clears it.");
  expect(ruleSentence(fault({ codes: ["salt_low", "E1"] }))).toContain("a fault (salt_low or E1); it");
  expect(ruleSentence(fault({ notCodes: ["salt_low", "E1"] }))).toContain("a fault (any but salt_low and E1); it");
  const silent = { ...base, kind: "absence", of: { kind: "anything" }, forMs: 86_400_000, models: ["oven-x200"] };
  expect(ruleSentence(silent)).toBe("Nothing at all is heard from the appliance for 24 h. On oven-x200 alone.");
  const flapping = {
    ...base,
    kind: "count",
    event: { type: "connection:closed" },
    count: 6,
    windowMs: 172_800_000,
    quietMs: 259_200_000,
  };
  expect(ruleSentence(flapping)).toBe("A lost connection comes 6 times within 2 d; it is over after 3 d without.");
  const steam = { type: "program.finished", where: 'program == "Steam"' };
  const used = { ...base, kind: "accumulate", add: steam, limit: 30, reset: { type: "maintenance.done" } };
  expect(ruleSentence(used)).toBe(
    "The count of a finished program (where the program is “Steam”) reaches 30 since the last cleaning or descaling.",
  );
  const unopened = {
    ...base,
    kind: "absence",
    of: { kind: "event", event: { type: "door.opened" } },
    forMs: 86_400_000,
  };
  expect(ruleSentence(unopened)).toBe("No opened door comes for 24 h.");
  const pulled = { ...flapping, event: { type: "tray.pulled" } };
  expect(ruleSentence(pulled)).toMatch(/^tray.pulled comes 6 times/);
  expect(ruleSentence({ ...base, kind: "made_later" })).toBe("A rule of the kind made_later.");
});

test("what is wrong with a definition is said at its line", () => {
  const text = JSON.stringify({ kind: "count", event: { type: "x", where: "a +" }, count: 3 }, null, 2);
  expect(wrongPlaces(text, [{ pointer: "/body/event/where", message: "is no condition" }], "definition")).toEqual([
    { place: "event / where", message: "is no condition", line: 5 },
  ]);
  expect(wrongPlaces(text, [{ pointer: "/body", message: "is nothing" }], "definition")).toEqual([
    { place: "", message: "is nothing", line: null },
  ]);
});
