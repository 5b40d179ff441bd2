import type { DeviceRef, ReceiptFact, ReplyFact } from "../devices/devices.ts";
import { type Clock, every, type Ticker } from "../platform/clock.ts";
import type { Principal } from "../staff/staff.ts";
import type { Sampling } from "./core/live-queue.ts";
import {
  isOver,
  nextAsk,
  type SamplingLife,
  samplingOf,
  type SamplingTimes,
  takesPlace,
  unwatched,
} from "./core/sampling-life.ts";

export interface SamplingLimits extends SamplingTimes {
  /** Devices that sample faster at once: each says ten times as much as usual, and more. */
  fastMax: number;
  /** How long an asking may be on its way. */
  lifeMs: number;
}

export const samplingLimits: SamplingLimits = {
  everyMs: 1_000,
  fastMs: 30_000,
  againMs: 15_000,
  fastMax: 50,
  lifeMs: 10_000,
};

const tickMs = 500;

interface Asking {
  args: { every_ms: number; for_s: number };
  lifeMs: number;
}

interface FasterSamplingDeps {
  clock: Clock;
  /** Which of these devices are here. */
  online: (deviceKeys: readonly number[]) => Promise<Set<number>>;
  /** Asks with a command that is stored, and says who wanted it. Null where it could not be sent. */
  begin: (by: Principal, device: DeviceRef, asking: Asking) => Promise<{ id: string; generation: number } | null>;
  /** Asks again, and stores nothing. @returns the id that the reply names */
  again: (device: DeviceRef, asking: Asking & { generation: number }) => string;
  tell: (deviceKey: number, sampling: Sampling) => void;
  onError: (error: unknown) => void;
  limits?: Partial<SamplingLimits>;
}

interface Watched {
  device: DeviceRef;
  /** Who watched first: the one who wanted it. */
  by: Principal;
  life: SamplingLife;
  /** The last answer, which may come before it is known what was asked. */
  heard: { id: string; ok: boolean } | null;
  told: string;
}

/**
 * Has devices sample faster while somebody watches them, each asked once in a while whatever the number of those who watch, and no more of
 * them at once than the limit. What is asked ends by itself at the device, so that nothing has to be taken back.
 */
export class FasterSampling {
  readonly #deps: FasterSamplingDeps;
  readonly #limits: SamplingLimits;
  readonly #watched = new Map<number, Watched>();
  #ticker: Ticker | null = null;
  #ticking: Promise<void> = Promise.resolve();

  constructor(deps: FasterSamplingDeps) {
    this.#deps = deps;
    this.#limits = { ...samplingLimits, ...deps.limits };
  }

