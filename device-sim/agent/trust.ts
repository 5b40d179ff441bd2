import type { FirmwareOffer, UpdateFailure } from "#protocol/update.ts";
import type { Clock } from "../platform/clock.ts";
import type { Memory } from "./controls.ts";
import { type CheckedImage, decideImage, type OwnFacts, type SignedTarget } from "./core/decide-image.ts";
import { decideStatement } from "./core/decide-statement.ts";
import { factsOf, holdsAgainst, remember, type SetFacts } from "./core/set-facts.ts";
import { raisedFloor } from "./core/time-floor.ts";
import type { DeviceStore } from "./device-store.ts";
import { fetchStatement } from "./director.ts";
import type { FactoryTrust } from "./factory-trust.ts";
import { isFull } from "./flash.ts";
import type { Reach } from "./limited-fetch.ts";
import { refreshMetadata } from "./trusted-metadata.ts";
import type { TrustedSet } from "./trusted-set.ts";

export interface TrustDeps {
  deviceId: string;
  /** What it was made with; without it no update is believed. */
  factory: FactoryTrust | null;
  store: DeviceStore;
  memory: Memory;
  /** What the appliance takes for the time. */
  clock: Clock;
  reach: Reach;
}

export type Refreshed = { kind: "verified"; target: SignedTarget | null } | { kind: "refused"; rule: UpdateFailure };
export type Checked =
  | { kind: "accepted"; image: CheckedImage; statementUntilMs: number }
  | { kind: "refused"; rule: UpdateFailure };

const refused = (rule: UpdateFailure): { kind: "refused"; rule: UpdateFailure } => ({ kind: "refused", rule });

/** Whom the appliance believes: it checks what it is offered against what it was made with and what it has seen. */
export class Trust {
  readonly #deps: TrustDeps;

  constructor(deps: TrustDeps) {
    this.#deps = deps;
  }

  /** The clock's time, or the time floor where the clock is behind. */
  get nowMs(): number {
    const { clock, memory } = this.#deps;
    return Math.max(clock.nowMs(), memory.record.trust.floorMs);
  }

  get isEquipped(): boolean {
    return this.#deps.factory !== null;
  }

  /** Where to look for metadata from now on. */
  lookAt(metadataHref: string): void {
    const { memory } = this.#deps;
    const { trust } = memory.record;
    if (trust.metadataHref === metadataHref) return;
    memory.update({ trust: { ...trust, metadataHref, freshAtMs: trust.freshAtMs ?? this.nowMs } });
  }

  /** Brings the metadata up to date. What was verified is kept, whatever comes of the rest. */
  async refresh(href: string, path: string | null, signal: AbortSignal): Promise<Refreshed> {
    const { factory, store, reach } = this.#deps;
    if (factory === null) return refused("no_factory_root");
    const stored = store.loadTrusted();
    const outcome = await refreshMetadata(reach, {
      stored,
      factoryRoot: factory.root,
      href,
      path,
      nowMs: this.nowMs,
      signal,
    });
    const unkept = outcome.set === null ? null : this.#keep(stored, outcome.set, outcome.kind === "verified");
    if (unkept !== null) return refused(unkept);
    return outcome.kind === "verified" ? { kind: "verified", target: outcome.target } : refused(outcome.rule);
  }

  /**
   * Asks the director which image this appliance is to have, and the image repository whether that image is one that may run here.
   */
  async check(deliveryId: string, offer: FirmwareOffer, own: OwnFacts, signal: AbortSignal): Promise<Checked> {
    const { deviceId, factory, memory, reach } = this.#deps;
    if (factory === null) return refused("no_factory_root");
    const asked = await fetchStatement(reach, offer.statementHref, factory.directorKeys, signal);
    if (asked.kind === "refused") return asked;
    const { statement } = asked;
    const { claims, keyId, sha256 } = statement;
    const context = (): Parameters<typeof decideStatement>[1] => ({
      deviceId,
      deliveryId,
      model: own.model,
      nowMs: this.nowMs,
      followed: memory.record.trust.statements[keyId] ?? null,
    });
    const before = decideStatement(statement, context());
    if (before.kind === "refused") return before;
    const refreshed = await this.refresh(offer.metadataHref, claims.path, signal);
    if (refreshed.kind === "refused") return refreshed;
    // The metadata may just have shown that it is later than the clock says.
    const decision = decideStatement(statement, context());
    if (decision.kind === "refused") return decision;
    const verdict = decideImage(refreshed.target, claims, own);
    if (verdict.kind === "refused") return verdict;
    this.#follow(keyId, { seq: claims.seq, sha256 }, claims.iat * 1_000);
    return { kind: "accepted", image: verdict.image, statementUntilMs: claims.exp * 1_000 };
  }

  /** @returns why the set cannot be kept, or null where it is */
  #keep(stored: TrustedSet | null, set: TrustedSet, isFresh: boolean): UpdateFailure | null {
    const { memory, store } = this.#deps;
    const facts = factsOf(set);
    const { trust } = memory.record;
    if (facts === null) return "metadata_malformed";
    if (!holdsAgainst(trust.versions, facts.versions)) return "metadata_rolled_back";
    try {
      if (!isSame(stored, set)) store.saveTrusted(set);
    } catch (error) {
      if (isFull(error)) return "disk_full";
      throw error;
    }
    const next = {
      ...trust,
      versions: remember(trust.versions, facts.versions),
      ...(isFresh ? { floorMs: floorAfter(trust.floorMs, facts, null) } : {}),
    };
    memory.update({ trust: isFresh ? { ...next, freshAtMs: Math.max(this.nowMs, next.floorMs) } : next });
    return null;
  }

  #follow(keyId: string, followed: { seq: number; sha256: string }, issuedMs: number): void {
    const { memory, store } = this.#deps;
    const { trust } = memory.record;
    const set = store.loadTrusted();
    const floorMs = floorAfter(trust.floorMs, set === null ? null : factsOf(set), issuedMs);
    memory.update({ trust: { ...trust, floorMs, statements: { ...trust.statements, [keyId]: followed } } });
  }
}

function floorAfter(floorMs: number, facts: SetFacts | null, statementIssuedMs: number | null): number {
  const timestampExpiresMs = facts?.timestampExpiresMs ?? null;
  const offlineExpiresMs = facts?.offlineExpiresMs ?? null;
  if (timestampExpiresMs === null || offlineExpiresMs === null) return floorMs;
  return raisedFloor(floorMs, { timestampExpiresMs, statementIssuedMs, offlineExpiresMs });
}

function isSame(one: TrustedSet | null, other: TrustedSet): boolean {
  const roles = Object.keys(other);
  return one !== null && roles.length === Object.keys(one).length && roles.every((role) => one[role] === other[role]);
}
