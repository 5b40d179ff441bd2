import { optionsIn, UsageError, whole } from "../command-line.ts";
import { readDuration } from "./core/duration.ts";

export const usage = `Hearth with a fleet of simulated appliances, on a data folder that goes when the demo ends.

  npm run demo
  npm run demo -- --for 45s --json

  --for TIME        end after so long: 45s, 2m, 1h; without it, with Ctrl-C
  --json            a JSON line a second, also in a terminal
  --appliances N    how many ovens and dishwashers (200)
  --history-days N  how many days of their past some of them tell first (30; 0 for none)
  --speed N         how much faster than real time they begin, until they reach the present (800)
  --seed N          who the appliances and their households are (1)

  HEARTH_MQTT_PORT and HEARTH_HTTP_PORT choose the ports; without them 1883 and 8080 where they are free.
  HEARTH_MQTTS_PORT and HEARTH_HTTPS_PORT do so for TLS (8883 and 8443).
`;

export interface DemoOptions {
  /** Without an end: null. */
  forMs: number | null;
  json: boolean;
  appliances: number;
  historyDays: number;
  speed: number;
  seed: number;
}

const optionTypes = {
  for: { type: "string" },
  json: { type: "boolean" },
  appliances: { type: "string" },
  "history-days": { type: "string" },
  speed: { type: "string" },
  seed: { type: "string" },
  help: { type: "boolean" },
} as const;

/** The story needs several ovens of each model, and a dishwasher. */
const appliancesMin = 10;

/** @returns null where only help was asked for. @throws UsageError */
export function readDemoOptions(args: readonly string[]): DemoOptions | null {
  const values = optionsIn(args, optionTypes);
  if (values.help === true) return null;
  return {
    forMs: readFor(values.for),
    json: values.json === true,
    appliances: whole("appliances", values.appliances, 200, [appliancesMin, 5_000]),
    historyDays: whole("history-days", values["history-days"], 30, [0, 90]),
    speed: whole("speed", values.speed, 800, [1, 10_000]),
    seed: whole("seed", values.seed, 1, [0, 1_000_000]),
  };
}

function readFor(text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = readDuration(text);
  if (ms === null) throw new UsageError(`--for must be a time such as 45s, 2m or 1h, not '${text}'.`);
  return ms;
}
