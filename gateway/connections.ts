/** Every connection of the gateway: who is connected, since when, and the presence records that say so. */
import type { Aedes } from "aedes";
import type { Logger } from "pino";
import { networkOf } from "#protocol/address.ts";
import { type CloseReason, connack } from "#protocol/errors.ts";
import { type GatewayLimits, snakeCase } from "#protocol/link/limits.ts";
import {
  claimPrefix,
  type EnrolFrom,
  type GatewaySecurityKind,
  type Identity,
  type Presence,
  type Token,
} from "#protocol/link/messages.ts";
import type { LoginKind } from "#protocol/link/login.ts";
import type { Bounds } from "./bounds.ts";
import type { BrokerMemory } from "./broker-memory.ts";
import type { Access } from "./core/access.ts";
import type { HeldBackWord } from "./core/held-back.ts";
import type { ConnectPacket } from "./core/packets.ts";
import { SpentRates } from "./core/spent-rates.ts";
import { topicBeyond } from "./core/topic-limits.ts";
import type { Counters } from "./counters.ts";
import { FrameGate, type GateHost } from "./frame-gate.ts";
import type { Peer } from "./peer.ts";
import type { Clock } from "./platform/clock.ts";
import type { LimitHits } from "./limit-hits.ts";
import type { SecurityNote, SecurityReports } from "./security-reports.ts";
import type { Spool } from "./spool.ts";
import type { SystemRecords } from "./system-records.ts";
import type { Wires } from "./wires.ts";

export interface ConnectionsOptions {
  bootId: string;
  limits: GatewayLimits;
  bounds: Bounds;
  counters: Counters;
  hits: LimitHits;
  clock: Clock;
  logger: Logger;
  spool: Spool;
  records: SystemRecords;
  security: SecurityReports;
  wires: Wires;
  admission: Admission;
  enrol: EnrolRequested;
}

export type AdmissionOutcome =
  /** `token` is the one that it came with, which may end while it is connected. */
  | { kind: "accepted"; access: Access; login: LoginKind; token: Token | null }
  /** `because` is told to those who look after the service, and to nobody outside. */
  | { kind: "refused"; code: number; because: Pick<SecurityNote, "kind" | "reason"> };

/** Decides who comes in, and what they may then do. */
export interface Admission {
  check(packet: ConnectPacket, peer: Peer): Promise<AdmissionOutcome>;
}

/** What the gates hand on that is no matter of connections. */
export type EnrolRequested = (gate: FrameGate, from: EnrolFrom, payload: Buffer) => void;

/** Ends of a connection that are meant for the device, and leave its will unsaid. */
const shutOut: ReadonlySet<CloseReason> = new Set(["revoked", "credential_ended"]);
/** Ends of a connection that are refusals, and what they are told as. */
const refusals: { readonly [R in CloseReason]?: GatewaySecurityKind } = {
  protocol_error: "protocol_error",
  publish_refused: "publish_refused",
  will_refused: "will_refused",
  packet_too_large: "limit_hit",
  over_limit: "limit_hit",
  stayed_too_long: "limit_hit",
  connect_timeout: "limit_hit",
  login_timeout: "limit_hit",
};

export class Connections implements GateHost {
  readonly limits: GatewayLimits;
  readonly bounds: Bounds;
  readonly counters: Counters;
  readonly hits: LimitHits;
  readonly clock: Clock;
  readonly spool: Spool;
  readonly #records: SystemRecords;
  readonly #security: SecurityReports;
  readonly #wires: Wires;
  readonly #bootId: string;
  readonly #logger: Logger;
  readonly #admission: Admission;
  readonly #enrol: EnrolRequested;
  #broker: Aedes | null = null;
  #memory: BrokerMemory | null = null;
  #nextConnectionId = 1;
  readonly #gates = new Set<FrameGate>();
  readonly #bySession = new Map<string, FrameGate>();
  readonly #heldBack = new Set<FrameGate>();
  readonly #spentRates = new SpentRates();
  /** Connections that came for one thing only. */
  #brief = 0;
  #isDraining = false;
  #isOverfull = false;

