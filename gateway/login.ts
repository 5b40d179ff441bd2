/**
 * Lets devices in by certificate or token, and by the claim credential of a production batch those that have neither yet. Whichever it
 * is, the proof must fit an identity:
 *
 *   it fits a verified identity ------------------------------> in
 *   otherwise ask the cloud --+-- known, it fits -------------> in
 *                             +-- unknown, or it does not fit > 5, the same way and at the same time
 *                             +-- silent: it fits the cached -> in
 *                                         anything else ------> 3, come back later
 *
 * A certificate that was shown must be good: no token makes up for a bad one.
 *
 * Who guesses at an id makes the gateway ask about it, and what it is told then lets the device in: an attack on an id is what makes
 * the gateway know it. What the cloud said of such an id counts for a second, so that all who try it cost one question a second.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { connack } from "#protocol/errors.ts";
import { deviceIdPattern } from "#protocol/ids.ts";
import type { Logger } from "pino";
import type { GatewayLimits } from "#protocol/link/limits.ts";
import {
  type ClaimIdentity,
  claimPrefix,
  type GatewayMessage,
  type Identity,
  type Token,
} from "#protocol/link/messages.ts";
import { batchKey, claimClientId } from "#protocol/provisioning.ts";
import type { Bounds } from "./bounds.ts";
import type { Admission, AdmissionOutcome } from "./connections.ts";
import type { CacheStore } from "./cache-store.ts";
import { ClaimAccess } from "./core/claim-access.ts";
import type { BadCertificate, ClientCertificates } from "./client-certificates.ts";
import { DeviceAccess } from "./core/device-access.ts";
import type { ConnectPacket } from "./core/packets.ts";
import type { Counters } from "./counters.ts";
import type { Peer, PeerCertificate } from "./peer.ts";
import type { Clock } from "./platform/clock.ts";
import type { SecurityNote, SecurityReports } from "./security-reports.ts";
import { SlowRefusals } from "./slow-refusals.ts";

/** `silent`: the cloud did not answer, or could not be asked. */
export type Answer = Identity | null | "silent";

/** What every offered token is compared with as well: an unknown device costs the same kind of work as a known one. */
const nobody: Token = { sha256: createHash("sha256").update("nobody").digest("hex"), validUntilMs: 0 };
type Proof = Pick<Extract<AdmissionOutcome, { kind: "accepted" }>, "login" | "token">;

/** Why a login was refused, for those who look after the service; outside, most of these are one. */
type LoginRefusal =
  | BadCertificate
  | "user_name_differs"
  | "no_credentials"
  | "malformed_name"
  | "unknown_name"
  | "wrong_token"
  | "client_id_differs"
  | "session_wanted"
  | "too_many_failures"
  | "cloud_silent";

/** Refusals that are told by another code than 5. */
const codes: { readonly [R in LoginRefusal]?: number } = {
  client_id_differs: connack.identifierRejected,
  too_many_failures: connack.serverUnavailable,
  cloud_silent: connack.serverUnavailable,
};

interface PendingAsk {
  /** The question that waits; 0 before the first. */
  askId: number;
  name: string;
  answer: Promise<Answer>;
  settle: (answer: Answer) => void;
  /** The device's credentials changed since: the answer on its way may be from before. */
  isStale: boolean;
}

export interface LoginOptions {
  cache: CacheStore;
  certificates: ClientCertificates;
  bounds: Bounds;
  limits: GatewayLimits;
  clock: Clock;
  counters: Counters;
  logger: Logger;
  security: SecurityReports;
  ask: (message: GatewayMessage) => void;
}

export class Login implements Admission {
  readonly #cache: CacheStore;
  readonly #certificates: ClientCertificates;
  readonly #bounds: Bounds;
  readonly #clock: Clock;
  readonly #counters: Counters;
  readonly #logger: Logger;
  readonly #ask: (message: GatewayMessage) => void;
  #linkIsUp = false;
  /** The cloud left a question unanswered and has said nothing since: nobody waits for it until it does. */
  #cloudIsSilent = false;
  #heardAtMs = 0;
  /** Names whose cached identity the cloud has confirmed since the link came up. */
  readonly #verified = new Set<string>();
  #nextAskId = 1;
  readonly #asks = new Map<number, PendingAsk>();
  readonly #askByName = new Map<string, PendingAsk>();
  readonly #refusals: SlowRefusals;
  /** What the cloud said of names under attack, a moment ago. */
  readonly #shared = new Map<string, { answer: Identity | null; untilMs: number }>();

