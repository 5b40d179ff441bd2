/**
 * `npm run bench -- ingest|connections|fanout|download|rollout|live|search|rules|query|campaign|ledger|segments`: what Hearth does
 * beside bare aedes, Mosquitto, nginx, InfluxDB and a plain INSERT under the same load in the same run, interleaved, as medians of three
 * rounds. `--json` prints one line.
 */
import { parseArgs } from "node:util";
import { benchCampaign } from "./campaigns.ts";
import { benchConnections } from "./connections.ts";
import { benchDownload } from "./downloads.ts";
import { benchFanout } from "./fanout.ts";
import { say } from "./figures.ts";
import { benchIngest } from "./ingest.ts";
import { benchLedger } from "./ledger.ts";
import { benchLive } from "./live.ts";
import { peersHere } from "./peers.ts";
import { benchQuery } from "./query.ts";
import { benchRollout } from "./rollouts.ts";
import { benchRules } from "./rules.ts";
import { benchSearch } from "./search.ts";
import { benchSegments } from "./segments.ts";

const usage = `usage: npm run bench -- ingest [--shape hot|fleet] [--seconds 8] [--peers]
       npm run bench -- connections [--devices 15000] [--transport tcp|tls]
       npm run bench -- fanout [--devices 15000]
       npm run bench -- download [--clients 300] [--megabytes 20]
       npm run bench -- rollout [--devices 1000000]
       npm run bench -- live [--seconds 8]
       npm run bench -- search [--devices 1000000]
       npm run bench -- rules [--seconds 8]
       npm run bench -- query [--days 30]
       npm run bench -- campaign [--households 200000]
       npm run bench -- segments [--households 200000] [--seconds 8]
       npm run bench -- ledger [--households 20000]
each with [--json] [--rounds 3], connections and fanout with [--peers hearth,aedes,mosquitto]`;

function leave(why: string): never {
  say(`${why}\n${usage}`);
  process.exit(2);
}

/** `--peers` alone means all of them. */
const args = process.argv
  .slice(2)
  .flatMap((arg, at, all) => (arg === "--peers" && (all[at + 1] ?? "--").startsWith("--") ? [arg, "all"] : [arg]));

const { values, positionals } = parseArgs({
  args,
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "8" },
    shape: { type: "string" },
    devices: { type: "string" },
    households: { type: "string" },
    days: { type: "string", default: "30" },
    clients: { type: "string", default: "300" },
    megabytes: { type: "string", default: "20" },
    transport: { type: "string" },
    peers: { type: "string" },
  },
});

function count(
  name: "rounds" | "seconds" | "days" | "devices" | "households" | "clients" | "megabytes",
  usual = 0,
): number {
  const value = Number(values[name] ?? usual);
  return Number.isInteger(value) && value > 0
    ? value
    : leave(`--${name} wants a number above 0, and had ${values[name]}`);
}

async function run(): Promise<object> {
  const rounds = count("rounds");
  const [bench = ""] = positionals;
  switch (bench) {
    case "ingest": {
      const { shape } = values;
      if (shape !== undefined && shape !== "hot" && shape !== "fleet") return leave(`there is no shape ${shape}`);
      return benchIngest(shape ?? null, rounds, count("seconds") * 1_000, values.peers !== undefined);
    }
    case "connections": {
      const { transport } = values;
      if (transport !== undefined && transport !== "tcp" && transport !== "tls")
        return leave(`there is no transport ${transport}`);
      const asked = { deviceCount: count("devices", 15_000), rounds, names: peersHere(values.peers) };
      return benchConnections(asked, transport === undefined ? ["tcp", "tls"] : [transport]);
    }
    case "fanout":
      return benchFanout({ deviceCount: count("devices", 15_000), rounds, names: peersHere(values.peers) });
    case "download":
      return benchDownload({ clients: count("clients"), bytes: count("megabytes") * 1_000_000, rounds });
    case "rollout":
      return benchRollout({ devices: count("devices", 1_000_000), rounds });
    case "live":
      return benchLive(rounds, count("seconds") * 1_000);
    case "search":
      return benchSearch({ devices: count("devices", 1_000_000), rounds, perKind: 100 });
    case "rules":
      return benchRules({ rounds, durationMs: count("seconds") * 1_000, ovens: 50, days: 30 });
    case "campaign":
      return benchCampaign({ households: count("households", 200_000), rounds: count("rounds", 1) });
    case "ledger":
      return benchLedger({ households: count("households", 20_000), acts: 40_000, batch: 2_000, rounds });
    case "query":
      return benchQuery({ days: count("days"), rounds, asked: 50 });
    case "segments": {
      const households = count("households", 200_000);
      return benchSegments({ households, segments: 50, perS: 2_000, durationMs: count("seconds") * 1_000, rounds });
    }
    default:
      return leave(`there is no bench "${bench}"`);
  }
}

const answer = await run();
process.stdout.write(values.json ? `${JSON.stringify(answer)}\n` : `${JSON.stringify(answer, null, 2)}\n`);
