/**
 * Requests for certificates on their way to the cloud and back. Each belongs to the connection that asked; nothing of it is kept, since
 * whoever asks again with the same key is answered the same.
 *
 *   request --handed over--> PUBACK, waiting --enrolled--> the reply, to that connection where it still stands
 *      |                        +-- time out, link down --> try_again
 *      +-- no link, too many, too fast --> PUBACK, try_again
 */
import type { GatewayLimits } from "#protocol/link/limits.ts";
import type { EnrolFrom, GatewayMessage } from "#protocol/link/messages.ts";
import { type ProvisioningRefusal, provisioningRequestBytesMax, refusal } from "#protocol/provisioning.ts";
import type { Bounds } from "./bounds.ts";
import { Pace } from "./core/pace.ts";
import type { Counters } from "./counters.ts";
import type { FrameGate } from "./frame-gate.ts";
import type { LimitHits } from "./limit-hits.ts";
import type { Clock } from "./platform/clock.ts";

export interface EnrolmentsOptions {
  limits: GatewayLimits;
  hits: LimitHits;
  bounds: Bounds;
  clock: Clock;
  counters: Counters;
  /** @returns whether there is a link */
  ask: (message: GatewayMessage) => boolean;
}

interface Waiting {
  askId: number;
  gate: FrameGate;
  callOff: () => void;
}

export class Enrolments {
  readonly #options: EnrolmentsOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #byGate = new Map<FrameGate, Waiting>();
  /** Who holds a batch's secret must not keep devices that are in from renewing theirs. */
  readonly #paces: Record<EnrolFrom["kind"], Pace>;
  #nextAskId = 1;

  constructor(options: EnrolmentsOptions) {
    this.#options = options;
    const { limits, clock } = options;
    const pace = () => new Pace(limits.enrolmentsPerSecondMax, clock.nowMs());
    this.#paces = { claim: pace(), device: pace() };
  }

  /** Hands a request over, or says at once why not. When it returns the request can be acknowledged. */
  request(gate: FrameGate, from: EnrolFrom, payload: Buffer): void {
    const { limits, hits, bounds, clock, counters, ask } = this.#options;
    counters.enrol_requests += 1;
    if (this.#byGate.has(gate)) return this.#refuse(gate, "one_at_a_time");
    if (payload.length > provisioningRequestBytesMax) return this.#refuse(gate, "request_invalid");
    if (!this.#paces[from.kind].take(clock.nowMs())) {
      hits.hit("enrolmentsPerSecondMax");
      return this.#putOff(gate);
    }
    if (this.#waiting.size >= limits.enrolmentsPendingMax) {
      hits.hit("enrolmentsPendingMax");
      return this.#putOff(gate);
    }
    const askId = this.#nextAskId;
    this.#nextAskId += 1;
    const { address } = gate.peer;
    if (!ask({ kind: "enrol", askId, from, payload: payload.toString("utf8"), address })) return this.#putOff(gate);
    const callOff = clock.after(bounds.enrolTimeoutMs, () => this.#settle(askId, tryAgain));
    const waiting = { askId, gate, callOff };
    this.#waiting.set(askId, waiting);
    this.#byGate.set(gate, waiting);
  }

  /** The cloud's answer to an `enrol`. */
  answered(askId: number, payload: string): void {
    this.#settle(askId, payload);
  }

  linkDown(): void {
    for (const askId of this.#waiting.keys()) this.#settle(askId, tryAgain);
  }

  #settle(askId: number, payload: string): void {
    const waiting = this.#waiting.get(askId);
    if (waiting === undefined) return;
    waiting.callOff();
    this.#waiting.delete(askId);
    this.#byGate.delete(waiting.gate);
    if (payload === tryAgain) this.#putOff(waiting.gate);
    else this.#reply(waiting.gate, payload);
  }

  #putOff(gate: FrameGate): void {
    this.#options.counters.enrol_put_off += 1;
    this.#reply(gate, tryAgain);
  }

  #refuse(gate: FrameGate, rule: ProvisioningRefusal): void {
    this.#reply(gate, JSON.stringify(refusal(rule)));
  }

  #reply(gate: FrameGate, payload: string): void {
    const { counters } = this.#options;
    const topic = gate.access?.enrolment?.replyTopic;
    const refused = topic === undefined ? "absent" : gate.say(topic, payload, () => {});
    if (refused === null) counters.enrol_replies += 1;
    else counters.enrol_unheard += 1;
  }
}

const tryAgain = JSON.stringify(refusal("try_again"));