  /** Somebody watches these devices who may have them sample faster. */
  watch(by: Principal, devices: readonly DeviceRef[]): void {
    for (const device of devices) {
      const known = this.#watched.get(device.key);
      const watched = known ?? { device, by, life: unwatched, heard: null, told: "" };
      if (watched.life.watchers === 0) watched.by = by;
      // Whoever comes later is told as well.
      watched.told = "";
      watched.life = { ...watched.life, watchers: watched.life.watchers + 1 };
      this.#watched.set(device.key, watched);
    }
    this.#ticker ??= every(tickMs, () => this.tick(), this.#deps.onError);
    void this.tick().catch(this.#deps.onError);
  }

  /** They watch no longer. */
  unwatch(devices: readonly DeviceRef[]): void {
    for (const { key } of devices) {
      const watched = this.#watched.get(key);
      if (watched !== undefined) watched.life = { ...watched.life, watchers: Math.max(0, watched.life.watchers - 1) };
    }
  }

  /** How a device samples, as far as is known here. */
  stateOf({ key, id }: DeviceRef): Sampling {
    const life = this.#watched.get(key)?.life ?? unwatched;
    return samplingOf(id, life, this.#deps.clock.nowMs(), this.#limits, this.#hasRoom);
  }

  /** What devices said to what they were asked; once it is committed. */
  heard(replies: readonly ReplyFact[], receipts: readonly ReceiptFact[]): void {
    if (this.#watched.size === 0) return;
    for (const { device, reply } of replies) this.#answered(device, reply.commandId, reply.ok);
    for (const { device, receipt } of receipts) {
      // It refused the message before it looked at the order: this one is older than another that somebody sent meanwhile.
      if (receipt.step === "rejected" || receipt.step === "expired") this.#notTaken(device, receipt.deliveryId);
    }
  }

  /** Asks whoever is to be asked, and tells what has changed. One run at a time. */
  tick(): Promise<void> {
    const run = this.#ticking.then(() => this.#tick());
    this.#ticking = run.catch(() => {});
    return run;
  }

  async stop(): Promise<void> {
    this.#watched.clear();
    this.#rest();
    await this.#ticking;
  }

  async #tick(): Promise<void> {
    const { clock, online } = this.#deps;
    for (const [key, { life }] of this.#watched)
      if (isOver(life, clock.nowMs(), this.#limits)) this.#watched.delete(key);
    if (this.#watched.size === 0) return this.#rest();
    const here = await online([...this.#watched.keys()]);
    for (const [key, watched] of this.#watched) {
      watched.life = { ...watched.life, online: here.has(key) };
      await this.#ask(watched);
      this.#tell(watched);
    }
  }

  get #hasRoom(): boolean {
    const nowMs = this.#deps.clock.nowMs();
    let places = 0;
    for (const { life } of this.#watched.values()) if (takesPlace(life, nowMs, this.#limits)) places += 1;
    return places < this.#limits.fastMax;
  }

  async #ask(watched: Watched): Promise<void> {
    const { everyMs, fastMs, lifeMs } = this.#limits;
    const atMs = this.#deps.clock.nowMs();
    const ask = nextAsk(watched.life, atMs, this.#limits, this.#hasRoom);
    if (ask === null) return;
    const { device, by } = watched;
    const asking = { args: { every_ms: everyMs, for_s: fastMs / 1_000 }, lifeMs };
    const { generation } = watched.life;
    if (ask === "again" && generation !== null) {
      const id = this.#deps.again(device, { ...asking, generation });
      watched.life = { ...watched.life, asked: { id, atMs } };
      return;
    }
    const begun = await this.#deps.begin(by, device, asking);
    // Where it could not be sent it is tried again as if it had not been answered.
    watched.life = {
      ...watched.life,
      generation: begun?.generation ?? null,
      asked: { id: begun?.id ?? "", atMs },
    };
    this.#takeAnswer(watched);
  }

  #answered(device: DeviceRef, id: string, ok: boolean): void {
    const watched = this.#watched.get(device.key);
    if (watched === undefined) return;
    watched.heard = { id: id.toLowerCase(), ok };
    if (this.#takeAnswer(watched)) this.#tell(watched);
  }

  /** @returns whether the last answer is one to the last asking */
  #takeAnswer(watched: Watched): boolean {
    const { heard, life } = watched;
    if (heard === null || life.asked?.id !== heard.id) return false;
    const { everyMs, fastMs } = this.#limits;
    // The device counts from when it was told, which was earlier: those who watch hear of the end by then at the latest.
    const fast = heard.ok ? { everyMs, untilMs: this.#deps.clock.nowMs() + fastMs } : null;
    watched.life = { ...life, refused: !heard.ok, fast };
    watched.heard = null;
    return true;
  }

  #notTaken(device: DeviceRef, id: string): void {
    const watched = this.#watched.get(device.key);
    if (watched !== undefined && watched.life.asked?.id === id.toLowerCase())
      watched.life = { ...watched.life, generation: null };
  }

  #tell(watched: Watched): void {
    const { device, life } = watched;
    const sampling = samplingOf(device.id, life, this.#deps.clock.nowMs(), this.#limits, this.#hasRoom);
    const told = `${sampling.sampling} ${sampling.reason} ${sampling.untilMs}`;
    if (told === watched.told) return;
    watched.told = told;
    this.#deps.tell(device.key, sampling);
  }

  #rest(): void {
    const ticker = this.#ticker;
    this.#ticker = null;
    // Not waited for: it may be its own run that ends it.
    void ticker?.stop();
  }
}
