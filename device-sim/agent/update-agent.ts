import type { FirmwareManifest } from "#protocol/manifest.ts";
import type { Delivery, Receipt } from "#protocol/delivery.ts";
import type { UpdateFault } from "../core/faults.ts";
import type { Clock } from "../platform/clock.ts";
import { isLoopback } from "../platform/loopback.ts";
import { pause, type Timers } from "../platform/timers.ts";
import type { Controls, Memory } from "./controls.ts";
import type { SlotName, UpdateState } from "./device-record.ts";
import type { DeviceStore } from "./device-store.ts";
import { transfer, type TransferLimits, transferLimits, type TransferOutcome } from "./transfer.ts";
import { nextUpdateStep, type UpdateFacts } from "./update-plan.ts";
import { isImageOf, type TrustedKey, verifyManifest } from "./verify-manifest.ts";

type FirmwareDelivery = Extract<Delivery, { kind: "firmware" }>;
type Of<K extends UpdateState["kind"]> = Extract<UpdateState, { kind: K }>;
type UnderWay = Exclude<UpdateState, { kind: "none" }>;

export interface UpdateLimits {
  /** A slot holds no more. */
  imageBytesMax: number;
  /** Tries of a download that bring not one byte, before the attempt counts as failed. */
  emptyTriesMax: number;
  retryMsMin: number;
  retryMsMax: number;
  rebootMs: number;
  /** A slot that did not come up after this many boots is given up. */
  bootsMax: number;
  transfer: TransferLimits;
}

export const updateLimits: UpdateLimits = {
  imageBytesMax: 64 * 1_024 * 1_024,
  emptyTriesMax: 8,
  retryMsMin: 500,
  retryMsMax: 30_000,
  rebootMs: 20_000,
  bootsMax: 3,
  transfer: transferLimits,
};

export interface UpdateAgentDeps {
  model: string;
  hardwareId: string;
  trustedKeys: readonly TrustedKey[];
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
  say: (deliveryId: string, step: string, more?: Pick<Receipt, "progress" | "reason">) => void;
  /** The appliance goes down, and comes up with the firmware of the active slot. */
  onDown: () => void;
  onUp: () => void;
  limits?: Partial<UpdateLimits>;
}

const unhealthyMarker = Buffer.from("UNHEALTHY", "ascii");

/** Executes what `nextUpdateStep` says, one saved step at a time. */
export class UpdateAgent {
  readonly #deps: UpdateAgentDeps;
  readonly #limits: UpdateLimits;
  readonly #faults = new Set<UpdateFault>();
  #transfer: { stop: AbortController; ended: Promise<void> } | null = null;
  /** What no refusal foresees, such as a full disk: it surfaces in the next tick. */
  #broken: Error | null = null;
  #stopped = false;

