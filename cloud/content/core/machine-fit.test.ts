import fc from "fast-check";
import { expect, test } from "vitest";
import { type ContentItem, programNames, steamLevels } from "#protocol/content.ts";
import { model as modelSchema } from "#protocol/model.ts";
import { misfits } from "./machine-fit.ts";

const base = { key: "oven-x200", version: 1, brand: "Aurora", name: "X200", kind: "oven", hardwareIds: ["h"] };
const modelWith = (capabilities: object) => modelSchema.parse({ ...base, locales: ["en"], metrics: [], capabilities });

const recipe = (...machines: object[]): ContentItem => ({
  kind: "recipe",
  id: "r",
  version: 1,
  locale: "en",
  title: "Pie",
  summary: "",
  ingredients: [],
  steps: machines.map((machine) => ({ text: "Bake", machine: machine as { program: "HotAir" } })),
});

test("a recipe hotter than the appliance is refused by the number of the step", () => {
  const model = modelWith({ programs: ["HotAir", "SlowCook"], setpoint_c_max: 250 });
  expect(
    misfits(recipe({ program: "HotAir", setpoint_c: 250 }, { program: "HotAir", setpoint_c: 260 }), model),
  ).toEqual([{ pointer: "/steps/1/machine/setpoint_c", message: "step 2: X200 goes up to 250 °C" }]);
});

test("a program's own safety limits hold beside the appliance's", () => {
  const model = modelWith({
    programs: ["HotAir", "SlowCook"],
    setpoint_c_max: 250,
    probe: true,
    probe_c_max: 95,
    duration_s_max: 36_000,
    programLimits: [{ program: "SlowCook", setpoint_c_min: 60, setpoint_c_max: 120, duration_s_max: 28_800 }],
  });
  const messages = (machine: object) => misfits(recipe(machine), model).map(({ message }) => message);
  expect(messages({ program: "SlowCook", setpoint_c: 130, duration_s: 30_000 })).toEqual([
    "step 1: X200 goes up to 120 °C with Slow cook",
    "step 1: X200 runs at most 480 min at a time",
  ]);
  expect(messages({ program: "SlowCook", setpoint_c: 50 })).toEqual(["step 1: X200 starts at 60 °C with Slow cook"]);
  expect(messages({ program: "HotAir", setpoint_c: 250, probe_c: 96, steamLevel: "low" })).toEqual([
    "step 1: X200 measures up to 95 °C",
    "step 1: X200 has no steam",
  ]);
});

test("whatever a recipe asks, what passes is within every limit of the model", () => {
  const setpoint_c = fc.constantFrom(40, 60, 119, 120, 121, 249, 250, 251, 300);
  const machine = fc.record(
    {
      program: fc.constantFrom(...programNames),
      setpoint_c,
      duration_s: fc.constantFrom(60, 3_600, 3_601),
      probe_c: fc.constantFrom(50, 95, 96),
      steamLevel: fc.constantFrom(...steamLevels),
    },
    { requiredKeys: ["program"] },
  );
  const model = modelWith({
    programs: ["HotAir", "SlowCook"],
    setpoint_c_max: 250,
    probe: true,
    probe_c_max: 95,
    duration_s_max: 3_600,
    programLimits: [{ program: "SlowCook", setpoint_c_max: 120 }],
  });
  fc.assert(
    fc.property(fc.array(machine, { minLength: 1, maxLength: 5 }), (machines) => {
      const refused = new Set(misfits(recipe(...machines), model).map(({ pointer }) => pointer.split("/")[2]));
      for (const [at, one] of machines.entries()) {
        const isSafe =
          ["HotAir", "SlowCook"].includes(one.program) &&
          (one.setpoint_c ?? 0) <= (one.program === "SlowCook" ? 120 : 250) &&
          (one.duration_s ?? 0) <= 3_600 &&
          (one.probe_c ?? 0) <= 95 &&
          one.steamLevel === undefined;
        expect([one, refused.has(String(at))]).toEqual([one, !isSafe]);
      }
    }),
  );
});
