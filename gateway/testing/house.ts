/** A gateway with a cloud that a test plays: real sockets, a real spool, a real MessagePort. */
import { createHash, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { pino } from "pino";
import { type GatewayLimits, gatewayLimits } from "#protocol/link/limits.ts";
import {
  type ClaimIdentity,
  type CloudMessage,
  type DeviceIdentity,
  type GatewayMessage,
  type GatewayStatus,
  claimPrefix,
  linkLimits,
} from "#protocol/link/messages.ts";
import { type SequencedRecord, type UpRecord, decodeChunk } from "#protocol/link/up-chunk.ts";
import type { Bounds } from "../bounds.ts";
import type { Admission } from "../connections.ts";
import { Gateway } from "../gateway.ts";
import { portLink } from "../link.ts";
import { type Clock, systemClock } from "../platform/clock.ts";
import type { SpoolStore } from "../spool-store.ts";
import type { TestCa } from "./test-ca.ts";
import { until } from "./until.ts";

/** Tests wait for what a status says. */
const statusMs = 100;

const tokenHash = (token: string): string => createHash("sha256").update(token).digest("hex");

/** @param ending further tokens, each with the end of its grace */
export const deviceIdentity = (
  deviceId: string,
  model: string,
  token: string,
  ending: Readonly<Record<string, number>> = {},
): DeviceIdentity => ({
  kind: "device",
  deviceId,
  model,
  tokens: [
    { sha256: tokenHash(token), validUntilMs: null },
    ...Object.entries(ending).map(([old, validUntilMs]) => ({ sha256: tokenHash(old), validUntilMs })),
  ],
});

const claimIdentity = (batch: string, secret: string): ClaimIdentity => ({
  kind: "claim",
  batch,
  tokens: [{ sha256: tokenHash(secret), validUntilMs: null }],
});

/** The other end of the link. It keeps a watermark for each epoch, and can be made to do nothing. */
export class PlayedCloud {
  readonly messages: GatewayMessage[] = [];
  readonly records: SequencedRecord[] = [];
  readonly watermarks = new Map<string, number>();
  /** Devices it knows: every id from its own token unless `null`. */
  readonly devices = new Map<string, { model: string; token: string; ending?: Record<string, number> } | null>();
  /** Claim secrets of the production batches it knows. */
  readonly batches = new Map<string, string>();
  /** Hears and says nothing. */
  silent = false;
  /** Commits what comes, at once. */
  commits = true;
  /** What a second reader was offered, whether there is one, and whether it commits what comes. */
  readonly pointRecords: SequencedRecord[] = [];
  points: "none" | "commits" | "stands" = "none";
  readonly #pointsWatermarks = new Map<string, number>();
  #port: MessagePort | null = null;
  #epoch = "";

  attach(port: MessagePort): void {
    this.#port = port;
    port.on("message", (message: GatewayMessage) => {
      this.messages.push(message);
      if (!this.silent) this.#answer(message);
    });
  }

  say(message: CloudMessage): void {
    this.#port?.postMessage(message);
  }

  of<K extends GatewayMessage["kind"]>(kind: K): Extract<GatewayMessage, { kind: K }>[] {
    return this.messages.filter((one): one is Extract<GatewayMessage, { kind: K }> => one.kind === kind);
  }

  async wait<K extends GatewayMessage["kind"]>(kind: K, count = 1): Promise<Extract<GatewayMessage, { kind: K }>> {
    return until(() => this.of(kind)[count - 1], `${kind} number ${count} on the link`);
  }

  async waitRecords(count: number, channel?: UpRecord["channel"]): Promise<SequencedRecord[]> {
    const found = () => this.records.filter((record) => channel === undefined || record.channel === channel);
    await until(() => found().length >= count, `${count} records of ${channel ?? "any channel"}`);
    return found();
  }

  async waitStatus(fits: (status: GatewayStatus) => boolean): Promise<GatewayStatus> {
    return until(
      () =>
        this.of("status")
          .map(({ status }) => status)
          .findLast(fits),
      "a status",
    );
  }

  /** A status of after this call. */
  async waitNextStatus(fits: (status: GatewayStatus) => boolean): Promise<GatewayStatus> {
    // The next one may be on its way already.
    const known = this.of("status").length + 1;
    const found = await until(
      () => this.of("status").find(({ status }, at) => at >= known && fits(status)),
      "a status of now",
    );
    return found.status;
  }

  /** Resolves when the gateway says that it is done, however long it lives. */
  async waitDrained(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#port?.on("message", (message: GatewayMessage) => {
        if (message.kind === "drained") resolve();
      });
    });
  }

  /** Resolves once the gateway has done what it was told before. */
  async heard(): Promise<void> {
    const ref = randomUUID();
    this.say({ kind: "deliver", ref, deviceId: "nobody", channel: "inbox", payload: "" });
    await until(() => this.of("not_written").some((message) => message.ref === ref), "the gateway to hear");
  }

  /** The second reader commits up to a watermark. */
  commitPoints(watermark: number, credit = 1): void {
    this.#pointsWatermarks.set(this.#epoch, watermark);
    this.say({ kind: "committed", reader: "points", watermark });
    this.say({ kind: "credit", reader: "points", batches: credit });
  }

  /** Commits up to a watermark by hand. */
  commit(watermark: number, credit = 1): void {
    this.watermarks.set(this.#epoch, watermark);
    this.say({ kind: "committed", reader: "effects", watermark });
    this.say({ kind: "credit", reader: "effects", batches: credit });
  }

  close(): void {
    this.#port?.close();
  }

  #answer(message: GatewayMessage): void {
    if (message.kind === "hello") {
      this.#epoch = message.spoolEpoch;
      this.say({
        kind: "welcome",
        watermark: this.watermarks.get(message.spoolEpoch) ?? -1,
        pointsWatermark: this.points === "none" ? null : (this.#pointsWatermarks.get(message.spoolEpoch) ?? -1),
      });
      this.say({ kind: "credit", reader: "effects", batches: linkLimits.batchesInFlight });
      if (this.points !== "none") this.say({ kind: "credit", reader: "points", batches: linkLimits.batchesInFlight });
    } else if (message.kind === "who") {
      const { askId, name: deviceId } = message;
      if (deviceId.startsWith(claimPrefix)) return this.#answerClaim(askId, deviceId.slice(claimPrefix.length));
      const device = this.devices.has(deviceId)
        ? this.devices.get(deviceId)
        : { model: "oven-x200", token: `token of ${deviceId}`, ending: {} };
      const identity = device ? deviceIdentity(deviceId, device.model, device.token, device.ending) : null;
      this.say({ kind: "identity", askId, identity });
    } else if (message.kind === "batch") {
      this.#takeBatch(message);
    }
  }

  #answerClaim(askId: number, batch: string): void {
    const secret = this.batches.get(batch);
    this.say({ kind: "identity", askId, identity: secret === undefined ? null : claimIdentity(batch, secret) });
  }

  #takeBatch({ reader, firstSequence, chunks }: Extract<GatewayMessage, { kind: "batch" }>): void {
    let next = firstSequence;
    for (const chunk of chunks) {
      const records = decodeChunk(chunk, next);
      (reader === "points" ? this.pointRecords : this.records).push(...records);
      next += records.length;
    }
    if (reader === "points") {
      if (this.points === "commits") this.commitPoints(next - 1);
    } else if (this.commits) {
      this.commit(next - 1);
    }
  }
}

