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
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { connack } from "#protocol/errors.ts";
import { deviceIdPattern } from "#protocol/ids.ts";
import type { Logger } from "pino";
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
import type { ClientCertificates } from "./client-certificates.ts";
import { DeviceAccess } from "./core/device-access.ts";
import type { ConnectPacket } from "./core/packets.ts";
import type { Counters } from "./counters.ts";
import type { Peer, PeerCertificate } from "./peer.ts";
import type { Clock } from "./platform/clock.ts";

/** `silent`: the cloud did not answer, or could not be asked. */
export type Answer = Identity | null | "silent";

/** What every offered token is compared with as well: an unknown device costs the same kind of work as a known one. */
const nobody: Token = { sha256: createHash("sha256").update("nobody").digest("hex"), validUntilMs: 0 };
type Proof = Pick<Extract<AdmissionOutcome, { kind: "accepted" }>, "login" | "token">;

const refused = (code: number): AdmissionOutcome => ({ kind: "refused", code });
const failureWindowMs = 60_000;

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
  clock: Clock;
  counters: Counters;
  logger: Logger;
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
  readonly #failures = new Map<string, { count: number; sinceMs: number }>();

  constructor({ cache, certificates, bounds, clock, counters, logger, ask }: LoginOptions) {
    this.#cache = cache;
    this.#certificates = certificates;
    this.#bounds = bounds;
    this.#clock = clock;
    this.#counters = counters;
    this.#logger = logger;
    this.#ask = ask;
  }

  linkUp(): void {
    this.#linkIsUp = true;
    this.#verified.clear();
  }

  linkDown(): void {
    this.#linkIsUp = false;
    for (const { settle } of this.#asks.values()) settle("silent");
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

  /** Credentials changed: nothing that was known under this name counts. */
  forget(name: string): void {
    this.#verified.delete(name);
    const pending = this.#askByName.get(name);
    if (pending !== undefined) pending.isStale = true;
    this.#keep(this.#cache.removeIdentity(name));
  }

  /** @param peer whose address the limit on failures goes by */
  async check(packet: ConnectPacket, { address, certificate }: Peer): Promise<AdmissionOutcome> {
    if (certificate !== null) return this.#checkCertificate(packet, certificate, address);
    const name = packet.username;
    if (name === null || packet.password === null || !isName(name)) {
      return this.#failed(address, connack.notAuthorized);
    }
    const offered = createHash("sha256").update(packet.password).digest();
    const nowMs = this.#clock.nowMs();
    return this.#prove(name, packet, address, (identity) => {
      const token = fitting(offered, identity, nowMs);
      return token && { login: "token", token };
    });
  }

  async #checkCertificate(
    packet: ConnectPacket,
    certificate: PeerCertificate,
    address: string,
  ): Promise<AdmissionOutcome> {
    const verdict = this.#certificates.check(certificate, this.#clock.nowMs());
    if (verdict.kind === "bad") {
      const { why } = verdict;
      this.#counters[`refused_certificate_${why}`] += 1;
      const { fingerprint } = certificate;
      this.#logger.info({ event: "certificate_refused", why, fingerprint, clientId: packet.clientId, address });
      return this.#failed(address, connack.notAuthorized);
    }
    const { deviceId } = verdict;
    if (packet.username !== null && packet.username !== deviceId) return this.#failed(address, connack.notAuthorized);
    return this.#prove(deviceId, packet, address, (identity) => identity && { login: "certificate", token: null });
  }

  /** @param proof what it proves itself with to this identity, or null where that does not fit or there is none */
  async #prove(
    name: string,
    packet: ConnectPacket,
    address: string,
    proof: (identity: Identity | null) => Proof | null,
  ): Promise<AdmissionOutcome> {
    const cached = this.#cache.identity(name);
    const cachedProof = proof(cached);
    if (cachedProof && cached && this.#verified.has(name)) return accept(cached, cachedProof, packet);
    const answer = this.#mayAsk(address, cachedProof !== null) ? await this.#askCloud(name) : "silent";
    // It may have been forgotten while the cloud was asked.
    const identity = answer === "silent" ? this.#cache.identity(name) : answer;
    const proved = proof(identity);
    if (answer !== "silent") {
      return proved && answer ? accept(answer, proved, packet) : this.#failed(address, connack.notAuthorized);
    }
    if (!proved || !cachedProof || !identity) return this.#failed(address, connack.serverUnavailable);
    this.#counters.cached_identities_used += 1;
    return accept(identity, proved, packet);
  }

  /** Asks the cloud, whatever is remembered. */
  identify(name: string): Promise<Answer> {
    return this.#linkIsUp ? this.#askCloud(name) : Promise.resolve("silent");
  }

  #failed(address: string, code: number): AdmissionOutcome {
    const nowMs = this.#clock.nowMs();
    const known = this.#failures.get(address);
    if (known !== undefined && nowMs - known.sinceMs < failureWindowMs) {
      known.count += 1;
    } else {
      this.#failures.delete(address);
      if (this.#failures.size >= this.#bounds.addressesMax) {
        // Maps keep their order of insertion: the first is the oldest window.
        for (const oldest of this.#failures.keys()) {
          this.#failures.delete(oldest);
          break;
        }
      }
      this.#failures.set(address, { count: 1, sinceMs: nowMs });
    }
    return refused(code);
  }

  /** A household's devices share an address: one that fails all day must not lock out those whose token fits. */
  #mayAsk(address: string, cachedFits: boolean): boolean {
    if (!this.#linkIsUp || this.#cloudIsSilent || this.#asks.size >= this.#bounds.asksPendingMax) return false;
    const failures = this.#failures.get(address);
    if (cachedFits || failures === undefined) return true;
    const isRecent = this.#clock.nowMs() - failures.sinceMs < failureWindowMs;
    return !isRecent || failures.count < this.#bounds.loginFailuresPerMinuteMax;
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
    if (identity === null) {
      this.forget(name);
      return;
    }
    if (this.#verified.size >= this.#bounds.identitiesMax) this.#verified.clear();
    this.#verified.add(name);
    this.#keep(this.#cache.putIdentity(identity));
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

function accept(identity: Identity, proof: Proof, packet: ConnectPacket): AdmissionOutcome {
  if (identity.kind === "claim") return acceptClaim(identity, proof, packet);
  if (packet.clientId !== identity.deviceId) return refused(connack.identifierRejected);
  return { kind: "accepted", access: new DeviceAccess(identity), ...proof };
}

/** The client id names the serial number that a certificate is asked for, so that there is one connection for each. */
function acceptClaim({ batch }: ClaimIdentity, { token }: Proof, { clientId, clean }: ConnectPacket): AdmissionOutcome {
  const serial = clientId.slice(claimClientId(batch, "").length);
  if (clientId !== claimClientId(batch, serial) || !deviceIdPattern.test(serial)) {
    return refused(connack.identifierRejected);
  }
  if (!clean) return refused(connack.notAuthorized);
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
