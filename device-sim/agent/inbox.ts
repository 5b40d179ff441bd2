import { z } from "zod";
import { command, type Reply } from "#protocol/command.ts";
import { type Delivery, delivery, type Receipt } from "#protocol/delivery.ts";
import { id } from "#protocol/ids.ts";
import type { Model } from "#protocol/model.ts";
import type { Clock } from "../platform/clock.ts";
import { obey, preload } from "./commands.ts";
import { type Controls, type Memory, programObstacle, type Voice } from "./controls.ts";
import { type DeviceRecord, generationsMax, type InboxEntry, inboxEntriesMax } from "./device-record.ts";
import { readJson } from "./read-json.ts";

type FirmwareDelivery = Extract<Delivery, { kind: "firmware" }>;

/** What the inbox needs of the update agent. It reports its steps through `Inbox.say`. */
export interface FirmwareDesk {
  /** @returns why the offer is refused, or null where it was taken */
  offer(delivery: FirmwareDelivery): string | null;
  /** The same offer came again: its links may be fresh ones, and its terms others. */
  renew(delivery: FirmwareDelivery): void;
}

export interface InboxDeps {
  model: Model;
  memory: Memory;
  controls: Controls;
  voice: Voice;
  /** What stamps receipts. */
  clock: Clock;
  /** What deadlines are held against. */
  deadlines: Clock;
  firmware: FirmwareDesk;
}

export interface InboxCounters {
  malformed: number;
  repeated: number;
  expired: number;
  older: number;
}

/** As much of a delivery as is needed to answer one that does not fit the contract. */
const addressed = z.object({ id, attempt: z.int().min(1) });
const unknownCommand = z.object({ id, kind: z.literal("command"), body: z.object({ name: z.string() }) });

/** What a newer delivery of the same kind must be newer than. */
function subjectOf(item: Delivery): string {
  switch (item.kind) {
    case "firmware":
      return "firmware";
    case "recipe":
    case "message":
    case "offer":
      return item.body.id;
    case "command":
      return item.body.name;
    case "config":
      return typeof item.body["id"] === "string" ? item.body["id"].slice(0, 128) : item.kind;
  }
}

/** It came, and the power went before anything was done about it. Of an order nobody can tell, so it is not done twice. */
const isUndone = ({ kind, receipt: said }: InboxEntry): boolean => said === null && kind !== "command";

/** Whoever waved a question away may still come back to it. */
const untouched = new Set(["stored", "shown", "dismissed"]);

const failedFor = new Set(["failed", "rolled_back"]);

/**
 * The stored inbox: every delivery is answered, the same one always with the same answer, and none is done twice.
 */
export class Inbox {
  readonly counters: InboxCounters = { malformed: 0, repeated: 0, expired: 0, older: 0 };
  readonly #deps: InboxDeps;

  constructor(deps: InboxDeps) {
    this.#deps = deps;
  }

  /** Takes a payload of the inbox topic, whatever it holds. */
  receive(payload: Uint8Array): void {
    const json = readJson(payload);
    const parsed = delivery.safeParse(json);
    if (parsed.success) this.#take(parsed.data);
    else this.#answerMalformed(json);
  }

  /**
   * Notes a step and sends its receipt.
   *
   * @param alongside what else is true from this step on: saved in one go, so that a power cut leaves neither without the other
   */
  say(
    deliveryId: string,
    step: string,
    more: Pick<Receipt, "progress" | "reason"> = {},
    alongside: Partial<DeviceRecord> = {},
  ): void {
    const entry = this.find(deliveryId);
    if (entry === undefined) {
      this.#deps.memory.update(alongside);
      return;
    }
    const receipt = { deliveryId, attempt: entry.attempt, atMs: this.#deps.clock.nowMs(), step, ...more };
    this.#put({ ...entry, receipt }, alongside);
    this.#deps.voice.receipt(receipt);
  }

  find(deliveryId: string): InboxEntry | undefined {
    return this.#deps.memory.record.inbox.find((entry) => entry.id === deliveryId);
  }

  /** Messages and offers that nobody has looked at. */
  unseen(): InboxEntry[] {
    return this.#deps.memory.record.inbox.filter(
      ({ kind, receipt }) => (kind === "message" || kind === "offer") && receipt?.step === "stored",
    );
  }

