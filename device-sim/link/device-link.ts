import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { connack } from "#protocol/errors.ts";
import type { Timers } from "../platform/timers.ts";
import type { ConnectGate } from "./connect-gate.ts";
import { type Lane, Outbox, type OutboxBounds } from "./outbox.ts";

/** Messages on their way to the broker at a time, per appliance. */
const inFlightMax = 10;
/** SUBACK's return code for a filter that is refused (MQTT 3.1.1, clause 3.9.3). */
const subackDenied = 0x80;
const farewellMs = 1_000;

/** What an appliance proves itself with. */
export type LinkLogin =
  | { kind: "token"; token: string }
  /** PEM: the certificate and what leads from it to its root. */
  | { kind: "certificate"; certificate: string; privateKey: string };

export interface LinkDeps {
  broker: string;
  /** PEM of the root that the broker's certificate leads to; without it, the roots that the system believes. */
  ca?: string;
  deviceId: string;
  /** Asked at each connection, since it changes. */
  login: () => LinkLogin;
  gate: ConnectGate;
  timers: Timers;
  /** 0 to 1. */
  random: () => number;
  filters: () => string[];
  onMessage: (topic: string, payload: Uint8Array) => void;
  /** What was asked for is granted: from here on what it says goes out. */
  onReady?: () => void;
  /** A connection that was ready is gone, and nobody here ended it. */
  onLost?: () => void;
  bounds?: OutboxBounds;
  backOff?: { msMin: number; msMax: number };
}

export interface LinkCounters {
  connects: number;
  /** CONNACK other than 0, by code. */
  refused: Record<number, number>;
  acknowledged: number;
  resent: number;
  /** SUBSCRIBEs of which the broker refused a filter with 0x80. */
  deniedSubscribes: number;
}

/**
 * An appliance's connection: clean sessions, its own outbox, QoS 1, and patience.
 *
 *   resting --connect--> waiting for its turn --gate--> connecting --CONNACK 0--> subscribing --granted--> ready
 *      ^                                                    |                          |                     |
 *      +------------------------ back-off with jitter <-----+--------------------------+---------------------+
 *
 * Each connection is a client of its own, so that nothing but the outbox decides what is sent again.
 */
export class DeviceLink {
  readonly outbox: Outbox;
  readonly counters: LinkCounters = { connects: 0, refused: {}, acknowledged: 0, resent: 0, deniedSubscribes: 0 };
  readonly #deps: LinkDeps;
  #client: MqttClient | null = null;
  #ready = false;
  #inFlight = 0;
  #failures = 0;
  /** Leaves the queue or calls off the back-off, whichever it is waiting in. */
  #leave: (() => void) | null = null;
  #wanted = false;

  constructor(deps: LinkDeps) {
    this.#deps = deps;
    this.outbox = new Outbox(deps.bounds);
  }

  get connected(): boolean {
    return this.#ready;
  }

  start(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#queue();
  }

