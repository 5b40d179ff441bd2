/**
 * How an appliance comes by its certificate and keeps one.
 *
 *   nothing --claim credential--> held --last third of its life, over its own connection--> the next one held, connects anew
 *      ^            |
 *      +- back-off -+
 */
import { provisioningReply, type ProvisioningReply } from "#protocol/provisioning.ts";
import { buildTopic, ownBatch } from "#protocol/topics.ts";
import type { IdentityStore } from "./agent/own-certificate.ts";
import { OwnCertificate } from "./agent/own-certificate.ts";
import { readJson } from "./agent/read-json.ts";
import type { LinkLogin } from "./link/device-link.ts";
import { type ClaimCredential, firstContact } from "./link/first-contact.ts";
import type { Clock } from "./platform/clock.ts";
import { pause, type Timers } from "./platform/timers.ts";

export interface ProvisionerDeps {
  deviceId: string;
  claim: ClaimCredential;
  store: IdentityStore;
  broker: string;
  ca?: string;
  /** The time of the world, whatever the appliance's own clock plays. */
  real: Clock;
  timers: Timers;
  /** 0 to 1. */
  random: () => number;
  /** Sends over the appliance's own connection. */
  send: (topic: string, payload: string) => void;
  /** There is a new certificate to connect with. */
  renewed: () => void;
  backOff?: { msMin: number; msMax: number };
  /** How long after a question without a good answer the next one is asked. */
  askAgainMs?: number;
}

export interface ProvisioningCounters {
  issued: number;
  /** Answers other than a certificate, by rule; `login_refused` and `unanswered` where there was none. */
  refused: Record<string, number>;
}

const hourMs = 3_600_000;

/** A CONNACK other than 0 has its code; anything else is a line that broke, or silence. */
const whyNot = (error: unknown): "login_refused" | "unanswered" =>
  error instanceof Error && "code" in error && typeof error.code === "number" ? "login_refused" : "unanswered";

export class Provisioner {
  readonly counters: ProvisioningCounters = { issued: 0, refused: {} };
  readonly #deps: ProvisionerDeps;
  readonly #own: OwnCertificate;
  readonly #ended = new AbortController();
  #nextAskMs = 0;
  #working: Promise<void> = Promise.resolve();

  constructor(deps: ProvisionerDeps) {
    this.#deps = deps;
    this.#own = new OwnCertificate(deps.deviceId, deps.store);
  }

  /** What its own connection is opened with; null before there is a certificate. */
  get login(): LinkLogin | null {
    const { held } = this.#own;
    return held && { kind: "certificate", certificate: held.certificate + held.chain, privateKey: held.privateKey };
  }

  /** Calls `ready` once there is a certificate: at once where one is kept, or after first contact. */
  start(ready: () => void): void {
    if (this.#own.isWithout(this.#deps.real.nowMs())) this.#working = this.#first(ready);
    else ready();
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#working;
  }

  /** Topics to subscribe to. */
  filters(): string[] {
    return [this.#topic("reply")];
  }

  /** Asks for the next certificate where it is time. */
  tick(): void {
    const { real, send, random, askAgainMs = hourMs } = this.#deps;
    const nowMs = real.nowMs();
    if (nowMs < this.#nextAskMs || !this.#own.isDue(nowMs)) return;
    // A fleet that was made in one week does not ask in one hour.
    this.#nextAskMs = nowMs + askAgainMs * (0.5 + random());
    this.#working = this.#own.request(nowMs).then((payload) => send(this.#topic("request"), payload));
  }

  /** An answer to what `tick` asked. */
  receive(payload: Uint8Array): void {
    const reply = provisioningReply.safeParse(readJson(payload));
    if (reply.success && this.#take(reply.data)) this.#deps.renewed();
  }

  async #first(ready: () => void): Promise<void> {
    const { deviceId, claim, broker, ca, real, timers, random, backOff } = this.#deps;
    const { msMin, msMax } = backOff ?? { msMin: 500, msMax: 300_000 };
    const { signal } = this.#ended;
    for (let failures = 0; !signal.aborted; failures += 1) {
      const payload = await this.#own.request(real.nowMs());
      const contact = { broker, claim, serial: deviceId, payload, timers, signal };
      const reply = await firstContact({ ...contact, ...(ca === undefined ? {} : { ca }) }).catch(whyNot);
      if (signal.aborted) return;
      if (typeof reply === "string") this.#count(reply);
      else if (this.#take(reply)) return ready();
      await pause(timers, Math.min(msMax, msMin * 2 ** Math.min(failures, 16)) * (0.5 + random() / 2), signal);
    }
  }

  /** @returns whether there is a new certificate */
  #take(reply: ProvisioningReply): boolean {
    const taken = this.#own.take(reply);
    if (taken === "held") this.counters.issued += 1;
    else this.#count(reply.kind === "refused" ? reply.rule : taken);
    return taken === "held";
  }

  #count(rule: string): void {
    this.counters.refused[rule] = (this.counters.refused[rule] ?? 0) + 1;
  }

  #topic(direction: "request" | "reply"): string {
    return buildTopic({ kind: "provisioning", batch: ownBatch, serial: this.#deps.deviceId, direction });
  }
}
