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
import { sleep, yieldToEvents } from "../platform/clock.ts";
import type { Logger } from "../platform/logger.ts";
import type { Ingest, PreparedBatch, Source } from "./ingest.ts";

/** What the link asks of the rest of the cloud. */
export interface GatewayLinkDeps {
  ingest: Ingest;
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

/** A batch that is being prepared before its turn. */
interface LookAhead {
  batch: Batch;
  records: SequencedRecord[];
  prepared: Promise<PreparedBatch | undefined>;
}

export class GatewayLink {
  readonly #deps: GatewayLinkDeps;
  readonly #queue: UpMessage[] = [];
  #working: Promise<void> | null = null;
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
    return { bootId: this.#bootId, reports: this.#statuses, oldestWaitingMs: this.#status.spoolOldestMs };
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
      case "batch":
      case "gap":
        this.#queue.push(message);
        this.#working ??= this.#work();
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
    await this.#working;
  }

  /** Takes no further batch. What is being committed is finished by the ingest. */
  stop(): void {
    this.#stopped = true;
    this.#queue.length = 0;
  }

  async #work(): Promise<void> {
    try {
      for (let message = this.#queue.shift(); message !== undefined; message = this.#queue.shift()) {
        await this.#handle(message);
        await yieldToEvents();
      }
    } catch (error) {
      if (this.#stopped) return;
      this.#failure = error instanceof Error ? error.message : String(error);
      this.#deps.logger.error({ event: "link.failed", err: error });
    } finally {
      this.#working = null;
    }
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
    const [next] = this.#queue;
    this.#ahead = next?.kind === "batch" ? this.#lookAhead(source, next) : null;
    this.#watermark = await committing;
    send({ kind: "committed", watermark: this.#watermark });
    send({ kind: "credit", batches: 1 });
  }

  #lookAhead(source: Source, batch: Batch): LookAhead {
    const records: SequencedRecord[] = [];
    for (const chunk of batch.chunks) records.push(...decodeChunk(chunk, batch.firstSequence + records.length));
    // Where it fails, the commit prepares the batch itself and knows what to do about the reason.
    return { batch, records, prepared: this.#deps.ingest.prepare(source, records).catch(() => undefined) };
  }

  async #open(hello: Extract<GatewayMessage, { kind: "hello" }>): Promise<void> {
    const { ingest, send } = this.#deps;
    this.#source = { gatewayId: hello.gatewayId, spoolEpoch: hello.spoolEpoch };
    await ingest.whenAnswered(() => this.#deps.onBoot(hello.gatewayId, hello.bootId));
    const feeds = await ingest.whenAnswered(() => this.#deps.feeds());
    this.#watermark = await ingest.openSource(this.#source);
    if (this.#watermark > hello.headSequence) {
      // The gateway answers this with a new epoch: records that it numbers again must not be taken for known ones.
      this.#deps.logger.error({
        event: "link.watermark_above_head",
        watermark: this.#watermark,
        head: hello.headSequence,
      });
    }
    await ingest.whenAnswered(() => this.#deps.denyList(send));
    send({ kind: "feeds", ...feeds });
    send({ kind: "welcome", watermark: this.#watermark });
    this.#bootId = hello.bootId;
    send({ kind: "credit", batches: linkLimits.batchesInFlight });
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