  /** Ends the connection, with a DISCONNECT where nothing is under way, and stays away until `start`. Nothing in the outbox is lost. */
  async stop(): Promise<void> {
    this.#wanted = false;
    this.#leave?.();
    this.#leave = null;
    const client = this.#client;
    if (client === null) return;
    const abruptly = !this.#ready || this.#inFlight > 0;
    this.#forget();
    await new Promise<void>((resolve) => {
      const giveUp = this.#deps.timers.after(farewellMs, () => {
        client.stream.destroy();
        resolve();
      });
      client.end(abruptly, () => {
        giveUp();
        resolve();
      });
    });
  }

  /** The network is cut under it: no DISCONNECT, and it comes back by itself. */
  cut(): void {
    const client = this.#client;
    if (client === null) return;
    if (this.#ready) this.#deps.onLost?.();
    this.#forget();
    client.end(true);
    this.#retry();
  }

  /** @param settled called once it was acknowledged */
  send(lane: Lane, topic: string, payload: string, settled?: () => void): void {
    this.outbox.add(lane, { topic, payload, settled });
    this.#pump();
  }

  /** Asks for the filters again, where what is wanted has changed. */
  resubscribe(gone: string[]): void {
    const client = this.#client;
    if (client === null || !this.#ready) return;
    if (gone.length > 0) client.unsubscribe(gone);
    this.#subscribe(client);
  }

  #queue(): void {
    let admitted = false;
    this.#leave = null;
    const leave = this.#deps.gate.enter(() => {
      admitted = true;
      this.#leave = null;
      this.#connect();
    });
    // The gate may open before `enter` returns, and then there is no queue to leave.
    if (!admitted) this.#leave = leave;
  }

  #connect(): void {
    const { broker, ca, deviceId, login } = this.#deps;
    const options: IClientOptions = {
      clientId: deviceId,
      ...proof(deviceId, login()),
      ...(ca === undefined ? {} : { ca }),
      clean: true,
      protocolVersion: 4,
      keepalive: 60,
      connectTimeout: 15_000,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      timerVariant: "native",
    };
    const client = connect(broker, options);
    this.#client = client;
    const isCurrent = (): boolean => this.#client === client;
    client.on("connect", () => {
      if (!isCurrent()) return;
      this.counters.connects += 1;
      this.#subscribe(client);
    });
    client.on("message", (topic, payload) => {
      if (isCurrent()) this.#deps.onMessage(topic, payload);
    });
    client.on("error", (error) => {
      const code = "code" in error && typeof error.code === "number" ? error.code : null;
      if (code !== null && code !== connack.accepted)
        this.counters.refused[code] = (this.counters.refused[code] ?? 0) + 1;
    });
    client.on("close", () => {
      if (isCurrent()) this.cut();
    });
  }

  #subscribe(client: MqttClient): void {
    client.subscribe(this.#deps.filters(), { qos: 1 }, (error) => {
      if (this.#client !== client) return;
      const denied = error !== null && "code" in error && error.code === subackDenied;
      if (error !== null && !denied) {
        // A broker that does not answer SUBSCRIBE would leave the appliance deaf: better to come again.
        this.cut();
        return;
      }
      if (denied) this.counters.deniedSubscribes += 1;
      this.#failures = 0;
      const isFirst = !this.#ready;
      this.#ready = true;
      if (isFirst) this.#deps.onReady?.();
      this.#pump();
    });
  }

  #pump(): void {
    const client = this.#client;
    if (client === null) return;
    while (this.#ready && this.#inFlight < inFlightMax) {
      const entry = this.outbox.take();
      if (entry === null) return;
      this.#inFlight += 1;
      client.publish(entry.topic, entry.payload, { qos: 1 }, (error) => {
        // The connection that it went out on is gone, and with it the count; the outbox has it still.
        if (this.#client !== client) return;
        this.#inFlight -= 1;
        if (error !== undefined && error !== null) return;
        this.counters.acknowledged += 1;
        this.outbox.settle(entry);
        this.#pump();
      });
    }
  }

  #forget(): void {
    this.#client = null;
    this.#ready = false;
    this.counters.resent += this.#inFlight;
    this.#inFlight = 0;
    this.outbox.rewind();
  }

  #retry(): void {
    if (!this.#wanted || this.#leave !== null) return;
    const { msMin, msMax } = this.#deps.backOff ?? { msMin: 500, msMax: 30_000 };
    const ceilingMs = Math.min(msMax, msMin * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    this.#leave = this.#deps.timers.after(ceilingMs * (0.5 + this.#deps.random() / 2), () => {
      this.#queue();
    });
  }
}

/** The client id is the device's own in any case; a certificate says the rest. */
const proof = (deviceId: string, login: LinkLogin): IClientOptions =>
  login.kind === "token"
    ? { username: deviceId, password: login.token }
    : { cert: login.certificate, key: login.privateKey };
