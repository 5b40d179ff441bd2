/**
 * The cloud's end of the link to one gateway. Batches are committed one after the other, in order; credit is given back as they
 * are, so that what the database cannot take yet stays in the gateway's spool.
 */
import {
  type CloudMessage,
  type EnrolFrom,
  type GatewayMessage,
  type GatewayStatus,
  type Identity,
  linkLimits,
  type RetainedItem,
} from "#protocol/link/messages.ts";
import { decodeChunk, type SequencedRecord } from "#protocol/link/up-chunk.ts";
import { type ProvisioningReply, refusal } from "#protocol/provisioning.ts";
import type { DownChannel } from "#protocol/topics.ts";
import { sleep } from "../platform/clock.ts";
import type { Logger } from "../platform/logger.ts";
import type { Ingest, PreparedBatch, Source } from "./ingest.ts";
import type { PointsReader } from "./points-reader.ts";
import { Turns } from "./turns.ts";

/** The records of a batch, in order. */
function recordsOf(batch: Batch): SequencedRecord[] {
  const records: SequencedRecord[] = [];
  for (const chunk of batch.chunks) records.push(...decodeChunk(chunk, batch.firstSequence + records.length));
  return records;
}

/** What the link asks of the rest of the cloud. */
export interface GatewayLinkDeps {
  ingest: Ingest;
  /** The second reader, where readings have a store of their own. */
  points: PointsReader | null;
  logger: Logger;
  send: (message: CloudMessage) => void;
  /** A gateway said hello with this boot; earlier boots of it are over. */
  onBoot(gatewayId: string, bootId: string): Promise<void>;
  identify(name: string): Promise<Identity | null>;
  feeds(): Promise<{ version: number; items: RetainedItem[] }>;
  /** A device asks for a certificate. @returns what it is told */
  enrol(from: EnrolFrom, payload: string, address: string): Promise<ProvisioningReply>;
  /** Says over this link which certificates do not count. */
  denyList(send: (message: CloudMessage) => void): Promise<void>;
  onReady(deviceId: string, channels: readonly DownChannel[]): void;
  onWire(message: Extract<GatewayMessage, { kind: "wire" }>): void;
  onWritten(ref: string, atMs: number): void;
  onNotWritten(ref: string, deviceId: string, reason: "absent" | "busy"): void;
}

type UpMessage = Extract<GatewayMessage, { kind: "hello" | "batch" | "gap" }>;
type Batch = Extract<GatewayMessage, { kind: "batch" }>;

/** What the second reader gets, with the source that it belongs to: a `hello` of another may be handled before it. */
type PointsMessage = { message: Exclude<UpMessage, { kind: "hello" }>; source: Source };

/** A batch that is being prepared before its turn. */
interface LookAhead {
  batch: Batch;
  records: SequencedRecord[];
  prepared: Promise<PreparedBatch | undefined>;
}

export class GatewayLink {
  readonly #deps: GatewayLinkDeps;
  readonly #effects: Turns<UpMessage>;
  readonly #points: Turns<PointsMessage>;
  #ahead: LookAhead | null = null;
  #source: Source | null = null;
  #watermark = -1;
  #status: GatewayStatus | null = null;
  #statuses = 0;
  #bootId: string | null = null;
  #draining = false;
  #stopped = false;
  #failure: string | null = null;
  #onDrained: (() => void) | null = null;

  constructor(deps: GatewayLinkDeps) {
    this.#deps = deps;
    const failed = (error: unknown) => {
      this.#failure = error instanceof Error ? error.message : String(error);
      deps.logger.error({ event: "link.failed", err: error });
    };
    this.#effects = new Turns((message) => this.#handle(message), failed);
    this.#points = new Turns((message) => this.#handlePoints(message), failed);
  }

  /** The gateway's last word about itself, or null before the first. */
  get status(): GatewayStatus | null {
    return this.#status;
  }