  constructor(options: LoginOptions) {
    const { cache, certificates, bounds, limits, clock, counters, logger, security, ask } = options;
    this.#cache = cache;
    this.#certificates = certificates;
    this.#bounds = bounds;
    this.#clock = clock;
    this.#counters = counters;
    this.#logger = logger;
    this.#ask = ask;
    this.#refusals = new SlowRefusals({
      bounds,
      refusalDelayMsMax: limits.refusalDelayMsMax,
      clock,
      bruteForce: (reason, address, name) => security.note({ kind: "brute_force", reason, address, name }),
    });
  }

  linkUp(): void {
    this.#linkIsUp = true;
    this.#verified.clear();
  }

  linkDown(): void {
    this.#linkIsUp = false;
    for (const { settle } of this.#asks.values()) settle("silent");
  }

  /** Nobody waits any longer, for an answer or for a refusal. */
  stop(): void {
    this.linkDown();
    this.#refusals.release();
  }

  /** The cloud lives: it said something. */
  heard(): void {
    this.#heardAtMs = this.#clock.nowMs();
    this.#cloudIsSilent = false;
  }

  /** The cloud's answer to a `who`. */
  answered(askId: number, identity: Identity | null): void {
    const pending = this.#asks.get(askId);
    if (pending === undefined) return;
    if (pending.isStale) this.#askAbout(pending);
    else pending.settle(identity);
  }

  /** Credentials changed: nothing that was known under this name counts. @returns whether anything was */
  forget(name: string): boolean {
    const wasKnown = this.#cache.identity(name) !== null;
    this.#verified.delete(name);
    this.#shared.delete(name);
    const pending = this.#askByName.get(name);
    if (pending !== undefined) pending.isStale = true;
    this.#keep(this.#cache.removeIdentity(name));
    return wasKnown;
  }

  async check(packet: ConnectPacket, peer: Peer): Promise<AdmissionOutcome> {
    const outcome = await this.#decide(packet, peer);
    if (typeof outcome !== "string") return outcome;
    // A cloud that is away is no fault of those who come.
    if (outcome !== "cloud_silent") {
      peer.refused();
      await this.#refusals.failed(peer.address, packet.username ?? packet.clientId);
    }
    const because = { kind: kindOf(packet, peer), reason: outcome };
    return { kind: "refused", code: codes[outcome] ?? connack.notAuthorized, because };
  }

  /** @returns who comes in, or why not */
  #decide(packet: ConnectPacket, peer: Peer): LoginRefusal | Promise<AdmissionOutcome | LoginRefusal> {
    const { username: name, password } = packet;
    if (peer.certificate !== null) return this.#checkCertificate(packet, peer.certificate, peer.address);
    if (name === null || password === null) return "no_credentials";
    if (!isName(name)) return "malformed_name";
    const offered = createHash("sha256").update(password).digest();
    const nowMs = this.#clock.nowMs();
    return this.#prove(name, packet, peer.address, (identity) => {
      const token = fitting(offered, identity, nowMs);
      return token && { login: "token", token };
    });
  }

  #checkCertificate(
    packet: ConnectPacket,
    certificate: PeerCertificate,
    address: string,
  ): LoginRefusal | Promise<AdmissionOutcome | LoginRefusal> {
    const verdict = this.#certificates.check(certificate, this.#clock.nowMs());
    if (verdict.kind === "bad") {
      const { why } = verdict;
      this.#counters[`refused_certificate_${why}`] += 1;
      const { fingerprint } = certificate;
      this.#logger.debug({ event: "certificate_refused", why, fingerprint, clientId: packet.clientId, address });
      return why;
    }
    const { deviceId } = verdict;
    if (packet.username !== null && packet.username !== deviceId) return "user_name_differs";
    return this.#prove(deviceId, packet, address, (identity) => identity && { login: "certificate", token: null });
  }

  /** @param proof what it proves itself with to this identity, or null where that does not fit or there is none */
  async #prove(
    name: string,
    packet: ConnectPacket,
    address: string,
    proof: (identity: Identity | null) => Proof | null,
  ): Promise<AdmissionOutcome | LoginRefusal> {
    const cached = this.#cache.identity(name);
    const cachedProof = proof(cached);
    if (cachedProof && cached && this.#verified.has(name)) return accept(cached, cachedProof, packet);
    const answer = await this.#answerFor(name, address, cachedProof !== null);
    if (answer === "exhausted") return "too_many_failures";
    // It may have been forgotten while the cloud was asked.
    const identity = answer === "silent" ? this.#cache.identity(name) : answer;
    const proved = proof(identity);
    if (answer === "silent") {
      if (!proved || !cachedProof || !identity) return "cloud_silent";
      this.#counters.cached_identities_used += 1;
      return accept(identity, proved, packet);
    }
    if (identity === null) return "unknown_name";
    return proved === null ? "wrong_token" : accept(identity, proved, packet);
  }

  /** A household's devices share an address: one that fails all day must not lock out those whose token fits. */
  #answerFor(name: string, address: string, cachedFits: boolean): Answer | "exhausted" | Promise<Answer> {
    const shared = this.#shared.get(name);
    if (shared !== undefined && this.#clock.nowMs() < shared.untilMs) return shared.answer;
    const asked = this.#askByName.get(name);
    if (asked) return asked.answer;
    if (!this.#linkIsUp || this.#cloudIsSilent || this.#asks.size >= this.#bounds.asksPendingMax) return "silent";
    return !cachedFits && this.#refusals.isExhausted(address) ? "exhausted" : this.#askCloud(name);
  }

  /** Asks the cloud, whatever is remembered. */
  identify(name: string): Promise<Answer> {
    return this.#linkIsUp ? this.#askCloud(name) : Promise.resolve("silent");
  }

  #askCloud(name: string): Promise<Answer> {
    const asked = this.#askByName.get(name);
    if (asked) return asked.answer;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const { askTimeoutMs, askTimeoutMsMax } = this.#bounds;
    const askedAtMs = this.#clock.nowMs();
    const waitFurther = (): (() => void) =>
      this.#clock.after(askTimeoutMs, () => {
        const nowMs = this.#clock.nowMs();
        this.#cloudIsSilent = nowMs - this.#heardAtMs >= askTimeoutMs;
        if (this.#cloudIsSilent || nowMs - askedAtMs >= askTimeoutMsMax) settle("silent");
        else cancelTimeout = waitFurther();
      });
    let cancelTimeout = waitFurther();
    const settle = (answer: Answer) => {
      cancelTimeout();
      this.#asks.delete(pending.askId);
      this.#askByName.delete(name);
      if (answer === "silent") this.#counters.asks_unanswered += 1;
      else this.#remember(name, answer);
      resolve(answer);
    };
    const pending: PendingAsk = { askId: 0, name, answer: promise, settle, isStale: false };
    this.#askByName.set(name, pending);
    this.#askAbout(pending);
    return promise;
  }

  /** Asks, or asks again where the answer that came may be from before the credentials changed. */
  #askAbout(pending: PendingAsk): void {
    const { name } = pending;
    this.#asks.delete(pending.askId);
    const askId = this.#nextAskId;
    this.#nextAskId += 1;
    pending.askId = askId;
    pending.isStale = false;
    this.#asks.set(askId, pending);
    this.#ask({ kind: "who", askId, name });
  }

  #remember(name: string, identity: Identity | null): void {
    if (identity === null) this.forget(name);
    if (this.#refusals.isUnderAttack(name)) this.#share(name, identity);
    if (identity === null) return;
    if (this.#verified.size >= this.#bounds.identitiesMax) this.#verified.clear();
    this.#verified.add(name);
    this.#keep(this.#cache.putIdentity(identity));
  }

  #share(name: string, answer: Identity | null): void {
    const { sharedAnswersMax, sharedAnswerMs } = this.#bounds;
    if (this.#shared.size >= sharedAnswersMax) this.#shared.clear();
    this.#shared.set(name, { answer, untilMs: this.#clock.nowMs() + sharedAnswerMs });
  }

  /** The cache is only a help: where it cannot be written, the cloud is asked. */
  #keep(written: Promise<void>): void {
    written.catch((error: unknown) => this.#logger.error({ event: "cache_write_failed", err: error }));
  }
}

