/** `npm run bench -- fanout`: one feed item published to a whole fleet over TCP, until the last device has it. */
import { perSecond, median, rounded, say } from "./figures.ts";
import { Fleet } from "./fleet.ts";
import type { Peer } from "./peer.ts";
import { type FleetBench, withPeer } from "./peers.ts";
import { cpuMs, untilQuiet } from "./process-figures.ts";
import { type Figures, Rounds } from "./rounds.ts";

export interface FanoutFigures extends Figures {
  /** From the publisher's request, for Hearth an HTTP request to the API, to the last device. */
  last_ms: number;
  /** From the first device to the last. */
  spread_ms: number;
  messages_per_s: number;
  /** Processor time of the server for each device, all its threads together. */
  cpu_us: number;
  /** Share of the spread that the load's process computed: at 1 it would be the bottleneck. */
  load_share: number;
}

/** Items in a round: the first compiles the code, and the figures are the median of all. */
const itemsPerRound = 5;

export async function measureFanout(peer: Peer, fleet: Fleet, items: number, quietMs: number): Promise<FanoutFigures> {
  await fleet.become(peer.devices);
  await fleet.connect(peer.port, false);
  const measured: FanoutFigures[] = [];
  for (let done = 0; done < items; done += 1) {
    await untilQuiet(peer.pid, quietMs);
    measured.push(await publishOne(peer, fleet, quietMs));
  }
  await fleet.disconnect();
  const of = (name: string) => median(measured.map((figures) => figures[name] ?? 0));
  return {
    last_ms: of("last_ms"),
    spread_ms: of("spread_ms"),
    messages_per_s: of("messages_per_s"),
    cpu_us: of("cpu_us"),
    load_share: of("load_share"),
  };
}

async function publishOne(peer: Peer, fleet: Fleet, quietMs: number): Promise<FanoutFigures> {
  const item = await peer.newItem();
  await fleet.watch(item.topic);
  const before = cpuMs(peer.pid);
  const sinceMs = performance.timeOrigin + performance.now();
  const [heard] = await Promise.all([fleet.heard(), item.publish()]);
  await untilQuiet(peer.pid, quietMs);
  const { devices, copies, firstAtMs, lastAtMs } = heard;
  const expected = peer.devices.length;
  if (devices !== expected || copies !== expected) {
    throw new Error(`${devices} of ${expected} devices got the item, in ${copies} copies`);
  }
  const spreadMs = lastAtMs - firstAtMs;
  return {
    last_ms: Math.round(lastAtMs - sinceMs),
    spread_ms: Math.round(spreadMs),
    messages_per_s: perSecond(devices, lastAtMs - sinceMs),
    cpu_us: Math.round(((cpuMs(peer.pid) - before) * 1_000) / devices),
    load_share: rounded(heard.cpuMs / spreadMs, 2),
  };
}

/** Medians of all rounds. The peers take turns, each round with a fresh server. */
export async function benchFanout({ deviceCount, rounds, names }: FleetBench) {
  const fleet = new Fleet();
  const figures = new Rounds();
  try {
    for (let round = 1; round <= rounds; round += 1) {
      for (const name of names) {
        const measured = await withPeer(name, deviceCount, (peer) => measureFanout(peer, fleet, itemsPerRound, 500));
        say(`${name}: ${JSON.stringify(measured)}`);
        figures.add(name, measured);
      }
    }
  } finally {
    await fleet.stop();
  }
  return { devices: deviceCount, rounds, ...figures.medians() };
}
