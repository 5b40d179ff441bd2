/**
 * A gateway in its worker thread between two parties: attackers, and one healthy device that publishes and receives all the while
 * and must notice nothing.
 */
import { type Socket, connect } from "node:net";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { MessageChannel, Worker } from "node:worker_threads";
import { gatewayLimits } from "#protocol/link/limits.ts";
import type { GatewayConfig, GatewayReport, GatewayStatus } from "#protocol/link/messages.ts";
import { type Attack, attackOf, attackerIds, healthyId } from "./attacks.ts";
import { PlayedCloud } from "./house.ts";
import { RawDevice, publish } from "./raw-device.ts";
import { until } from "./until.ts";

const inbox = `hearth/v1/devices/${healthyId}/inbox`;
const events = `hearth/v1/devices/${healthyId}/events`;
const recipes = "hearth/v1/content/oven-x200/de/recipes";
const roundCases = 32;
const patienceMs = 20;
const messageIdMax = 65_535;

/** What is left of the attackers in the gateway once they are gone. */
export interface Remains {
  connections: number;
  held: number;
  spoolRecords: number;
  /** Connections that were taken and have not ended, by the gateway's own counters. */
  open: number;
  /** Objects in the worker's heap: what stays behind each connection that is let go of wrongly. */
  gates: number;
  brokerClients: number;
}

export class Arena {
  readonly #cloud: PlayedCloud;
  readonly #worker: Worker;
  readonly #port: number;
  readonly #healthy: RawDevice;
  #round = 0;
  #uncaught: unknown = null;

  private constructor(cloud: PlayedCloud, worker: Worker, port: number, healthy: RawDevice) {
    this.#cloud = cloud;
    this.#worker = worker;
    this.#port = port;
    this.#healthy = healthy;
    worker.on("error", (error) => {
      this.#uncaught = error;
    });
  }

  /** @param spoolDir an empty folder */
  static async open(spoolDir: string): Promise<Arena> {
    const { port1, port2 } = new MessageChannel();
    const cloud = new PlayedCloud();
    cloud.attach(port1);
    cloud.say({ kind: "feeds", version: 1, items: [] });
    const config: GatewayConfig = {
      gatewayId: "gateway-1",
      mqtt: { host: "127.0.0.1", port: 0 },
      mqtts: null,
      spoolDir,
      spoolBytesMax: 67_108_864,
      logLevel: "silent",
      // Attackers are many here, and nobody is to wait for what each of them is kept waiting.
      limits: { ...gatewayLimits, refusalDelayMsMax: 5 },
    };
    const worker = new Worker(new URL("../worker.ts", import.meta.url), {
      workerData: { ...config, link: port2 },
      transferList: [port2],
    });
    const report = await new Promise<GatewayReport>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    if (report.kind === "failed") throw new Error(report.message);
    const port = report.ports.mqtt ?? 0;
    // Known once, attackers with a right token are let in however often one address fails.
    for (const id of attackerIds) (await RawDevice.login(port, id)).socket.destroy();
    const healthy = await RawDevice.login(port, healthyId);
    healthy.subscribe(1, inbox, recipes);
    await healthy.wait("suback");
    healthy.received.length = 0;
    return new Arena(cloud, worker, port, healthy);
  }

  /** Runs the cases from number `from` on. @throws naming the seed and the cases where the healthy device noticed something */
  async run(seed: number, from: number, cases: number, progress: (done: number) => void = () => {}): Promise<void> {
    for (let done = 0; done < cases; done += roundCases) {
      const first = from + done;
      const count = Math.min(roundCases, cases - done);
      try {
        await this.#play(Array.from({ length: count }, (_, at) => attackOf(seed, first + at)));
      } catch (cause) {
        throw new Error(`seed ${seed}, cases ${first} to ${first + count - 1}`, { cause });
      }
      progress(done + count);
    }
  }

