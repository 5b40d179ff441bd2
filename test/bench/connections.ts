/**
 * `npm run bench -- connections`: how fast a fleet comes in, with token login and two subscriptions each, and what each connection
 * that then says nothing holds in memory. Over TCP, and over TLS with full and with resumed handshakes.
 */
import { perSecond, rounded, say } from "./figures.ts";
import { Fleet } from "./fleet.ts";
import type { Peer } from "./peer.ts";
import { type FleetBench, type PeerName, withPeer } from "./peers.ts";
import { anonymousKb, cpuMs, untilQuiet } from "./process-figures.ts";
import { type Figures, Rounds } from "./rounds.ts";

export type Transport = "tcp" | "tls";

export interface ConnectionFigures extends Figures {
  /** Devices that came in a second: the first time, and again after all had gone, over TLS with the session that they had. */
  first_per_s: number;
  again_per_s: number;
  /** Processor time of the server for each, all its threads together. */
  first_cpu_us: number;
  again_cpu_us: number;
  /** Share of its time that the load's process computed: at 1 it would be the bottleneck. */
  first_load_share: number;
  again_load_share: number;
  /** Anonymous memory of the whole process for each idle connection, once every thread of a Node process has collected its garbage. */
  idle_kb: number;
  /** The same before that, when the process has just become quiet. */
  idle_uncollected_kb: number;
}

/** These come in and go before anything is measured: code is compiled by then, and what is made once is made. */
const warmUpMax = 200;
const collections = 2;

/** What is measured of a peer. */
export interface ConnectionPlan {
  transport: Transport;
  /** How many of its devices count; those beyond warm it up. */
  deviceCount: number;
  /** How long it must hardly compute before memory is looked at. */
  quietMs: number;
}

/** @throws where a handshake was resumed that had no session, or one was not that had */
export async function measureConnections(peer: Peer, fleet: Fleet, plan: ConnectionPlan): Promise<ConnectionFigures> {
  const { transport, deviceCount, quietMs } = plan;
  const tls = transport === "tls";
  const port = tls ? peer.tlsPort : peer.port;
  const quiet = () => untilQuiet(peer.pid, quietMs);

  const settledKb = async () => {
    for (let done = 0; done < collections; done += 1) {
      await quiet();
      peer.collectGarbage();
    }
    await quiet();
    return anonymousKb(peer.pid);
  };

  const connectAll = async (resumable: number) => {
    const before = cpuMs(peer.pid);
    const { ms, cpuMs: loadMs, resumed } = await fleet.connect(port, tls);
    if (resumed !== resumable) throw new Error(`${resumed} handshakes were resumed, and ${resumable} had a session`);
    // What a connection makes a server do goes on when the device has its SUBACK: presence is written, and what waits looked for.
    await quiet();
    return {
      perSecond: perSecond(deviceCount, ms),
      cpuUs: Math.round(((cpuMs(peer.pid) - before) * 1_000) / deviceCount),
      loadShare: rounded(loadMs / ms, 2),
    };
  };

  await fleet.become(peer.devices.slice(deviceCount));
  await fleet.connect(port, tls);
  await fleet.disconnect();
  await fleet.become(peer.devices.slice(0, deviceCount));
  const emptyKb = await settledKb();
  const first = await connectAll(0);
  const uncollectedKb = anonymousKb(peer.pid) - emptyKb;
  const idleKb = (await settledKb()) - emptyKb;
  await fleet.disconnect();
  await quiet();
  const again = await connectAll(tls ? deviceCount : 0);
  await fleet.disconnect();
  return {
    first_per_s: first.perSecond,
    again_per_s: again.perSecond,
    first_cpu_us: first.cpuUs,
    again_cpu_us: again.cpuUs,
    first_load_share: first.loadShare,
    again_load_share: again.loadShare,
    idle_kb: rounded(idleKb / deviceCount, 1),
    idle_uncollected_kb: rounded(uncollectedKb / deviceCount, 1),
  };
}

/** Medians of all rounds. The peers take turns, each transport with a fresh server. */
export async function benchConnections({ deviceCount, rounds, names }: FleetBench, transports: readonly Transport[]) {
  const fleet = new Fleet();
  const warmUp = Math.min(warmUpMax, deviceCount);
  const figures = { tcp: new Rounds(), tls: new Rounds() };
  const measure = async (name: PeerName, transport: Transport, peer: Peer) => {
    const measured = await measureConnections(peer, fleet, { transport, deviceCount, quietMs: 500 });
    say(`${transport} ${name}: ${JSON.stringify(measured)}`);
    figures[transport].add(name, measured);
  };
  try {
    for (let round = 1; round <= rounds; round += 1) {
      for (const transport of transports) {
        for (const name of names) {
          await withPeer(name, deviceCount + warmUp, (peer) => measure(name, transport, peer));
        }
      }
    }
  } finally {
    await fleet.stop();
  }
  return { devices: deviceCount, rounds, tcp: figures.tcp.medians(), tls: figures.tls.medians() };
}