  /** Messages that ask for a touch and got none, oldest first. */
  questions(ask: string): InboxEntry[] {
    return this.#deps.memory.record.inbox.filter(
      ({ content, receipt }) =>
        content !== null && "ask" in content && content.ask === ask && untouched.has(receipt?.step ?? ""),
    );
  }

  #take(item: Delivery): void {
    const known = this.find(item.id);
    if (
      known !== undefined &&
      !isUndone(known) &&
      !(item.attempt > known.attempt && failedFor.has(known.receipt?.step ?? ""))
    ) {
      this.#answerAgain(known, item);
      return;
    }
    this.#put({
      id: item.id,
      kind: item.kind,
      subject: subjectOf(item),
      attempt: item.attempt,
      receipt: null,
      reply: null,
      content: item.kind === "message" || item.kind === "offer" || item.kind === "recipe" ? item.body : null,
    });
    if (this.#deps.deadlines.nowMs() >= item.expiresAtMs) {
      this.counters.expired += 1;
      this.say(item.id, "expired");
      return;
    }
    if (this.#isOlder(item)) {
      this.counters.older += 1;
      this.say(item.id, "rejected", { reason: "older_generation" });
      return;
    }
    this.#noteGeneration(item);
    this.#act(item);
  }

  #act(item: Delivery): void {
    switch (item.kind) {
      case "firmware": {
        const refusal = this.#deps.firmware.offer(item);
        if (refusal !== null) this.say(item.id, "rejected", { reason: refusal });
        return;
      }
      case "recipe":
        this.#storeRecipe(item);
        return;
      case "message":
      case "offer":
        this.say(item.id, "stored");
        return;
      case "config":
        this.#applyConfig(item);
        return;
      case "command": {
        const { model, controls, memory } = this.#deps;
        const answer = obey(item.body, { model, controls, memory, deliveryId: item.id });
        this.#reply({ commandId: item.id, atMs: this.#deps.clock.nowMs(), ...answer });
      }
    }
  }

  #storeRecipe(item: Extract<Delivery, { kind: "recipe" }>): void {
    const recipe = item.body;
    if (recipe.kind !== "recipe") return;
    const steps = recipe.steps.flatMap(({ machine }) => (machine === undefined ? [] : [machine]));
    const obstacle = steps.map((step) => programObstacle(this.#deps.model, step)).find((found) => found !== null);
    if (obstacle !== undefined) {
      this.say(item.id, "rejected", { reason: obstacle });
      return;
    }
    preload(this.#deps.memory, { id: recipe.id, deliveryId: item.id, title: recipe.title, isRecipe: true, steps });
    this.say(item.id, "stored");
  }

  #applyConfig(item: Extract<Delivery, { kind: "config" }>): void {
    const config = deviceConfig.safeParse(item.body);
    if (!config.success) {
      this.say(item.id, "rejected", { reason: "config_unknown" });
      return;
    }
    const { settings } = this.#deps.memory.record;
    this.#deps.memory.update({ settings: { ...settings, sampleMs: config.data.sampleMs } });
    this.say(item.id, "applied");
  }

  /** Same id, same answer. A later attempt of what is under way or done gets that answer under its own number. */
  #answerAgain(known: InboxEntry, item: Delivery): void {
    this.counters.repeated += 1;
    const { voice } = this.#deps;
    if (item.kind === "firmware") this.#deps.firmware.renew(item);
    const entry = item.attempt > known.attempt ? { ...known, attempt: item.attempt } : known;
    if (entry.receipt !== null && entry.receipt.attempt < entry.attempt)
      entry.receipt = { ...entry.receipt, attempt: entry.attempt };
    if (entry !== known) this.#put(entry);
    if (entry.receipt !== null) voice.receipt(entry.receipt);
    if (entry.reply !== null) voice.reply(entry.reply);
  }

  #answerMalformed(json: unknown): void {
    this.counters.malformed += 1;
    const { clock, voice } = this.#deps;
    const order = unknownCommand.safeParse(json);
    if (order.success) {
      // A name off the list is an order that this appliance does not know; anything else wrong with it is no order at all.
      const known = command.safeParse(order.data.body).success;
      const reason = known ? "wrong_shape" : "unknown_command";
      voice.reply({ commandId: order.data.id, atMs: clock.nowMs(), ok: false, reason });
      return;
    }
    const found = addressed.safeParse(json);
    if (!found.success) return;
    const { id: deliveryId, attempt } = found.data;
    voice.receipt({ deliveryId, attempt, atMs: clock.nowMs(), step: "rejected", reason: "wrong_shape" });
  }

  #reply(reply: Reply): void {
    const entry = this.find(reply.commandId);
    if (entry !== undefined) this.#put({ ...entry, reply });
    this.#deps.voice.reply(reply);
  }

  #isOlder(item: Delivery): boolean {
    const key = `${item.kind}/${subjectOf(item)}`;
    const highest = this.#deps.memory.record.generations.find(([known]) => known === key)?.[1] ?? 0;
    return item.generation < highest;
  }

  #noteGeneration(item: Delivery): void {
    const key = `${item.kind}/${subjectOf(item)}`;
    const others = this.#deps.memory.record.generations.filter(([known]) => known !== key);
    this.#deps.memory.update({
      generations: [...others, [key, item.generation] as [string, number]].slice(-generationsMax),
    });
  }

  #put(entry: InboxEntry, alongside: Partial<DeviceRecord> = {}): void {
    const { memory } = this.#deps;
    const at = memory.record.inbox.findIndex(({ id: known }) => known === entry.id);
    if (at >= 0) {
      memory.update({ ...alongside, inbox: memory.record.inbox.with(at, entry) });
      return;
    }
    const { update } = memory.record;
    const busyId = update.kind === "none" ? null : update.deliveryId;
    const inbox = [...memory.record.inbox, entry];
    // The oldest goes, but never the update that is under way: its receipts still have to name it.
    const oldest = inbox.findIndex(({ id: known }) => known !== busyId);
    memory.update({ inbox: inbox.length > inboxEntriesMax ? inbox.toSpliced(oldest, 1) : inbox });
  }
}

/** What the maker may configure from afar. */
const deviceConfig = z.strictObject({
  id: z.string().optional(),
  sampleMs: z.int().min(1_000).max(600_000).nullable(),
});
