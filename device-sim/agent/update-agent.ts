import { createHash } from "node:crypto";
import type { Delivery, Receipt } from "#protocol/delivery.ts";
import { windowState } from "#protocol/maintenance-window.ts";
import type { UpdateFailure } from "#protocol/update.ts";
import type { UpdateFault } from "../core/faults.ts";
import type { Clock } from "../platform/clock.ts";
import { pause, type Timers } from "../platform/timers.ts";
import type { Controls, Memory } from "./controls.ts";
import { type CheckedImage, type OwnFacts } from "./core/decide-image.ts";
import { nextUpdateStep, type UpdateFacts } from "./core/update-plan.ts";
import type { DeviceRecord, SlotName, UpdateState } from "./device-record.ts";
import type { DeviceStore } from "./device-store.ts";
import type { FactoryTrust } from "./factory-trust.ts";
import { isFull } from "./flash.ts";
import { mayFetch } from "./limited-fetch.ts";
import { MetadataWatch, type WatchLimits, watchLimits } from "./metadata-watch.ts";
import { type TransferLimits, transferLimits } from "./rate-watch.ts";
import { type Checked, Trust } from "./trust.ts";
import { transfer, type TransferOutcome } from "./transfer.ts";

type FirmwareDelivery = Extract<Delivery, { kind: "firmware" }>;
type Of<K extends UpdateState["kind"]> = Extract<UpdateState, { kind: K }>;
type UnderWay = Exclude<UpdateState, { kind: "none" }>;
type WithImage = Extract<UpdateState, { image: CheckedImage }>;

export interface UpdateLimits {
  /** A slot holds no more. */
  imageBytesMax: number;
  /** Tries in a row that bring nothing, of a check or a download, before the attempt counts as failed. */
  emptyTriesMax: number;
  retryMsMin: number;
  retryMsMax: number;
  rebootMs: number;
  /** A slot that did not come up after this many boots is given up. */
  bootsMax: number;
  transfer: TransferLimits;
  watch: WatchLimits;
}

export const updateLimits: UpdateLimits = {
  imageBytesMax: 64 * 1_024 * 1_024,
  emptyTriesMax: 8,
  retryMsMin: 500,
  retryMsMax: 30_000,
  rebootMs: 20_000,
  bootsMax: 3,
  transfer: transferLimits,
  watch: watchLimits,
};

export interface UpdateAgentDeps {
  deviceId: string;
  model: string;
  hardwareId: string;
  factory: FactoryTrust | null;
  store: DeviceStore;
  memory: Memory;
  controls: Controls;
  clock: Clock;
  deadlines: Clock;
  timers: Timers;
  fetch: typeof fetch;
  /** 0 to 1. */
  random: () => number;
  /** Whether links may lead off this machine. */
  allowRemote: boolean;
  agreesAfterMs: number;
  /** Says a step, and saves what is true from it on in the same go. */
  say: (
    deliveryId: string,
    step: string,
    more: Pick<Receipt, "progress" | "reason">,
    alongside: Partial<DeviceRecord>,
  ) => void;
  event: (type: string, data: Record<string, unknown>) => void;
  /** The appliance goes down, and comes up with the firmware of the active slot. */
  onDown: () => void;
  onUp: () => void;
  limits?: Partial<UpdateLimits>;
}

export type OwnerOutcome =
  | { kind: "done" }
  | { kind: "refused"; rule: "nothing_offered" | "too_late" | "not_postponable" | "security_release" };

const unhealthyMarker = Buffer.from("UNHEALTHY", "ascii");
const nothingUnderWay = { update: { kind: "none" } } as const;

/** What another try may mend: nobody answered, or not all of it was there yet. */
const worthAnotherTry: ReadonlySet<UpdateFailure> = new Set([
  "metadata_unreachable",
  "metadata_too_slow",
  "metadata_incomplete",
  "statement_unreachable",
  "statement_too_slow",
]);

/** What no other time would mend. */
const final: ReadonlySet<UpdateFailure> = new Set([
  "no_factory_root",
  "link_not_allowed",
  "wrong_model",
  "wrong_hardware",
  "not_newer",
  "below_min_counter",
  "image_too_large",
]);

