/**
 * The MQTT edge: lets devices in, makes what they say durable, delivers what the cloud says.
 *
 *                 +--------- Connections (who is here, presence, sweep) ---------+
 * Listeners --> FrameGate --own PUBLISH--> Spool --durable--> Uplink --batches-> |
 *                 |   <--PUBACK after the commit--+                              |
 *                 |--CONNECT--> Login <--identity, forget-- CacheStore           | link <--> cloud
 *                 |--request--> Enrolments --enrol, enrolled-------------------- |
 *                 |--SUBSCRIBE--> aedes <--retained-- BrokerMemory <-- Feeds <-- |
 *                 |   <--forwarded-+                                             |
 *                 +<-- inbox, desired (never queued) ---------------- deliver -- |
 *
 * A constructor does nothing but initialise; `start` opens the stores, restores the feeds, greets the cloud and then the port.
 */
import path from "node:path";
import type { Aedes } from "aedes";
import type { Logger } from "pino";
import type {
  CloudMessage,
  GatewayConfig,
  GatewayMessage,
  GatewayPorts,
  GatewayStatus,
} from "#protocol/link/messages.ts";
import { type Bounds, defaultBounds } from "./bounds.ts";
import { createBroker } from "./broker.ts";
import { BrokerMemory } from "./broker-memory.ts";
import { CacheStore } from "./cache-store.ts";
import { ClientCertificates } from "./client-certificates.ts";
import { type Admission, Connections } from "./connections.ts";
import { newCounters } from "./counters.ts";
import { Enrolments } from "./enrolments.ts";
import { Feeds } from "./feeds.ts";
import type { FrameGate } from "./frame-gate.ts";
import { LimitHits } from "./limit-hits.ts";
import type { Link } from "./link.ts";
import { Listeners } from "./listeners.ts";
import { Login } from "./login.ts";
import type { Clock } from "./platform/clock.ts";
import { SecurityReports } from "./security-reports.ts";
import { Spool } from "./spool.ts";
import { LmdbSpoolStore, type SpoolStore } from "./spool-store.ts";
import { SystemRecords } from "./system-records.ts";
import { Uplink } from "./uplink.ts";
import { Wires } from "./wires.ts";

export interface GatewayOptions {
  config: GatewayConfig;
  link: Link;
  clock: Clock;
  logger: Logger;
  newId: () => string;
  bounds?: Partial<Bounds>;
  /** Lets in others than devices, in another way. */
  admission?: Admission;
  /** Stands between the gateway and its spool's disk, for tests of slow and failing disks. */
  wrapSpoolStore?: (store: SpoolStore) => SpoolStore;
}

const sweepMsMax = 1_000;
/** A drain gives up on a cloud that takes nothing for this long: what is durable stays for the next start. */
const drainPatienceMs = 2_000;
const drainPollMs = 20;