/** A device's id, or a batch behind `claim:`. */
const isName = (name: string): boolean =>
  name.startsWith(claimPrefix)
    ? batchKey.safeParse(name.slice(claimPrefix.length)).success
    : deviceIdPattern.test(name);

/** As what a refusal is told: by what it tried to come in with. */
const kindOf = ({ username }: ConnectPacket, { certificate }: Peer): SecurityNote["kind"] => {
  if (certificate !== null) return "certificate_refused";
  return username?.startsWith(claimPrefix) ? "claim_refused" : "login_refused";
};

function accept(identity: Identity, proof: Proof, packet: ConnectPacket): AdmissionOutcome | LoginRefusal {
  if (identity.kind === "claim") return acceptClaim(identity, proof, packet);
  if (packet.clientId !== identity.deviceId) return "client_id_differs";
  return { kind: "accepted", access: new DeviceAccess(identity), ...proof };
}

/** The client id names the serial number that a certificate is asked for, so that there is one connection for each. */
function acceptClaim(
  { batch }: ClaimIdentity,
  { token }: Proof,
  { clientId, clean }: ConnectPacket,
): AdmissionOutcome | LoginRefusal {
  const serial = clientId.slice(claimClientId(batch, "").length);
  if (clientId !== claimClientId(batch, serial) || !deviceIdPattern.test(serial)) return "client_id_differs";
  if (!clean) return "session_wanted";
  return { kind: "accepted", access: new ClaimAccess(batch, serial), login: "claim", token };
}

/** The token that fits and has not ended, or null. Whether there is an identity at all does not tell in the work. */
function fitting(offered: Buffer, identity: Identity | null, nowMs: number): Token | null {
  let fit: Token | null = null;
  for (const token of [nobody, ...(identity?.tokens ?? [])]) {
    const expected = Buffer.from(token.sha256, "hex");
    const isSame = expected.length === offered.length && timingSafeEqual(expected, offered);
    if (isSame && nowMs < (token.validUntilMs ?? Infinity)) fit = token;
  }
  return fit;
}