/** Executes what `nextUpdateStep` says, one saved step at a time. */
export class UpdateAgent {
  readonly #deps: UpdateAgentDeps;
  readonly #limits: UpdateLimits;
  readonly #trust: Trust;
  readonly #watch: MetadataWatch;
  readonly #faults = new Set<UpdateFault>();
  /** What waits for the network: one thing at a time. */
  #work: { stop: AbortController; ended: Promise<void> } | null = null;
  /** Whether every byte of the partial image came since the power is on: of older ones the last may be torn. */
  #partialIsOurs = false;
  /** What no refusal foresees: it surfaces in the next tick. */
  #broken: Error | null = null;
  #stopped = false;

  constructor(deps: UpdateAgentDeps) {
    const { deviceId, factory, store, memory, timers, allowRemote, random, event } = deps;
    this.#deps = deps;
    this.#limits = { ...updateLimits, ...deps.limits };
    const reach = { fetch: deps.fetch, timers, allowRemote, limits: this.#limits.transfer };
    this.#trust = new Trust({ deviceId, factory, store, memory, clock: deps.deadlines, reach });
    this.#watch = new MetadataWatch({ trust: this.#trust, memory, random, event, limits: this.#limits.watch });
  }

  /** The next update will meet this, once. */
  inject(fault: UpdateFault): void {
    this.#faults.add(fault);
  }

  clear(fault: UpdateFault): void {
    this.#faults.delete(fault);
  }

  /** Whether a person must not start a program now. */
  get busy(): boolean {
    const { kind } = this.#update;
    return kind === "installing" || kind === "rebooting";
  }

  /** Whether an image is on its way in: from the first byte of its download to the boot that confirms it. */
  get underWay(): boolean {
    const { kind } = this.#update;
    return kind !== "none" && kind !== "offered" && kind !== "confirmed_by_owner";
  }

  /** Whether nothing of it waits for the network. */
  get idle(): boolean {
    return this.#work === null;
  }

  /** New signed metadata is said to be there. */
  hint(): void {
    this.#watch.hint();
  }

  offer(item: FirmwareDelivery): UpdateFailure | null {
    const { clock, say, agreesAfterMs } = this.#deps;
    const current = this.#update;
    if (!this.#trust.isEquipped) return "no_factory_root";
    if (!this.#mayFollow(item)) return "link_not_allowed";
    if (current.kind !== "none" && current.deliveryId !== item.id) {
      if (current.kind !== "offered" && current.kind !== "confirmed_by_owner") return "update_under_way";
      this.#finish(current, "rejected", "superseded");
    }
    this.#trust.lookAt(item.body.metadataHref);
    const underWay = { deliveryId: item.id, offer: item.body, expiresAtMs: item.expiresAtMs, postponedUntilMs: null };
    const agreesAtMs = clock.nowMs() + agreesAfterMs;
    say(item.id, "offered", {}, { update: { kind: "offered", ...underWay, agreesAtMs } });
    return null;
  }

  /** The same offer again: its terms and links are what it says now. What was checked stays checked. */
  renew(item: FirmwareDelivery): void {
    const update = this.#update;
    if (update.kind === "none" || update.deliveryId !== item.id || !this.#mayFollow(item)) return;
    this.#trust.lookAt(item.body.metadataHref);
    // The last word about the time counts, wherever it was said.
    const isSameTime = item.body.notBeforeMs === update.offer.notBeforeMs;
    const postponedUntilMs = isSameTime ? update.postponedUntilMs : null;
    this.#deps.memory.update({
      update: { ...update, offer: item.body, expiresAtMs: item.expiresAtMs, postponedUntilMs },
    });
  }

  /** A person agrees at the appliance. */
  agree(): OwnerOutcome {
    const update = this.#update;
    if (update.kind === "none") return { kind: "refused", rule: "nothing_offered" };
    if (update.kind !== "offered") return { kind: "refused", rule: "too_late" };
    this.#move({ kind: "confirmed_by_owner", ...offerPart(update) });
    return { kind: "done" };
  }

  /** A person puts it off by so long, at most to where the release allows. */
  postpone(byMs: number): OwnerOutcome {
    const update = this.#update;
    const untilMs = this.#trust.nowMs + byMs;
    if (update.kind === "none") return { kind: "refused", rule: "nothing_offered" };
    if (update.kind === "installing" || update.kind === "rebooting") return { kind: "refused", rule: "too_late" };
    if (untilMs > (update.offer.postponeUntilMsMax ?? 0)) return { kind: "refused", rule: "not_postponable" };
    this.#deps.memory.update({ update: { ...update, postponedUntilMs: untilMs } });
    this.#deps.event("update.postponed", { deliveryId: update.deliveryId, untilMs });
    return { kind: "done" };
  }

  /** A person does not want it. A security release that comes by itself may be postponed, not declined. */
  decline(): OwnerOutcome {
    const update = this.#update;
    if (update.kind === "none") return { kind: "refused", rule: "nothing_offered" };
    if (update.kind === "installing" || update.kind === "rebooting") return { kind: "refused", rule: "too_late" };
    const { security, consent } = update.offer;
    if (security && consent === "automatic") return { kind: "refused", rule: "security_release" };
    this.#work?.stop.abort();
    this.#finish(update, "rejected", "declined_by_owner");
    return { kind: "done" };
  }

  /** Goes as far as it can. Called with every tick, and harmless when there is nothing to do. */
  tick(): void {
    if (this.#broken !== null) throw this.#broken;
    // As many steps as an update has; a tick never loops for ever.
    for (let left = 12; left > 0 && !this.#stopped; left -= 1) if (!this.#advance()) break;
    if (this.#watch.tick() && this.#work === null && !this.#stopped) this.#begin((signal) => this.#watch.look(signal));
  }

  /** Ends what is under way in the network and waits for it. What arrived is kept. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#work?.stop.abort();
    await this.#work?.ended;
  }

  get #update(): UpdateState {
    return this.#deps.memory.record.update;
  }

  #facts(update: UpdateState): UpdateFacts {
    const { clock, controls, memory } = this.#deps;
    const { nowMs } = this.#trust;
    const windows = update.kind === "none" ? [] : update.offer.windows;
    return {
      nowMs: clock.nowMs(),
      deadlineMs: nowMs,
      hot: controls.isHot(),
      running: controls.isRunning(),
      windowOpen: windowState(windows, memory.record.settings.timeZone, nowMs).open,
      working: this.#work !== null,
    };
  }

  /** @returns whether something was done, so that there may be a next step */
  #advance(): boolean {
    const update = this.#update;
    if (update.kind === "none") return false;
    const step = nextUpdateStep(update, this.#facts(update));
    switch (step.do) {
      case "nothing":
      case "wait":
        return false;
      case "expire":
        this.#finish(update, "expired");
        return false;
      case "agree":
        this.#move({ kind: "confirmed_by_owner", ...offerPart(update) });
        return true;
      case "check":
      case "check_again":
        this.#begin((signal) => this.#check(update, signal));
        return false;
      case "transfer":
        if (update.kind === "downloading") this.#begin((signal) => this.#download(update, signal));
        return false;
      case "verify":
        return update.kind === "downloaded" && this.#verifyImage(update);
      case "begin_installation":
        if (update.kind === "verified") this.#move({ ...update, kind: "installing", into: this.#spareSlot() });
        return true;
      case "write_slot":
        return update.kind === "installing" && this.#writeSlot(update);
      case "boot":
        if (update.kind === "rebooting") this.#boot(update);
        return false;
    }
  }

  /** Saves the step and tells it. */
  #move(update: UnderWay, alongside: Partial<DeviceRecord> = {}): void {
    this.#deps.say(update.deliveryId, update.kind, {}, { ...alongside, update });
  }

  #finish(
    update: UnderWay,
    step: "failed" | "rejected" | "expired" | "confirmed" | "rolled_back",
    reason?: UpdateFailure,
    alongside: Partial<DeviceRecord> = {},
  ): void {
    const more = reason === undefined ? {} : { reason };
    this.#deps.say(update.deliveryId, step, more, { ...alongside, ...nothingUnderWay });
    this.#deps.store.clearPartial();
  }

  #refuse(update: UnderWay, rule: UpdateFailure): void {
    this.#finish(update, final.has(rule) ? "rejected" : "failed", rule);
  }

  #mayFollow({ body }: FirmwareDelivery): boolean {
    return [body.metadataHref, body.statementHref, body.imageHref].every((href) =>
      mayFetch(href, this.#deps.allowRemote),
    );
  }

  #own(): OwnFacts {
    const { model, hardwareId, memory } = this.#deps;
    const { confirmedCounter } = memory.record.firmware;
    return { model, hardwareId, confirmedCounter, slotBytesMax: this.#limits.imageBytesMax };
  }

  #begin(work: (signal: AbortSignal) => Promise<void>): void {
    const stop = new AbortController();
    const ended = work(stop.signal)
      .catch((cause: unknown) => {
        this.#broken = new Error("an update broke", { cause });
      })
      .finally(() => {
        this.#work = null;
      });
    this.#work = { stop, ended };
  }

  /** The same update as before, in the same place; null where it has gone on, or the work is called off. */
  #still<U extends UnderWay>(update: U, signal: AbortSignal): U | null {
    const now = this.#update;
    return !signal.aborted && isWhereItWas(now, update) ? now : null;
  }