  async #play(attacks: readonly Attack[]): Promise<void> {
    const round = this.#round;
    this.#round += 1;
    const messageId = (round % messageIdMax) + 1;
    const said = `{"round":${round}}`;
    const struck = Promise.all(attacks.map((attack) => strike(this.#port, attack)));
    this.#healthy.send(publish(events, messageId, said));
    this.#cloud.say({ kind: "deliver", ref: said, deviceId: healthyId, channel: "inbox", payload: said });
    this.#cloud.say({ kind: "feeds_changed", version: round + 2, items: [{ topic: recipes, payload: said }] });
    await struck;
    const device = this.#healthy;
    await until(
      () => this.#uncaught !== null || device.closed || device.received.length >= 3,
      "what the healthy expects",
    );
    if (this.#uncaught !== null) throw new Error("an error in the worker", { cause: this.#uncaught });
    const got = device.received.splice(0).map((packet) => {
      if (packet.cmd !== "publish") return `${packet.cmd} ${packet.messageId}`;
      device.send({ cmd: "puback", messageId: packet.messageId ?? 0 });
      return `${packet.topic} ${packet.payload.toString()}`;
    });
    const wanted = [`${inbox} ${said}`, `${recipes} ${said}`, `puback ${messageId}`];
    if (got.toSorted().join() !== wanted.toSorted().join()) throw new Error(`the healthy device got ${got.join()}`);
    await this.#checkRecords(said);
  }

  /** What the cloud heard in the healthy device's name is what it said, once; the rest came from those who may speak. */
  async #checkRecords(said: string): Promise<void> {
    const { records, messages } = this.#cloud;
    await until(() => records.some(({ channel, deviceId }) => deviceId === healthyId && channel === "events"), said);
    for (const { deviceId, channel, payload } of records.splice(0)) {
      if (channel === "security") continue;
      const text = Buffer.from(payload).toString();
      const isKnown = deviceId === healthyId || attackerIds.some((id) => id === deviceId);
      const isForged = deviceId === healthyId && channel !== "presence" && text !== said;
      if (!isKnown || isForged) throw new Error(`the cloud heard ${text} from ${deviceId} on ${channel}`);
    }
    messages.splice(0);
  }

  /** What the gateway holds once the attackers are gone; the healthy device is still there. */
  async remains(): Promise<Remains> {
    const status = await this.#cloud.waitStatus((one) => openOf(one) === 1 && one.held === 0 && one.spoolRecords === 0);
    // A refused connection lingers for a second, so that its client can read the answer: two more statuses, one a second.
    await this.#cloud.wait("status", this.#cloud.of("status").length + 2);
    const objects = await this.#objectsInHeap();
    return {
      connections: status.connections,
      held: status.held,
      spoolRecords: status.spoolRecords,
      open: openOf(status),
      gates: objects.get("FrameGate") ?? 0,
      brokerClients: objects.get("Client") ?? 0,
    };
  }

  async #objectsInHeap(): Promise<Map<string, number>> {
    // A snapshot collects garbage first, so that what it shows is held by something.
    const pieces: Buffer[] = [];
    for await (const piece of await this.#worker.getHeapSnapshot()) pieces.push(Buffer.from(piece));
    const { snapshot, nodes, strings }: HeapSnapshot = JSON.parse(Buffer.concat(pieces).toString());
    const width = snapshot.meta.node_fields.length;
    const objectType = snapshot.meta.node_types[0]?.indexOf("object");
    const counts = new Map<string, number>();
    for (let at = 0; at < nodes.length; at += width) {
      const name = strings[nodes[at + 1] ?? 0] ?? "";
      if (nodes[at] === objectType) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return counts;
  }

  async close(): Promise<void> {
    this.#healthy.socket.destroy();
    this.#cloud.say({ kind: "drain" });
    await this.#worker.terminate();
    this.#cloud.close();
  }
}

interface HeapSnapshot {
  snapshot: { meta: { node_fields: string[]; node_types: [string[]] } };
  nodes: number[];
  strings: string[];
}

function openOf({ counters }: GatewayStatus): number {
  let open = counters["connects"] ?? 0;
  for (const [name, count] of Object.entries(counters)) if (name.startsWith("closed_")) open -= count;
  return open;
}

async function strike(port: number, { opening, waits, pieces, ending }: Attack): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  // The gateway may end it at any moment: that is what is tried.
  socket.on("error", () => {});
  socket.write(opening);
  // Half an opening is answered by nothing, and nobody waits as long as the gateway does.
  if (waits) await Promise.race([answered(socket), sleep(patienceMs)]);
  if (ending === "deaf") socket.pause();
  else socket.resume();
  for (const piece of pieces) {
    if (socket.destroyed) break;
    socket.write(piece);
    await turn();
  }
  if (ending === "stay") await sleep(patienceMs);
  if (ending === "end" || ending === "stay") {
    socket.end();
    await until(() => socket.destroyed, "the gateway to let go of a connection that ended");
  } else {
    await flushed(socket);
    socket.destroy();
  }
}

const answered = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.once("data", () => resolve());
    socket.once("close", () => resolve());
  });

const flushed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.destroyed) return resolve();
    socket.once("close", () => resolve());
    socket.write("", () => resolve());
  });
