import { checkAddress, optionsIn, UsageError, whole } from "../command-line.ts";

export const usage = `Gives a seeded fleet its history at full speed: what its ovens and dishwashers would have measured and said over the last days,
through the gateway and as the appliances themselves.

  npm run backfill -- --url http://127.0.0.1:8080 --key KEY [--days 30] [--count 50] [--seed 1]

  --url URL --key KEY      Hearth's API, and a key that may register appliances
  --broker URL             mqtt://127.0.0.1:1883
  --ca FILE                PEM of the root that the broker's certificate leads to
  --days N                 how far back their history goes (30)
  --count N                how many appliances (50)
  --seed N                 who they are, and what they and their households did (1)
  --ailing N               every Nth is worn in some way: an ageing element, a leaking seal, ... (10; 0 for none)
  --households             gives them households first, so that what they did earns points
  --file FILE              what was begun, with the appliances' tokens (hearth-backfill-SEED.json): run again with it, it goes on
                           where it ended and moves nothing twice; npm run sim -- --devices FILE goes on from there
  --patience SECONDS       give up where nothing was acknowledged for so long (60)
  --json                   a JSON line a second, also in a terminal
  --allow-remote           brokers and APIs that are not on this machine

  It ends with 0 when all of it is durable, 1 where it cannot do what was asked, 2 where the gateway takes it no further, 130 with
  Ctrl-C. After the last two the same command goes on.
`;

export interface BackfillCliOptions {
  url: string;
  key: string;
  broker: string;
  ca: string | null;
  days: number;
  count: number;
  seed: number;
  ailing: number;
  households: boolean;
  file: string;
  patienceMs: number;
  json: boolean;
  allowRemote: boolean;
}

const optionTypes = {
  url: { type: "string" },
  key: { type: "string" },
  broker: { type: "string" },
  ca: { type: "string" },
  days: { type: "string" },
  count: { type: "string" },
  seed: { type: "string" },
  ailing: { type: "string" },
  households: { type: "boolean" },
  file: { type: "string" },
  patience: { type: "string" },
  json: { type: "boolean" },
  "allow-remote": { type: "boolean" },
  help: { type: "boolean" },
} as const;

/** @returns null where only help was asked for. @throws UsageError */
export function readBackfillOptions(args: readonly string[]): BackfillCliOptions | null {
  const values = optionsIn(args, optionTypes);
  if (values.help === true) return null;
  const { url, key, broker = "mqtt://127.0.0.1:1883" } = values;
  if (url === undefined || key === undefined)
    throw new UsageError("--url and --key must say where the appliances are registered.");
  const allowRemote = values["allow-remote"] === true;
  checkAddress("url", url, ["http:", "https:"], allowRemote);
  checkAddress("broker", broker, ["mqtt:", "mqtts:", "ws:", "wss:"], allowRemote);
  const seed = whole("seed", values.seed, 1, [0, 1_000_000]);
  return {
    url,
    key,
    broker,
    ca: values.ca ?? null,
    days: whole("days", values.days, 30, [1, 400]),
    count: whole("count", values.count, 50, [1, 20_000]),
    seed,
    ailing: whole("ailing", values.ailing, 10, [0, 20_000]),
    households: values.households === true,
    file: values.file ?? `hearth-backfill-${seed}.json`,
    patienceMs: 1_000 * whole("patience", values.patience, 60, [1, 3_600]),
    json: values.json === true,
    allowRemote,
  };
}