  #pause(tries: number, signal: AbortSignal): Promise<void> {
    const { retryMsMin, retryMsMax } = this.#limits;
    const waitMs = Math.min(retryMsMax, retryMsMin * 2 ** tries);
    return pause(this.#deps.timers, waitMs * (0.5 + this.#deps.random() / 2), signal);
  }

  /** Before the download, and again before the installation. */
  async #check(begun: UnderWay, signal: AbortSignal): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const asked = this.#still(begun, signal);
      if (asked === null) return;
      const checked = await this.#trust.check(asked.deliveryId, asked.offer, this.#own(), signal);
      const update = this.#still(begun, signal);
      if (update === null) return;
      if (checked.kind === "accepted") {
        this.#take(update, checked);
        return;
      }
      const mayMend = worthAnotherTry.has(checked.rule);
      // An image that lies here verified waits for the network as long as it takes; the cloud says when that is too long.
      if (!mayMend || (tries >= this.#limits.emptyTriesMax && update.kind !== "verified")) {
        this.#refuse(update, checked.rule);
        return;
      }
      await this.#pause(tries, signal);
    }
  }

  #take(update: UnderWay, { image, statementUntilMs }: Extract<Checked, { kind: "accepted" }>): void {
    const { controls, memory, store } = this.#deps;
    if (update.kind === "verified") {
      if (update.image.sha256 === image.sha256) memory.update({ update: { ...update, statementUntilMs } });
      else this.#finish(update, "failed", "offer_changed");
      return;
    }
    // Somebody may have begun to cook while it was checked: then it is checked again afterwards.
    if (controls.isHot() || controls.isRunning()) return;
    store.clearPartial();
    this.#partialIsOurs = true;
    this.#move({ kind: "downloading", ...offerPart(update), image, statementUntilMs, etag: null });
  }

  async #download(begun: Of<"downloading">, signal: AbortSignal): Promise<void> {
    const { store } = this.#deps;
    let emptyTries = 0;
    for (;;) {
      const update = this.#still(begun, signal);
      if (update === null) return;
      const before = store.partialBytes();
      const outcome = await this.#transferOnce(update, signal);
      const after = this.#still(begun, signal);
      if (after === null) return;
      if (outcome.kind === "whole") {
        this.#move({ kind: "downloaded", ...imagePart(after) });
        return;
      }
      if (outcome.kind === "wrong") {
        this.#finish(after, "failed", outcome.reason);
        return;
      }
      emptyTries = this.#isWorthwhile(outcome.reason, store.partialBytes() - before) ? 0 : emptyTries + 1;
      if (emptyTries >= this.#limits.emptyTriesMax) {
        this.#finish(after, "failed", outcome.reason);
        return;
      }
      await this.#pause(emptyTries, signal);
    }
  }

  /** A few bytes in each try are no progress: that is how a download is held open for ever. */
  #isWorthwhile(reason: UpdateFailure, bytes: number): boolean {
    const { bytesPerSMin, rateAfterMs } = this.#limits.transfer;
    return reason !== "download_too_slow" && bytes >= (bytesPerSMin * rateAfterMs) / 1_000;
  }

  #transferOnce({ deliveryId, offer, image, etag }: Of<"downloading">, signal: AbortSignal): Promise<TransferOutcome> {
    const { store, timers, say, memory } = this.#deps;
    const { length } = image;
    const cutter = new AbortController();
    let quarters = Math.floor((4 * store.partialBytes()) / length);
    return transfer({
      href: offer.imageHref,
      length,
      etag,
      store,
      timers,
      fetch: this.#deps.fetch,
      signal: AbortSignal.any([signal, cutter.signal]),
      limits: this.#limits.transfer,
      onStart: (started) => {
        this.#partialIsOurs = true;
        const now = memory.record.update;
        if (now.kind === "downloading") memory.update({ update: { ...now, etag: started } });
      },
      onProgress: (bytes) => {
        if (this.#faults.has("update_cut") && bytes < length && bytes * 4 >= length) {
          this.#faults.delete("update_cut");
          cutter.abort(new Error("cut by an injected fault"));
          return;
        }
        const reached = Math.floor((4 * bytes) / length);
        if (reached === quarters || reached === 4) return;
        quarters = reached;
        say(deliveryId, "downloading", { progress: reached / 4 }, {});
      },
    });
  }

  #verifyImage(update: Of<"downloaded">): boolean {
    const { store, memory } = this.#deps;
    let bytes = store.readPartial();
    if (this.#faults.delete("update_bad_hash"))
      bytes = Uint8Array.from(bytes, (byte, at) => (at === 0 ? byte ^ 1 : byte));
    else if (!isImage(update.image, bytes) && !this.#partialIsOurs) {
      // Torn by a power cut, most likely: it comes once more, whole.
      memory.update({ update: { ...update, kind: "downloading", etag: null } });
      return true;
    }
    if (!isImage(update.image, bytes)) {
      this.#finish(update, "failed", "image_hash_wrong");
      return false;
    }
    this.#move({ kind: "verified", ...imagePart(update) });
    return true;
  }

  #spareSlot(): SlotName {
    return this.#deps.memory.record.firmware.active === "a" ? "b" : "a";
  }

  /** Writes the spare slot from the partial file, which stays until the end: a cut here starts the writing again. */
  #writeSlot(update: Of<"installing">): boolean {
    const { clock, memory, store, onDown } = this.#deps;
    const bytes = store.readPartial();
    const { image, into } = update;
    if (!isImage(image, bytes)) {
      this.#finish(update, "failed", "image_lost");
      return false;
    }
    try {
      store.writeSlot(into, bytes);
    } catch (error) {
      if (!isFull(error)) throw error;
      this.#finish(update, "failed", "disk_full");
      return false;
    }
    const { firmware } = memory.record;
    const { version, releaseCounter, sha256 } = image;
    const slots = { ...firmware.slots, [into]: { version, releaseCounter, sha256 } };
    const backAtMs = clock.nowMs() + this.#limits.rebootMs;
    const rebooting = { kind: "rebooting" as const, ...imagePart(update), into, backAtMs, boots: 0 };
    this.#move(rebooting, { firmware: { ...firmware, slots } });
    onDown();
    return true;
  }

  /** Comes up from the new slot, looks whether it is well, and keeps it or goes back. */
  #boot(update: Of<"rebooting">): void {
    const { memory, store, onUp } = this.#deps;
    // Counted before the slot is tried: a power cut in the middle of a boot is a boot that did not come up.
    memory.update({ update: { ...update, boots: update.boots + 1 } });
    const bytes = store.readSlot(update.into);
    const healthy =
      !this.#faults.delete("update_failed_boot") &&
      update.boots < this.#limits.bootsMax &&
      bytes !== null &&
      isImage(update.image, bytes) &&
      Buffer.from(bytes).indexOf(unhealthyMarker) === -1;
    if (!healthy) {
      onUp();
      this.#finish(update, "rolled_back", "health_check_failed");
      return;
    }
    const { firmware } = memory.record;
    // Only now the counter: an image that never came up must not shut the door to the one that mends it.
    const { releaseCounter: confirmedCounter } = update.image;
    memory.update({ firmware: { ...firmware, active: update.into, confirmedCounter } });
    onUp();
    this.#finish(update, "confirmed");
  }
}

/** Of the same kind, so of the same shape. */
const isWhereItWas = <U extends UnderWay>(now: UpdateState, update: U): now is U =>
  now.kind === update.kind && now.deliveryId === update.deliveryId;

const isImage = ({ length, sha256 }: CheckedImage, bytes: Uint8Array): boolean =>
  bytes.length === length && createHash("sha256").update(bytes).digest("hex") === sha256;

const offerPart = ({ deliveryId, offer, expiresAtMs, postponedUntilMs }: UnderWay) => ({
  deliveryId,
  offer,
  expiresAtMs,
  postponedUntilMs,
});

const imagePart = (update: WithImage) => ({
  ...offerPart(update),
  image: update.image,
  statementUntilMs: update.statementUntilMs,
});