export interface HouseOptions {
  dir?: string;
  cloud?: PlayedCloud;
  limits?: Partial<GatewayLimits>;
  bounds?: Partial<Bounds>;
  spoolBytesMax?: number;
  port?: number;
  /** Listens for TLS as well, with these certificates. */
  ca?: TestCa;
  tlsPort?: number;
  /** Say the first feeds at once, so that the port opens. */
  feeds?: boolean;
  wrapSpoolStore?: (store: SpoolStore) => SpoolStore;
  admission?: Admission;
  clock?: Clock;
  /** Gets each line of the log, as it would be written. */
  log?: (line: string) => void;
}

export interface House {
  gateway: Gateway;
  cloud: PlayedCloud;
  port: number;
  /** 0 where there is no TLS. */
  tlsPort: number;
  dir: string;
  /** Gives the gateway a new link, as a cloud that started again would. */
  relink: () => void;
  /** Ends the gateway and leaves its folder. */
  stop: () => Promise<void>;
}

const folders: string[] = [];
const houses: House[] = [];

export async function tempDir(): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), "hearth-gateway-"));
  folders.push(dir);
  return dir;
}

export async function openHouse(options: HouseOptions = {}): Promise<House> {
  const {
    cloud = new PlayedCloud(),
    limits,
    bounds,
    spoolBytesMax = 67_108_864,
    feeds = true,
    wrapSpoolStore,
    admission,
    ca,
    tlsPort = 0,
    clock = systemClock,
    log,
  } = options;
  const dir = options.dir ?? (await tempDir());
  const channel = new MessageChannel();
  cloud.attach(channel.port2);
  const gateway = new Gateway({
    config: {
      gatewayId: "gateway-1",
      mqtt: { host: "127.0.0.1", port: options.port ?? 0 },
      mqtts: ca ? { host: "127.0.0.1", port: tlsPort, tls: ca.material } : null,
      spoolDir: dir,
      spoolBytesMax,
      logLevel: "silent",
      limits: { ...gatewayLimits, ...limits },
    },
    link: portLink(channel.port1),
    clock,
    logger: log
      ? pino({ level: "info", base: null }, { write: log })
      : pino({ level: process.env["HEARTH_TEST_LOG"] ?? "silent" }),
    newId: randomUUID,
    bounds: { statusMs, ...bounds },
    ...(wrapSpoolStore && { wrapSpoolStore }),
    ...(admission && { admission }),
  });
  if (feeds) cloud.say({ kind: "feeds", version: 1, items: [] });
  const house: House = {
    gateway,
    cloud,
    port: 0,
    tlsPort: 0,
    dir,
    relink() {
      const next = new MessageChannel();
      cloud.close();
      cloud.attach(next.port2);
      gateway.connect(portLink(next.port1));
    },
    async stop() {
      await gateway.stop();
      cloud.close();
    },
  };
  houses.push(house);
  const { mqtt, mqtts } = await gateway.start();
  return Object.assign(house, { port: mqtt ?? 0, tlsPort: mqtts ?? 0 });
}

/** For `afterEach`: ends every house and removes every folder of the test. */
export async function closeHouses(): Promise<void> {
  for (const house of houses.splice(0)) await house.stop();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
}
