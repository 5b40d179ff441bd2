import { startAedes } from "./aedes.ts";
import { say } from "./figures.ts";
import { startHearth } from "./hearth.ts";
import { mosquittoIsThere, startMosquitto } from "./mosquitto.ts";
import type { Peer } from "./peer.ts";
import { openFilesMax } from "./process-figures.ts";

export type PeerName = "hearth" | "aedes" | "mosquitto";

/** What a bench of a whole fleet is asked for. */
export interface FleetBench {
  deviceCount: number;
  rounds: number;
  names: readonly PeerName[];
}

const starts: Record<PeerName, (deviceCount: number) => Promise<Peer>> = {
  hearth: startHearth,
  aedes: startAedes,
  mosquitto: startMosquitto,
};

const all: readonly PeerName[] = ["hearth", "aedes", "mosquitto"];

/** Those that can be measured here, in the order in which they take turns. @param wanted names with commas between, or `all` */
export const peersHere = (wanted = "all"): PeerName[] =>
  all.filter((name) => {
    const isThere = name !== "mosquitto" || mosquittoIsThere;
    if (!isThere) say("mosquitto is not installed");
    return isThere && (wanted === "all" || wanted.split(",").includes(name));
  });

/** Files that a server has open besides its devices' sockets: stores, libraries, its own ends of pipes. */
const otherFiles = 500;

/** Runs with a fresh server that knows so many devices, and ends it. */
export async function withPeer<Result>(
  name: PeerName,
  deviceCount: number,
  run: (peer: Peer) => Promise<Result>,
): Promise<Result> {
  const files = openFilesMax();
  if (deviceCount + otherFiles > files) {
    throw new Error(`--devices ${deviceCount} needs more open files than the ${files} of ulimit -Hn`);
  }
  const peer = await starts[name](deviceCount);
  try {
    return await run(peer);
  } finally {
    await peer.stop();
  }
}