  /**
   * What it says of listening to appliances: its boot, how many reports there were, and how old the oldest record is that is not
   * committed. Null where it does not: before the first word, while it drains, and while it has no room for what they say.
   */
  get listening(): { bootId: string; reports: number; oldestWaitingMs: number } | null {
    if (this.#bootId === null || this.#status === null || this.#draining || this.#stopped) return null;
    if (this.#status.spoolFull) return null;
    return { bootId: this.#bootId, reports: this.#statuses, oldestWaitingMs: this.#status.behind.effects.oldestMs };
  }

  get source(): Source | null {
    return this.#source;
  }

  get watermark(): number {
    return this.#watermark;
  }

  /** Why the link stands still, or null: a bug, since everything that can be expected is waited for or set aside. */
  get failure(): string | null {
    return this.#failure;
  }

  receive(message: GatewayMessage): void {
    switch (message.kind) {
      case "hello":
        this.#effects.add(message);
        return;
      case "batch":
      case "gap":
        if (message.reader === "effects") this.#effects.add(message);
        else if (this.#source !== null) this.#points.add({ message, source: this.#source });
        return;
      case "who":
        void this.#identify(message.askId, message.name);
        return;
      case "enrol":
        void this.#enrol(message);
        return;
      case "ready":
        this.#deps.onReady(message.deviceId, message.channels);
        return;
      case "written":
        this.#deps.onWritten(message.ref, message.atMs);
        return;
      case "not_written":
        this.#deps.onNotWritten(message.ref, message.deviceId, message.reason);
        return;
      case "wire":
        this.#deps.onWire(message);
        return;
      case "status":
        this.#status = message.status;
        this.#statuses += 1;
        return;
      case "drained":
        this.#onDrained?.();
    }
  }

  /** Asks the gateway to let nobody in any more and to offer what it holds; resolves once it has, or after `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    const drained = new Promise<void>((resolve) => {
      this.#onDrained = resolve;
    });
    this.#draining = true;
    this.#deps.send({ kind: "drain" });
    await Promise.race([drained, sleep(timeoutMs)]);
    await this.#effects.settled();
  }

  /** Takes no further batch. What is being committed is finished by the ingest. */
  stop(): void {
    this.#stopped = true;
    this.#effects.stop();
    this.#points.stop();
  }

  async #handle(message: UpMessage): Promise<void> {
    const { ingest, send } = this.#deps;
    if (message.kind === "hello") return this.#open(message);
    const source = this.#source;
    if (source === null) throw new Error("a batch came before hello");
    if (message.kind === "gap")
      return ingest.recordGap(source, message.fromSequence, message.toSequence, message.reason);

    const { records, prepared } = this.#ahead?.batch === message ? this.#ahead : this.#lookAhead(source, message);
    const ready = await prepared;
    const committing = ingest.commit(source, records, ready);
    // While the database works on this batch, the next one is taken apart.
    const { next } = this.#effects;
    this.#ahead = next?.kind === "batch" ? this.#lookAhead(source, next) : null;
    this.#watermark = await committing;
    send({ kind: "committed", reader: "effects", watermark: this.#watermark });
    send({ kind: "credit", reader: "effects", batches: 1 });
  }

  async #handlePoints({ message, source }: PointsMessage): Promise<void> {
    const { points, send } = this.#deps;
    if (points === null) throw new Error("a batch came for a reader that there is not");
    const isOver = () => this.#points.isStopped;
    if (message.kind === "gap") return points.skip(source, message, isOver);
    const watermark = await points.commit(source, recordsOf(message), isOver);
    if (watermark === null) return;
    send({ kind: "committed", reader: "points", watermark });
    send({ kind: "credit", reader: "points", batches: 1 });
  }

  #lookAhead(source: Source, batch: Batch): LookAhead {
    const records = recordsOf(batch);
    // Where it fails, the commit prepares the batch itself and knows what to do about the reason.
    return { batch, records, prepared: this.#deps.ingest.prepare(source, records).catch(() => undefined) };
  }

  async #open(hello: Extract<GatewayMessage, { kind: "hello" }>): Promise<void> {
    const { ingest, points, send } = this.#deps;
    this.#source = { gatewayId: hello.gatewayId, spoolEpoch: hello.spoolEpoch };
    await ingest.whenAnswered(() => this.#deps.onBoot(hello.gatewayId, hello.bootId));
    const feeds = await ingest.whenAnswered(() => this.#deps.feeds());
    const opened = await ingest.openSource(this.#source, points);
    this.#watermark = opened.watermark;
    if (Math.max(opened.watermark, opened.pointsWatermark ?? -1) > hello.headSequence) {
      // The gateway answers this with a new epoch: records that it numbers again must not be taken for known ones.
      this.#deps.logger.error({
        event: "link.watermark_above_head",
        ...opened,
        head: hello.headSequence,
      });
    }
    await ingest.whenAnswered(() => this.#deps.denyList(send));
    send({ kind: "feeds", ...feeds });
    send({ kind: "welcome", ...opened });
    this.#bootId = hello.bootId;
    send({ kind: "credit", reader: "effects", batches: linkLimits.batchesInFlight });
    if (points !== null) send({ kind: "credit", reader: "points", batches: linkLimits.batchesInFlight });
  }

  async #identify(askId: number, name: string): Promise<void> {
    try {
      this.#deps.send({ kind: "identity", askId, identity: await this.#deps.identify(name) });
    } catch (error) {
      // No answer: the gateway falls back on what it remembers. To say 'unknown' would lock everybody out while the database is away.
      this.#deps.logger.warn({ event: "link.identify_failed", error: String(error) });
    }
  }

  async #enrol({ askId, from, payload, address }: Extract<GatewayMessage, { kind: "enrol" }>): Promise<void> {
    const reply = await this.#deps.enrol(from, payload, address).catch((error: unknown) => {
      this.#deps.logger.warn({ event: "link.enrol_failed", error: String(error) });
      return refusal("try_again");
    });
    this.#deps.send({ kind: "enrolled", askId, payload: JSON.stringify(reply) });
  }
}