  constructor(deps: UpdateAgentDeps) {
    this.#deps = deps;
    this.#limits = { ...updateLimits, ...deps.limits };
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

  offer(item: FirmwareDelivery): string | null {
    const { clock, memory, say } = this.#deps;
    const current = this.#update;
    const verdict = this.#verify(item.body.manifest);
    if (verdict.kind === "refused") return verdict.rule;
    if (verdict.manifest.length > this.#limits.imageBytesMax) return "image_too_large";
    if (!this.#mayFetch(item.body.href)) return "link_not_allowed";
    if (current.kind !== "none" && current.deliveryId !== item.id) {
      if (current.kind !== "offered" && current.kind !== "confirmed_by_owner") return "update_under_way";
      say(current.deliveryId, "rejected", { reason: "superseded" });
    }
    const agreesAtMs = clock.nowMs() + this.#deps.agreesAfterMs;
    const underWay = { deliveryId: item.id, offer: item.body, expiresAtMs: item.expiresAtMs };
    memory.update({ update: { kind: "offered", ...underWay, agreesAtMs } });
    say(item.id, "offered");
    return null;
  }

  renew(item: FirmwareDelivery): void {
    const { update } = this.#deps.memory.record;
    if (update.kind === "none" || update.deliveryId !== item.id || !this.#mayFetch(item.body.href)) return;
    // Only the link: the manifest is the one that was verified.
    const offer = { ...update.offer, href: item.body.href };
    this.#deps.memory.update({ update: { ...update, offer, expiresAtMs: item.expiresAtMs } });
  }

  /** Goes as far as it can. Called with every tick, and harmless when there is nothing to do. */
  tick(): void {
    if (this.#broken !== null) throw this.#broken;
    // As many steps as an update has; a tick never loops for ever.
    for (let left = 12; left > 0 && !this.#stopped; left -= 1) if (!this.#advance()) return;
  }

  /** Ends a transfer under way and waits for it. What arrived is kept. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#transfer?.stop.abort();
    await this.#transfer?.ended;
  }

  get #update(): UpdateState {
    return this.#deps.memory.record.update;
  }

  #facts(): UpdateFacts {
    const { clock, deadlines, controls } = this.#deps;
    return {
      nowMs: clock.nowMs(),
      deadlineMs: deadlines.nowMs(),
      hot: controls.isHot(),
      running: controls.isRunning(),
      transferring: this.#transfer !== null,
    };
  }

  /** @returns whether something was done, so that there may be a next step */
  #advance(): boolean {
    const update = this.#update;
    if (update.kind === "none") return false;
    const step = nextUpdateStep(update, this.#facts());
    switch (step.do) {
      case "nothing":
      case "wait":
        return false;
      case "expire":
        this.#finish(update, "expired");
        return false;
      case "agree":
        this.#move({ kind: "confirmed_by_owner", ...shared(update) });
        return true;
      case "begin_download":
        this.#deps.store.clearPartial();
        this.#move({ kind: "downloading", ...shared(update), etag: null });
        return true;
      case "transfer":
        if (update.kind === "downloading") this.#begin(update);
        return false;
      case "verify":
        return this.#verifyImage(update);
      case "begin_installation":
        this.#move({ kind: "installing", ...shared(update), into: this.#spareSlot() });
        return true;
      case "write_slot":
        return update.kind === "installing" && this.#writeSlot(update);
      case "boot":
        if (update.kind === "rebooting") this.#boot(update);
        return false;
    }
  }

  /** Saves the step, then tells it. */
  #move(update: UnderWay): void {
    this.#deps.memory.update({ update });
    this.#deps.say(update.deliveryId, update.kind);
  }

  #finish(
    update: UnderWay,
    step: "failed" | "rejected" | "expired" | "confirmed" | "rolled_back",
    reason?: string,
  ): void {
    this.#deps.store.clearPartial();
    this.#deps.memory.update({ update: { kind: "none" } });
    this.#deps.say(update.deliveryId, step, reason === undefined ? {} : { reason });
  }

  #verify(signed: FirmwareDelivery["body"]["manifest"]): ReturnType<typeof verifyManifest> {
    const { model, hardwareId, memory, trustedKeys } = this.#deps;
    return verifyManifest(signed, trustedKeys, {
      model,
      hardwareId,
      releaseCounter: memory.record.firmware.confirmedCounter,
    });
  }

  #mayFetch(href: string): boolean {
    if (!URL.canParse(href)) return false;
    const url = new URL(href);
    return (url.protocol === "http:" || url.protocol === "https:") && (this.#deps.allowRemote || isLoopback(url));
  }

  #begin(update: Of<"downloading">): void {
    const stop = new AbortController();
    const ended = this.#download(update, stop.signal)
      .catch((cause: unknown) => {
        this.#broken = new Error(`the download of ${update.deliveryId} broke`, { cause });
      })
      .finally(() => {
        this.#transfer = null;
      });
    this.#transfer = { stop, ended };
  }

  async #download({ deliveryId }: Of<"downloading">, signal: AbortSignal): Promise<void> {
    const { timers, store } = this.#deps;
    let emptyTries = 0;
    while (!signal.aborted) {
      const update = this.#update;
      if (update.kind !== "downloading" || update.deliveryId !== deliveryId) return;
      const verdict = this.#verify(update.offer.manifest);
      if (verdict.kind === "refused") {
        this.#finish(update, "rejected", verdict.rule);
        return;
      }
      const before = store.partialBytes();
      const outcome = await this.#transferOnce(update, verdict.manifest, signal);
      if (signal.aborted) return;
      if (outcome.kind === "whole") {
        this.#move({ kind: "downloaded", ...shared(update) });
        return;
      }
      if (outcome.kind === "wrong") {
        this.#finish(update, "failed", outcome.reason);
        return;
      }
      emptyTries = store.partialBytes() > before ? 0 : emptyTries + 1;
      if (emptyTries >= this.#limits.emptyTriesMax) {
        this.#finish(update, "failed", `download_${outcome.reason}`);
        return;
      }
      const { retryMsMin, retryMsMax } = this.#limits;
      const waitMs = Math.min(retryMsMax, retryMsMin * 2 ** emptyTries);
      await pause(timers, waitMs * (0.5 + this.#deps.random() / 2), signal);
    }
  }

  #transferOnce(update: Of<"downloading">, manifest: FirmwareManifest, signal: AbortSignal): Promise<TransferOutcome> {
    const { store, timers, say, memory } = this.#deps;
    const cutter = new AbortController();
    let quarters = Math.floor((4 * store.partialBytes()) / manifest.length);
    return transfer({
      href: update.offer.href,
      length: manifest.length,
      etag: update.etag,
      store,
      timers,
      fetch: this.#deps.fetch,
      signal: AbortSignal.any([signal, cutter.signal]),
      limits: this.#limits.transfer,
      onStart(etag) {
        const now = memory.record.update;
        if (now.kind === "downloading") memory.update({ update: { ...now, etag } });
      },
      onProgress: (bytes) => {
        if (this.#faults.has("update_cut") && bytes < manifest.length && bytes * 4 >= manifest.length) {
          this.#faults.delete("update_cut");
          cutter.abort(new Error("cut by an injected fault"));
          return;
        }
        const reached = Math.floor((4 * bytes) / manifest.length);
        if (reached === quarters || reached === 4) return;
        quarters = reached;
        say(update.deliveryId, "downloading", { progress: reached / 4 });
      },
    });
  }

  #verifyImage(update: UnderWay): boolean {
    const verdict = this.#verify(update.offer.manifest);
    if (verdict.kind === "refused") {
      this.#finish(update, "rejected", verdict.rule);
      return false;
    }
    let image = this.#deps.store.readPartial();
    if (this.#faults.delete("update_bad_hash"))
      image = Uint8Array.from(image, (byte, at) => (at === 0 ? byte ^ 1 : byte));
    if (!isImageOf(verdict.manifest, image)) {
      this.#finish(update, "failed", "image_hash_wrong");
      return false;
    }
    this.#move({ kind: "verified", ...shared(update) });
    return true;
  }

  #spareSlot(): SlotName {
    return this.#deps.memory.record.firmware.active === "a" ? "b" : "a";
  }

  /** Writes the spare slot from the partial file, which stays until the end: a cut here starts the writing again. */
  #writeSlot(update: Of<"installing">): boolean {
    const { clock, memory, store } = this.#deps;
    const verdict = this.#verify(update.offer.manifest);
    const image = store.readPartial();
    if (verdict.kind === "refused" || !isImageOf(verdict.manifest, image)) {
      this.#finish(update, "failed", "image_lost");
      return false;
    }
    store.writeSlot(update.into, image);
    const { firmware } = memory.record;
    const { version, releaseCounter } = verdict.manifest;
    memory.update({
      firmware: { ...firmware, slots: { ...firmware.slots, [update.into]: { version, releaseCounter } } },
    });
    const backAtMs = clock.nowMs() + this.#limits.rebootMs;
    this.#move({ kind: "rebooting", ...shared(update), into: update.into, backAtMs, boots: 0 });
    this.#deps.onDown();
    return true;
  }

  /** Comes up from the new slot, looks whether it is well, and keeps it or goes back. */
  #boot(update: Of<"rebooting">): void {
    const { memory, store, onUp } = this.#deps;
    // Counted before the slot is tried: a power cut in the middle of a boot is a boot that did not come up.
    memory.update({ update: { ...update, boots: update.boots + 1 } });
    const image = store.readSlot(update.into);
    const healthy =
      !this.#faults.delete("update_failed_boot") &&
      update.boots < this.#limits.bootsMax &&
      image !== null &&
      Buffer.from(image).indexOf(unhealthyMarker) === -1;
    if (!healthy) {
      onUp();
      this.#finish(update, "rolled_back", "health_check_failed");
      return;
    }
    const { firmware } = memory.record;
    const confirmedCounter = firmware.slots[update.into]?.releaseCounter ?? firmware.confirmedCounter;
    memory.update({ firmware: { ...firmware, active: update.into, confirmedCounter } });
    onUp();
    this.#finish(update, "confirmed");
  }
}

const shared = ({
  deliveryId,
  offer,
  expiresAtMs,
}: UnderWay): Pick<UnderWay, "deliveryId" | "offer" | "expiresAtMs"> => ({
  deliveryId,
  offer,
  expiresAtMs,
});
