import { presenceTypes, ruleDefinition, type RuleDefinition } from "./rule.ts";

const [minuteMs, dayMs] = [60_000, 86_400_000];

const definition = (rule: unknown): RuleDefinition => ruleDefinition.parse(rule);
const ruleId = (number: number) => `01890000-0000-7000-8000-${String(number).padStart(12, "0")}`;

const overTemperature = {
  kind: "threshold",
  title: "Cavity too hot",
  severity: "safety",
  metric: "cavity_c",
  direction: "above",
  holdMs: 20_000,
  cause: "over_temperature",
};

/** The fault by which an appliance protects itself: nobody should use it until it is mended. */
const protective = "over_temperature";
/** What the household fills up itself. */
const refills = ["salt_low", "rinse_aid_low"];

/**
 * What ships with Hearth. A maker changes a rule like any other of theirs, or switches it off: each is put there once, as a version 1,
 * and nothing of it is ever put back.
 */
export const defaultRules: readonly { id: string; definition: RuleDefinition }[] = [
  {
    id: ruleId(1),
    definition: definition({ ...overTemperature, limit: 290, clearAt: 270 }),
  },
  {
    id: ruleId(2),
    definition: definition({
      kind: "fault",
      title: "Fault reported by the appliance",
      severity: "service",
      notCodes: [protective, ...refills],
    }),
  },
  {
    // Its bimetal opens at 260 °C, so what is too hot for others it never reaches.
    id: ruleId(3),
    definition: definition({ ...overTemperature, models: ["oven-s80"], limit: 248, clearAt: 235 }),
  },
  {
    // Between 60 and 120 °C neither the setpoint nor what will be cooked shows, and a door that was opened spoils the episode.
    id: ruleId(4),
    definition: definition({
      kind: "trend",
      title: "Heating element ageing",
      severity: "service",
      cause: "heating_element_ageing",
      from: { type: "program.started" },
      to: { type: "preheat.finished" },
      feature: { kind: "rise", metric: "cavity_c", from: 60, to: 120 },
      where: "!door_open",
      baselineEpisodes: 6,
      episodes: 4,
      share: 0.15,
      direction: "below",
    }),
  },
  {
    // What it takes to hold each degree above the kitchen's, once the food's first cold is over.
    id: ruleId(5),
    definition: definition({
      kind: "trend",
      title: "Door seal leaks heat",
      severity: "service",
      cause: "door_seal_leaking",
      from: { type: "preheat.finished" },
      to: { type: "program.finished" },
      feature: { kind: "rate", metric: "energy_wh", per: { metric: "cavity_c", above: 20 } },
      where: "!door_open",
      skipMs: 15 * minuteMs,
      minMs: 10 * minuteMs,
      baselineEpisodes: 6,
      episodes: 4,
      share: 0.35,
      direction: "above",
    }),
  },
  {
    id: ruleId(6),
    definition: definition({
      kind: "frozen",
      title: "Temperature sensor stuck",
      severity: "safety",
      cause: "sensor_frozen",
      metric: "cavity_c",
      withinDelta: 0.2,
      holdMs: 3 * minuteMs,
      driver: { metric: "power_w", above: 1_000 },
      readingsMin: 8,
    }),
  },
  {
    id: ruleId(7),
    definition: definition({
      kind: "absence",
      title: "Appliance is silent",
      severity: "info",
      cause: "silent",
      of: { kind: "anything" },
      forMs: dayMs,
    }),
  },
  {
    // What a person stops is theirs to stop.
    id: ruleId(8),
    definition: definition({
      kind: "count",
      title: "Programs break off again and again",
      severity: "service",
      cause: "programs_aborted",
      event: { type: "program.aborted", where: 'by == "fault"' },
      count: 3,
      windowMs: 7 * dayMs,
      quietMs: 7 * dayMs,
    }),
  },
  {
    id: ruleId(9),
    definition: definition({
      kind: "accumulate",
      title: "Descaling due",
      severity: "info",
      cause: "descaling_due",
      add: { type: "program.finished", where: 'program == "Steam"' },
      limit: 9,
      reset: { type: "maintenance.done", where: 'kind == "descale"' },
    }),
  },
  {
    id: ruleId(10),
    definition: definition({
      kind: "accumulate",
      title: "Descaling due",
      severity: "info",
      models: ["dishwasher-d4"],
      cause: "descaling_due",
      add: { type: "program.finished" },
      limit: 26,
      reset: { type: "maintenance.done", where: 'kind == "descale"' },
    }),
  },
  {
    // A router that restarts every night is no matter for service.
    id: ruleId(11),
    definition: definition({
      kind: "count",
      title: "Wi-Fi comes and goes",
      severity: "info",
      cause: "wifi_flapping",
      // Who says goodbye did not lose its connection, and neither did whose gateway was stopped.
      event: { type: presenceTypes.closed, where: 'reason in ["lost", "keepalive", "taken_over", "stalled"]' },
      // The gateway notices when the keep-alive runs out; the appliance tells when it is back, also of a time that is only told later.
      alsoToldBy: {
        events: [{ type: "network.restored", atField: "lostAtMs" }, { type: "network.lost" }],
        withinMs: 3 * minuteMs,
      },
      count: 6,
      windowMs: 2 * dayMs,
      quietMs: 3 * dayMs,
    }),
  },
  {
    id: ruleId(12),
    // What its readings show is the same matter: whoever is first, it is one case.
    definition: definition({
      kind: "fault",
      title: "Appliance protects itself",
      severity: "safety",
      codes: [protective],
      cause: overTemperature.cause,
    }),
  },
  {
    id: ruleId(13),
    definition: definition({ kind: "fault", title: "Something runs out", severity: "info", codes: refills }),
  },
];