  constructor(options: ConnectionsOptions) {
    const { bootId, limits, bounds, counters, hits, clock, logger, spool, admission, enrol } = options;
    this.#records = options.records;
    this.#security = options.security;
    this.#wires = options.wires;
    this.#bootId = bootId;
    this.limits = limits;
    this.bounds = bounds;
    this.counters = counters;
    this.hits = hits;
    this.clock = clock;
    this.#logger = logger;
    this.spool = spool;
    this.#admission = admission;
    this.#enrol = enrol;
  }

  /** Devices that are let in. */
  get count(): number {
    return this.#bySession.size;
  }

  /** Devices that say more than they may. */
  get heldBackCount(): number {
    return this.#heldBack.size;
  }

  /** The broker behind the gates, and its sessions; they need the connections to exist first. */
  use(broker: Aedes, memory: BrokerMemory): void {
    this.#broker = broker;
    this.#memory = memory;
  }

  accept(peer: Peer): void {
    if (this.#isDraining) return peer.hangUp("shutdown");
    this.counters.connects += 1;
    this.#gates.add(new FrameGate(peer, this));
  }

  connectRequested(gate: FrameGate, packet: ConnectPacket): void {
    if (packet.protocolLevel !== 4) {
      this.counters.refused_protocol += 1;
      this.#tell("protocol_error", "protocol_version", gate);
      gate.refuse(connack.unacceptableProtocol, "refused");
    } else if (this.spool.full || !this.spool.healthy) {
      this.counters.refused_spool_full += 1;
      gate.refuse(connack.serverUnavailable, "refused");
    } else {
      this.#admit(gate, packet).catch((error: unknown) => {
        this.#logger.error({ event: "login_failed", err: error });
        gate.refuse(connack.serverUnavailable, "refused");
      });
    }
  }

  async #admit(gate: FrameGate, packet: ConnectPacket): Promise<void> {
    const outcome = await this.#admission.check(packet, gate.peer);
    if (!gate.awaitsLogin) return;
    if (outcome.kind === "refused") {
      this.#countRefusal(outcome.code);
      this.#tell(outcome.because.kind, outcome.because.reason, gate);
      this.#noteRefused(gate, packet, outcome.code, outcome.because.reason);
      gate.refuse(outcome.code, "refused");
      return;
    }
    const { access, login, token } = outcome;
    const { sessionId } = access;
    // Who comes anew takes the place of a connection that is there, which may be dead: it needs no other.
    if (this.count >= this.limits.connectionsMax && !this.#bySession.has(sessionId)) {
      this.#countRefusal(connack.serverUnavailable);
      this.hits.hit("connectionsMax");
      this.#tell("limit_hit", "connections_max", gate);
      this.#noteRefused(gate, packet, connack.serverUnavailable, "connections_max");
      return gate.refuse(connack.serverUnavailable, "refused");
    }
    const { will } = packet;
    if (will !== null) {
      const code = access.willCodeOf(will);
      const beyond = topicBeyond(will.topic, this.limits);
      if (beyond !== null || code < 0) this.#noteRefused(gate, packet, null, beyond ?? "not_allowed");
      if (beyond !== null) return gate.overLimit(beyond, "will_refused");
      if (code < 0) return gate.close("will_refused", "not_allowed");
      gate.will = { ...will, code };
    }
    const broker = this.#broker;
    if (broker === null) return gate.close("shutdown");
    if (!packet.clean && this.#memory?.mayBegin(sessionId) === false) {
      this.#countRefusal(connack.serverUnavailable);
      return gate.refuse(connack.serverUnavailable, "refused");
    }
    if (access.isBrief && !this.#hasRoomForBrief(sessionId)) {
      this.#tell("limit_hit", "claim_connections_max", gate);
      return gate.refuse(connack.serverUnavailable, "refused");
    }
    gate.token = token;
    gate.connectionId = this.#nextConnectionId;
    this.#nextConnectionId += 1;
    const older = this.#bySession.get(sessionId);
    this.#bySession.set(sessionId, gate);
    if (access.identity !== null) gate.tape = this.#wires.open(sessionId, older?.tape ?? null);
    if (older !== undefined) this.#takeOver(older, gate);
    const rate = this.#spentRates.back(sessionId);
    if (rate !== null) gate.reading.goOnWith(rate);
    gate.tape?.connect(this.clock.nowMs(), packet, gate.peer.via, login);
    this.counters.logins += 1;
    const { address, via } = gate.peer;
    this.#record(access, gate.connectionId, { state: "connected", address, via, login });
    this.#logger.debug({ event: "connected", deviceId: sessionId, connectionId: gate.connectionId });
    gate.join(access, packet, broker);
    gate.peer.settled();
  }

  /** @param code of the CONNACK; null where its will was refused, which is answered by nothing */
  #noteRefused({ name, peer }: FrameGate, packet: ConnectPacket, code: number | null, reason: string): void {
    const tape = this.#wires.refused(name);
    const nowMs = this.clock.nowMs();
    tape?.connect(nowMs, packet, peer.via, null);
    if (code === null) tape?.closed(nowMs, "will_refused", reason);
    else tape?.connack(nowMs, code, reason);
  }

  /** Both ends of it are told; an appliance that lost its line and is back has one. */
  #takeOver(older: FrameGate, gate: FrameGate): void {
    const isBack = networkOf(older.peer.address) === networkOf(gate.peer.address);
    if (!isBack) this.#tell("takeover", "replaced", older);
    this.#tell("takeover", isBack ? "same_address" : "took_over", gate);
    older.close("taken_over");
  }

  #hasRoomForBrief(sessionId: string): boolean {
    const hasRoom = this.#brief < this.limits.claimConnectionsMax || this.#bySession.has(sessionId);
    if (!hasRoom) {
      this.#countRefusal(connack.serverUnavailable);
      this.hits.hit("claimConnectionsMax");
      return false;
    }
    this.#brief += 1;
    this.counters.claim_logins += 1;
    return true;
  }

  enrolRequested(gate: FrameGate, payload: Buffer): void {
    const from = gate.access?.enrolment?.from;
    if (from === undefined) return;
    // A certificate that was shown is what it came in by: no token makes up for a bad one.
    const fingerprint = gate.peer.certificate?.fingerprint ?? null;
    this.#enrol(gate, from.kind === "device" ? { ...from, fingerprint } : from, payload);
  }

  get isOverfull(): boolean {
    return this.#isOverfull;
  }

  overfilled(): void {
    if (this.#isOverfull) return;
    this.#isOverfull = true;
    this.hits.hit("heldBytesMax");
    for (const gate of this.#gates) gate.reading.steer();
  }

  /** Memory for held messages is free again, or some of it. */
  roomFreed(): void {
    if (!this.#isOverfull || this.spool.pendingBytes > this.limits.heldBytesMax / 2) return;
    this.#isOverfull = false;
    for (const gate of this.#gates) gate.reading.steer();
  }

  heldBack(gate: FrameGate, { state, limit }: HeldBackWord): void {
    if (state === "held") this.#heldBack.add(gate);
    else this.#heldBack.delete(gate);
    const { access, connectionId } = gate;
    if (access === null) return;
    this.#record(access, connectionId, { state, reason: snakeCase(limit), limit: this.limits[limit] });
    if (state === "held") this.#tell("limit_hit", snakeCase(limit), gate);
    this.#logger.info({ event: `device_${state}`, deviceId: access.sessionId, connectionId, limit });
  }

  closed(gate: FrameGate, reason: CloseReason): void {
    gate.peer.settled();
    this.counters[`closed_${reason}`] += 1;
    this.#gates.delete(gate);
    this.#heldBack.delete(gate);
    const { access, connectionId, will } = gate;
    const refusal = refusals[reason];
    if (refusal !== undefined) this.#tell(refusal, gate.why ?? reason, gate);
    if (access === null) return;
    if (access.isBrief) this.#brief -= 1;
    const { sessionId } = access;
    this.#spentRates.left(sessionId, gate.reading.rate, this.clock.nowMs());
    gate.tape?.closed(this.clock.nowMs(), reason, gate.why ?? "");
    if (gate.tape !== null && this.#bySession.get(sessionId) === gate) this.#wires.ended(sessionId, gate.tape);
    if (this.#bySession.get(sessionId) === gate) {
      this.#bySession.delete(sessionId);
      this.#memory?.slept(sessionId);
    }
    // A will speaks for a device that was cut off, and not for one that was shut out.
    if (will !== null && !shutOut.has(reason)) this.#speak(access, will);
    this.#record(access, connectionId, { state: "disconnected", reason });
    this.#logger.debug({ event: "disconnected", deviceId: sessionId, connectionId, reason });
  }

  #speak({ road, recordId }: Access, { code, topic, payload, qos, retain }: NonNullable<FrameGate["will"]>): void {
    if (road === "spool") {
      this.spool.append(code, recordId, this.clock.nowMs(), payload, 0, payload.length, null, 0);
    } else {
      this.#broker?.publish(
        { cmd: "publish", topic, payload, qos: qos === 0 ? 0 : qos === 1 ? 1 : 2, retain, dup: false },
        () => {},
      );
    }
  }

  of(deviceId: string): FrameGate | undefined {
    return this.#bySession.get(deviceId);
  }

  /** Ends what came in under a name: a device's connection, or all those of a batch's claim credential. */
  revoke(name: string): void {
    if (!name.startsWith(claimPrefix)) return this.of(name)?.close("revoked");
    for (const [sessionId, gate] of this.#bySession) if (sessionId.startsWith(`${name}:`)) gate.close("revoked");
  }

  /** Connections of devices that are let in. */
  joined(): Iterable<FrameGate> {
    return this.#bySession.values();
  }

  /** The credentials of a connected device are other ones now: its token may have ended, or got an end. */
  credentialsChanged(deviceId: string, identity: Identity | null): void {
    const gate = this.of(deviceId);
    const came = gate?.token;
    if (gate === undefined || !came) return;
    const now = identity?.tokens.find(({ sha256 }) => sha256 === came.sha256);
    if (now === undefined) gate.close("revoked");
    else gate.token = now;
  }

  /**
   * Ends the connections, logged in or not, that came with one of these certificates.
   *
   * @param ended told which sessions were theirs, before they end
   */
  revokeCertificates(fingerprints: ReadonlySet<string>, ended: (sessionId: string) => void): void {
    for (const gate of this.#gates) {
      const { certificate } = gate.peer;
      if (certificate === null || !fingerprints.has(certificate.fingerprint)) continue;
      if (gate.access !== null) ended(gate.access.sessionId);
      gate.close("revoked");
    }
  }

  sweep(nowMs: number): void {
    for (const gate of this.#gates) gate.sweep(nowMs);
  }

  /** Ends every connection, and lets no further one in. */
  shutDown(): void {
    this.#isDraining = true;
    for (const gate of this.#gates) gate.close("shutdown");
  }

  #record(access: Access, connectionId: number, what: Omit<Presence, "bootId" | "connectionId">): void {
    if (access.identity === null) return;
    const presence: Presence = { bootId: this.#bootId, connectionId, ...what };
    this.#records.append("presence", access.recordId, presence);
  }

  #tell(kind: GatewaySecurityKind, reason: string, { peer: { address }, name }: FrameGate): void {
    this.#security.note({ kind, reason, address, name });
  }

  #countRefusal(code: number): void {
    if (code === connack.notAuthorized) this.counters.refused_not_authorized += 1;
    else if (code === connack.identifierRejected) this.counters.refused_identifier += 1;
    else this.counters.refused_unavailable += 1;
  }
}