export class Gateway {
  readonly #options: GatewayOptions;
  readonly #bounds: Bounds;
  readonly #bootId: string;
  readonly #counters = newCounters();
  readonly #hits = new LimitHits();
  readonly #drained = Promise.withResolvers<void>();
  readonly #firstFeeds = Promise.withResolvers<void>();
  #link: Link | null = null;
  #parts: Parts | null = null;
  #stopTimers: (() => void)[] = [];

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#bounds = { ...defaultBounds, ...options.bounds };
    this.#bootId = options.newId();
  }

  /** Resolves when the cloud asked for a drain and was told that it is done. */
  get drained(): Promise<void> {
    return this.#drained.promise;
  }

  /**
   * @returns the ports that devices connect to
   * @throws what `listen` threw, with its code (EADDRINUSE, EACCES...) and its port
   */
  async start(): Promise<GatewayPorts> {
    const { clock, config, link } = this.#options;
    const parts = await this.#assemble();
    this.#parts = parts;
    parts.spool.listen({
      onDurable: () => parts.uplink.pump(),
      onRoom: () => parts.connections.roomFreed(),
      onHealth: (healthy) => {
        if (healthy) parts.records.recovered();
        else this.#counters.spool_write_failures += 1;
      },
      onFull: () => this.#hits.hit("spoolBytes"),
    });
    const { limits } = config;
    const shortestMs = Math.min(
      limits.connectTimeoutMs,
      limits.loginTimeoutMs,
      limits.holdMsMax,
      limits.drainTimeoutMs,
    );
    this.#stopTimers.push(
      clock.every(Math.max(1, Math.min(sweepMsMax, shortestMs / 4)), () => this.#sweep(parts)),
      clock.every(this.#bounds.statusMs, () => this.#tick(parts)),
      clock.every(this.#bounds.securityWindowMs, () => parts.security.flush()),
    );
    const hasFeeds = await parts.feeds.restore();
    await parts.spool.keepEpoch();
    this.connect(link);
    if (!hasFeeds) await this.#firstFeeds.promise;
    return parts.listeners.open();
  }

  /** Takes a link to the cloud, in place of the one before it. */
  connect(link: Link): void {
    const parts = this.#parts;
    if (parts === null) return;
    this.#link = link;
    link.onMessage((message) => {
      if (this.#link === link && this.#parts !== null) this.#receive(message, parts);
    });
    link.onClosed(() => {
      if (this.#link !== link) return;
      this.#link = null;
      parts.login.linkDown();
      parts.wires.linkDown();
      parts.enrolments.linkDown();
      parts.uplink.lost();
    });
    parts.login.linkUp();
    parts.wires.linkDown();
    // What the link before this one was asked will not be answered.
    parts.enrolments.linkDown();
    parts.feeds.linkUp();
    parts.uplink.attach();
  }

  /** Ends everything; what is durable stays. */
  async stop(): Promise<void> {
    const parts = this.#parts;
    if (parts === null) return;
    this.#parts = null;
    for (const stop of this.#stopTimers) stop();
    parts.listeners.close();
    parts.connections.shutDown();
    parts.login.stop();
    parts.wires.linkDown();
    parts.enrolments.linkDown();
    parts.security.flush();
    await new Promise<void>((resolve) => parts.broker.close(resolve));
    await parts.spool.close();
    await parts.cache.close();
    this.#link = null;
  }

  async #assemble(): Promise<Parts> {
    const { config, clock, logger, newId, wrapSpoolStore = (store) => store } = this.#options;
    const { limits, spoolDir, spoolBytesMax, gatewayId } = config;
    const bounds = this.#bounds;
    const counters = this.#counters;
    const hits = this.#hits;
    const send = (message: GatewayMessage, transfer?: ArrayBuffer[]) => this.#link?.send(message, transfer);
    const store = wrapSpoolStore(new LmdbSpoolStore(path.join(spoolDir, "spool"), spoolBytesMax));
    const spool = new Spool({ store, bytesMax: spoolBytesMax, bounds, clock, newId, logger });
    const cache = new CacheStore(path.join(spoolDir, "cache"), bounds.identitiesMax);
    const certificates = new ClientCertificates({ cache, bounds, logger });
    const records = new SystemRecords(spool, clock);
    const security = new SecurityReports({ bounds, clock, logger, spool, records });
    hits.onHitBy((reason, address) => security.note({ kind: "limit_hit", reason, address, name: "" }));
    const login = new Login({ cache, certificates, bounds, limits, clock, counters, logger, security, ask: send });
    const bootId = this.#bootId;
    const { admission = login } = this.#options;
    const enrolments = new Enrolments({
      limits,
      bounds,
      clock,
      counters,
      hits,
      ask: (message) => {
        send(message);
        return this.#link !== null;
      },
    });
    const connected = (name: string) => connections.of(name)?.tape ?? null;
    const wires = new Wires({ bounds, clock, connected, send });
    const connections: Connections = new Connections({
      bootId,
      limits,
      bounds,
      counters,
      hits,
      clock,
      logger,
      spool,
      records,
      security,
      wires,
      admission,
      enrol: (gate, from, payload) => enrolments.request(gate, from, payload),
    });
    const accept = connections.accept.bind(connections);
    const listeners = new Listeners({ config, certificates, counters, hits, security, clock, logger, accept });
    const memory = new BrokerMemory({
      limits,
      hits,
      sessionDropped: (clientId) => {
        counters.sessions_dropped += 1;
        connections.of(clientId)?.close("stalled");
      },
      unreleased: (clientId) => connections.of(clientId)?.close("over_limit"),
    });
    const subscribed = (gate: FrameGate) => this.#sayReady(gate);
    const broker = await createBroker({ memory, limits, counters, hits, security, clock, logger, subscribed });
    connections.use(broker, memory);
    const feeds = new Feeds({ cache, memory, broker, limits, counters, hits, logger });
    const uplink = new Uplink({ spool, gatewayId, bootId, counters, logger, send });
    return {
      spool,
      cache,
      certificates,
      records,
      security,
      wires,
      login,
      enrolments,
      connections,
      listeners,
      memory,
      broker,
      feeds,
      uplink,
    };
  }

  #sweep({ connections, listeners }: Parts): void {
    const nowMs = this.#options.clock.nowMs();
    connections.sweep(nowMs);
    listeners.sweep(nowMs);
  }

  #receive(message: CloudMessage, parts: Parts): void {
    const { login, enrolments, uplink, feeds, connections } = parts;
    login.heard();
    switch (message.kind) {
      case "welcome":
        return this.#do("welcome", this.#welcomed(message, parts));
      case "credit":
        return uplink.addCredit(message.reader, message.batches);
      case "committed":
        return uplink.committed(message.reader, message.watermark);
      case "identity":
        return login.answered(message.askId, message.identity);
      case "forget":
        return this.#forget(message.name, message.disconnect, parts);
      case "enrolled":
        return enrolments.answered(message.askId, message.payload);
      case "watch":
        return parts.wires.watch(message.name, message.on);
      case "deliver":
        return this.#deliver(message, connections);
      case "feeds":
        return this.#do("feeds", feeds.replace(message.version, message.items).then(this.#firstFeeds.resolve));
      case "feeds_changed":
        return this.#do("feeds_changed", feeds.change(message.version, message.items));
      case "revoked":
        connections.revokeCertificates(parts.certificates.revoke(message.fingerprints, message.whole), (deviceId) =>
          parts.memory.forget(deviceId),
        );
        return;
      case "tls":
        return parts.listeners.renew(message.material);
      case "drain":
        return this.#do("drain", this.#drain(parts));
    }
  }

  /** Runs what takes its time. An error there is a bug: it is told, and the link goes on. */
  #do(event: string, work: Promise<void>): void {
    work.catch((error: unknown) => this.#options.logger.error({ event: `${event}_failed`, err: error }));
  }

  /**
   * Credentials changed, and may have got an end. Whoever was known is asked about at once: those who are connected are held to what is
   * new, also when the cloud is away by then, and those who are not can still come in.
   */
  #forget(name: string, disconnect: boolean, { login, memory, connections }: Parts): void {
    const wasKnown = login.forget(name);
    if (disconnect) {
      memory.forget(name);
      connections.revoke(name);
    }
    if (wasKnown || connections.of(name) !== undefined) this.#do("recheck", this.#recheck(name, login, connections));
  }

  async #recheck(name: string, login: Login, connections: Connections): Promise<void> {
    const identity = await login.identify(name);
    if (identity !== "silent") connections.credentialsChanged(name, identity);
  }

  async #welcomed(
    { watermark, pointsWatermark }: Extract<CloudMessage, { kind: "welcome" }>,
    { uplink, connections }: Parts,
  ): Promise<void> {
    await uplink.welcome(watermark, pointsWatermark);
    if (uplink.isUp) for (const gate of connections.joined()) this.#sayReady(gate);
  }

  #sayReady(gate: FrameGate): void {
    const channels = gate.downChannels();
    const identity = gate.access?.identity;
    if (!gate.isOpen || !identity || channels.length === 0) return;
    const { deviceId } = identity;
    this.#link?.send({ kind: "ready", deviceId, connectionId: gate.connectionId, channels });
  }

  #deliver(message: Extract<CloudMessage, { kind: "deliver" }>, connections: Connections): void {
    const { ref, deviceId, channel, payload } = message;
    const { clock } = this.#options;
    const refuse = (reason: "absent" | "busy") => {
      this.#counters.undelivered += 1;
      this.#link?.send({ kind: "not_written", ref, deviceId, reason });
    };
    const gate = connections.of(deviceId);
    if (gate === undefined) return refuse("absent");
    const refusal = gate.deliver(channel, payload, (written) => {
      if (!written) return refuse("absent");
      this.#counters.delivered += 1;
      this.#link?.send({ kind: "written", ref, deviceId, atMs: clock.nowMs() });
    });
    if (refusal !== null) refuse(refusal);
  }

  #tick({ spool, uplink, connections, listeners, memory }: Parts): void {
    spool.tick();
    const nowMs = this.#options.clock.nowMs();
    const { oldestReceivedAtMs } = spool;
    const status: GatewayStatus = {
      connections: connections.count,
      spoolRecords: spool.records,
      spoolBytes: spool.bytes,
      spoolBytesMax: spool.bytesMax,
      spoolOldestMs: oldestReceivedAtMs === null ? 0 : Math.max(0, nowMs - oldestReceivedAtMs),
      behind: uplink.behind(nowMs),
      spoolFull: spool.full,
      held: spool.held,
      connectsWaiting: listeners.waiting,
      heldBack: connections.heldBackCount,
      sessions: memory.sessionCount,
      queued: memory.queues.count,
      queuedBytes: memory.queues.bytes,
      retainedItems: memory.retained.count,
      retainedBytes: memory.retained.bytes,
      pubacks: spool.pubackLatency.counted(),
      counters: { ...this.#counters, ...this.#hits.counted() },
    };
    this.#link?.send({ kind: "status", status });
  }

  async #drain({ connections, listeners, security, spool, uplink }: Parts): Promise<void> {
    const { clock } = this.#options;
    listeners.close();
    connections.shutDown();
    security.flush();
    await spool.flush();
    let batches = this.#counters.batches;
    let progressAtMs = clock.nowMs();
    while (uplink.isUp && !uplink.hasOfferedAll && clock.nowMs() - progressAtMs < drainPatienceMs) {
      await new Promise<void>((resolve) => {
        clock.after(drainPollMs, resolve);
      });
      if (this.#counters.batches !== batches) progressAtMs = clock.nowMs();
      batches = this.#counters.batches;
    }
    this.#link?.send({ kind: "drained" });
    this.#drained.resolve();
  }
}

interface Parts {
  spool: Spool;
  cache: CacheStore;
  certificates: ClientCertificates;
  records: SystemRecords;
  security: SecurityReports;
  wires: Wires;
  login: Login;
  enrolments: Enrolments;
  connections: Connections;
  listeners: Listeners;
  memory: BrokerMemory;
  broker: Aedes;
  feeds: Feeds;
  uplink: Uplink;
}
