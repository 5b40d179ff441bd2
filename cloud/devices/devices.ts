import type { RawBuilder } from "kysely";
import type { DeviceIdentity } from "#protocol/link/messages.ts";
import type { Model } from "#protocol/model.ts";
import type { Desired } from "#protocol/state.ts";
import { changedMeanwhile, type Overtaken } from "../platform/based-on.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, sqlState, transaction } from "../platform/database.ts";
import type { DeviceMessage, MessagePage } from "../platform/device-message.ts";
import type { Ids } from "../platform/ids.ts";
import type { Refused } from "../platform/refused.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import type { MetricLayout } from "./core/metric-layout.ts";
import { mergeReported, reportsOf } from "./core/reported-state.ts";
import type { DeviceRef, ReportedFact } from "./core/up-facts.ts";
import { CertifiedDevices } from "./certified-devices.ts";
import { DeviceCache } from "./device-cache.ts";
import { DeviceLabels } from "./device-labels.ts";
import { DeviceTokens } from "./device-tokens.ts";
import { type DeviceFilter, type DeviceRow, DevicesStore } from "./devices-store.ts";
import { ModelsStore } from "./models-store.ts";
import { isKnownOtherwise, type OwnedAppliance, ownedAppliances } from "./owned-appliances.ts";
import { Presence } from "./presence.ts";
import { type DevicesCame, type FactsTold, Tenure } from "./tenure.ts";
import { WatchedDevices } from "./watched-devices.ts";

export type {
  DeviceRef,
  EventFact,
  PresenceFact,
  ReadingFact,
  ReceiptFact,
  ReplyFact,
  ReportedFact,
} from "./core/up-facts.ts";
export type { CertifiedDevices } from "./certified-devices.ts";
export { householdAt } from "./core/up-facts.ts";
export type { MetricLayout } from "./core/metric-layout.ts";
export { findDevices } from "./device-search.ts";
export { findModels } from "./model-search.ts";
export { reportedValues } from "./core/reported-state.ts";
export { country, tags } from "./core/labels.ts";
export { deviceFacts, type DeviceFactsRow } from "./device-facts.ts";
export type { OwnedAppliance } from "./owned-appliances.ts";
export { deviceSerials } from "./device-serials.ts";
export type { DeviceRow } from "./devices-store.ts";
export type { AwayCursor, AwayPage, WatchedDevices } from "./watched-devices.ts";
export { deviceProblems } from "./errors.ts";
export { devicesData } from "./household-data.ts";
export { tenureSpans, type TenureSpan, tenureSpansOf } from "./tenure-spans.ts";

export interface Registration {
  id: string;
  model: string;
  serial?: string | undefined;
  householdId?: string | undefined;
  soldAtMs?: number | undefined;
  warrantyUntilMs?: number | undefined;
  country?: string | undefined;
  tags?: readonly string[] | undefined;
}

/** A device as somebody may see it; `owner` where that is a household, which sees nothing from before it had it. */
export interface SeenDevice {
  device: DeviceRef;
  owner?: { householdId: string; sinceMs: number };
}

const foreignKeyViolation = "23503";

/** What changed that the gateway must hear of at once. */
export interface DeviceSignals {
  credentialsChanged(deviceId: string, disconnect: boolean): void;
  desiredChanged(deviceId: string): void;
}

/** Models, and the registry of appliances: who they are, what they report, what is wanted of them, and whether they are here. */
export class Devices {
  readonly tokens: DeviceTokens;
  readonly certified: CertifiedDevices;
  readonly labels: DeviceLabels;
  /** Which household has a device. What changes it calls `forget` or `left` after its commit. */
  readonly tenure: Tenure;
  readonly presence: Presence;
  readonly watched = new WatchedDevices();
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #audit: Audit;
  readonly #store = new DevicesStore();
  readonly #models = new ModelsStore();
  readonly #cache = new DeviceCache(200_000);
  readonly #factsWatchers: ((tx: Db, householdIds: readonly string[]) => Promise<void>)[] = [];
  readonly #modelWatchers: ((tx: Db, model: string) => Promise<void>)[] = [];
  readonly #putWatchers: ((tx: Db, before: Model, after: Model) => Promise<() => void>)[] = [];
  readonly #comeWatchers: DevicesCame[] = [];
  #signals: DeviceSignals = { credentialsChanged() {}, desiredChanged() {} };

  constructor(deps: { db: Db; clock: Clock; ids: Ids; audit: Audit }) {
    this.#db = deps.db;
    this.#clock = deps.clock;
    this.#audit = deps.audit;
    const changed = (deviceId: string, disconnect: boolean) => this.#signals.credentialsChanged(deviceId, disconnect);
    this.tokens = new DeviceTokens({ ...deps, changed });
    const told: FactsTold = (tx, householdIds) => this.#toldFacts(tx, householdIds);
    const came: DevicesCame = (tx, deviceKeys) => this.#came(tx, deviceKeys);
    this.tenure = new Tenure(told, came);
    this.labels = new DeviceLabels({ ...deps, told });
    this.presence = new Presence(deps);
    this.certified = new CertifiedDevices({ clock: deps.clock, changed, came });
  }

  /** Reads the models' layouts into memory. Before anything else. */
  async load(): Promise<void> {
    await this.#models.load(this.#db);
  }

  onSignals(signals: DeviceSignals): void {
    this.#signals = signals;
  }

  /** Who hears, in the transaction of the change, which households have other appliances or ones that are known otherwise. */
  onFactsChanged(watch: (tx: Db, householdIds: readonly string[]) => Promise<void>): void {
    this.#factsWatchers.push(watch);
  }

  /**
   * Who hears, in the transaction of the change, that all appliances of a model are known otherwise by its next version. Of their
   * households nothing is said: they may be very many.
   */
  onModelChanged(watch: (tx: Db, model: string) => Promise<void>): void {
    this.#modelWatchers.push(watch);
  }

  /** Who hears, in its transaction, of a next version of a model; what is given back waits for the commit. */
  onModelPut(watch: (tx: Db, before: Model, after: Model) => Promise<() => void>): void {
    this.#putWatchers.push(watch);
  }

  /** Who hears, in the transaction of the change, of appliances that are new, somebody else's, or no longer blocked. */
  onCame(watch: DevicesCame): void {
    this.#comeWatchers.push(watch);
  }

  // Models

  models(): Promise<Model[]> {
    return this.#models.list(this.#db);
  }

  model(key: string): Promise<Model | null> {
    return this.#models.find(this.#db, key);
  }

  layout(model: string): MetricLayout {
    return this.#models.layout(model);
  }

  /** Appliances of some models in the order of their keys, above `afterKey`. */
  ofModels(db: Db, models: readonly string[], afterKey: number, limit: number): Promise<DeviceRef[]> {
    return this.#store.refsOfModels(db, models, afterKey, limit);
  }

  /** The keys of a model's appliances, as a query. */
  keysOfModel(model: string): RawBuilder<unknown> {
    return this.#store.keysOfModel(model);
  }

  /** Those of some appliances that carry a tag. */
  async tagged(db: Db, keys: readonly number[], tag: string): Promise<ReadonlySet<number>> {
    return new Set(await this.#store.keysWithTag(db, keys, tag));
  }

  /** Puts a model's next version. The same version with the same content again changes nothing. */
  async putModel(
    by: Principal,
    model: Model,
  ): Promise<{ kind: "stored" | "unchanged" } | Refused<"model_version_not_next">> {
    const afterCommit: (() => void)[] = [];
    const outcome = await transaction(this.#db, async (tx) => {
      const known = await this.#models.find(tx, model.key);
      if (known !== null && JSON.stringify(known) === JSON.stringify(model)) return { kind: "unchanged" as const };
      const next = (known?.version ?? 0) + 1;
      // A first version may carry any number: the maker's own history starts before Hearth.
      if (known !== null && model.version !== next) {
        return {
          kind: "refused" as const,
          rule: "model_version_not_next" as const,
          detail: `The next version is ${next}.`,
        };
      }
      await this.#models.insert(tx, model, this.#clock.nowMs());
      if (known !== null && isKnownOtherwise(known, model))
        for (const watch of this.#modelWatchers) await watch(tx, model.key);
      if (known !== null) for (const watch of this.#putWatchers) afterCommit.push(await watch(tx, known, model));
      await this.#audit.record(tx, {
        principal: by,
        action: "model.put",
        subject: `model:${model.key}`,
        before: known === null ? undefined : { version: known.version },
        after: { version: model.version },
      });
      return { kind: "stored" as const };
    });
    // Also where nothing changed: an earlier PUT may have been committed without anybody hearing of it.
    if (outcome.kind !== "refused") await this.#models.refresh(this.#db, model);
    for (const run of afterCommit) run();
    return outcome;
  }

  // Registry

  /**
   * Registers devices, all or none.
   *
   * @returns each device's token, which is kept nowhere: only its hash is
   */
  async register(
    by: Principal,
    registrations: readonly Registration[],
  ): Promise<
    | { kind: "registered"; tokens: Map<string, string> }
    | Refused<"device_exists" | "model_not_found" | "household_not_found">
  > {
    const models = new Set((await this.models()).map((model) => model.key));
    const stranger = registrations.find((registration) => !models.has(registration.model));
    if (stranger !== undefined)
      return { kind: "refused", rule: "model_not_found", detail: `The model is ${stranger.model}.` };
    const rows = [...new Map(registrations.map((registration) => [registration.id, registration])).values()].map(
      (registration) => ({
        id: registration.id,
        model: registration.model,
        serial: registration.serial ?? registration.id,
        householdId: registration.householdId ?? null,
        soldAtMs: registration.soldAtMs ?? null,
        warrantyUntilMs: registration.warrantyUntilMs ?? null,
        country: registration.country ?? null,
        tags: [...new Set(registration.tags ?? [])].toSorted(),
      }),
    );
    const registering = transaction(this.#db, async (tx) => {
      const ids = rows.map((row) => row.id);
      const [taken] = await this.#store.refs(tx, ids);
      if (taken !== undefined) return { kind: "exists" as const, id: taken.id };
      const inserted = await this.#store.insert(tx, rows, this.#clock.nowMs());
      if (inserted.length < rows.length) throw new Error("a device was registered by somebody else at the same moment");
      const [only] = rows;
      await this.#toldFacts(
        tx,
        rows.map(({ householdId }) => householdId),
      );
      await this.#came(tx, inserted);
      await this.#audit.record(tx, {
        principal: by,
        action: "device.registered",
        subject: rows.length === 1 && only !== undefined ? `device:${only.id}` : `devices:${rows.length}`,
        after: { ids: ids.slice(0, 20), count: rows.length },
      });
      return { kind: "registered" as const, tokens: await this.tokens.issue(tx, ids) };
    });
    try {
      const outcome = await registering;
      return outcome.kind === "registered"
        ? outcome
        : { kind: "refused", rule: "device_exists", detail: `The id is ${outcome.id}.` };
    } catch (error) {
      // A device refers to one thing only that may be missing.
      if (sqlState(error) === foreignKeyViolation) return { kind: "refused", rule: "household_not_found" };
      throw error;
    }
  }

  get(id: string): Promise<DeviceRow | null> {
    return this.#store.find(this.#db, id);
  }

  page(filter: DeviceFilter): Promise<DeviceRow[]> {
    return this.#store.page(this.#db, filter);
  }

  counts(): Promise<{ model: string; total: number; online: number }[]> {
    return this.#store.counts(this.#db);
  }

  /** What the up road needs to know of devices, by id. Unknown ids are missing from the answer. */
  async find(ids: readonly string[]): Promise<Map<string, DeviceRef>> {
    return this.#cache.find(ids, (missing) => this.#store.refs(this.#db, missing));
  }

  async refsByKey(keys: readonly number[], db = this.#db): Promise<Map<number, DeviceRef>> {
    return new Map((await this.#store.refsByKey(db, keys)).map((ref) => [ref.key, ref]));
  }

  /** Which of these devices are connected, and may be. */
  async online(keys: readonly number[]): Promise<Set<number>> {
    return new Set(await this.#store.online(this.#db, keys));
  }

  /** The models of devices, by key. */
  async modelsOf(keys: readonly number[]): Promise<Map<number, string>> {
    return new Map((await this.#store.refsByKey(this.#db, keys)).map(({ key, model }) => [key, model]));
  }

  ofModel(model: string, limit: number): Promise<DeviceRef[]> {
    return this.#store.refsOfModel(this.#db, model, limit);
  }

  countOfModel(tx: Db, model: string): Promise<number> {
    return this.#store.countOfModel(tx, model);
  }

  /** What there is to know of the appliances of some households, many at once. */
  ownedBy(db: Db, householdIds: readonly string[]): Promise<Map<string, OwnedAppliance[]>> {
    return ownedAppliances(db, householdIds);
  }

  ofHousehold(householdId: string): Promise<DeviceRef[]> {
    return this.#store.refsOfHousehold(this.#db, householdId);
  }

  /** Appliances that somebody has, in the order of their keys. */
  owned(limit: number): Promise<DeviceRef[]> {
    return this.#store.ownedRefs(this.#db, limit);
  }

  /** A committed change to a device that the up road must see from now on. */
  forget(deviceId: string): void {
    this.#cache.forget(deviceId);
  }

  /** How often a device was forgotten so far: what was looked up at another count may be old. */
  get timesForgotten(): number {
    return this.#cache.timesForgotten;
  }

  /** Its household is gone: what its connection holds for them ends with that connection. It comes back by itself, as nobody's. */
  left(deviceId: string): void {
    this.#cache.forget(deviceId);
    this.#signals.credentialsChanged(deviceId, true);
  }

  /**
   * The device as this principal may see it. Null where there is none, and just so where it is another household's. For owners it is
   * never answered from memory: what was handed over is gone with the commit.
   */
  async seenBy(principal: Principal, id: string): Promise<SeenDevice | null> {
    if (principal.kind !== "owner") {
      const device = (await this.find([id])).get(id);
      return device === undefined ? null : { device };
    }
    const { householdId } = principal;
    const [device] = await this.#store.refs(this.#db, [id]);
    if (device?.householdId !== householdId) return null;
    return { device, owner: { householdId, sinceMs: device.householdSinceMs ?? 0 } };
  }

  // Credentials

  /** What the gateway may know, or null where the device must not connect. */
  identity(id: string): Promise<DeviceIdentity | null> {
    return this.tokens.identity(id);
  }

  /** Blocks a device, which ends its connection now, or lets it back in. */
  async setBlocked(
    by: Principal,
    id: string,
    blocked: boolean,
  ): Promise<{ kind: "done" } | Refused<"device_not_found">> {
    const found = await transaction(this.#db, async (tx) => {
      const row = await this.#store.find(tx, id);
      if (row === null) return false;
      await this.#store.setBlocked(tx, row.key, blocked ? this.#clock.nowMs() : null);
      if (!blocked) await this.#came(tx, [row.key]);
      await this.#audit.record(tx, {
        principal: by,
        action: blocked ? "device.blocked" : "device.unblocked",
        subject: `device:${id}`,
      });
      return true;
    });
    if (!found) return { kind: "refused", rule: "device_not_found" };
    this.#signals.credentialsChanged(id, blocked);
    return { kind: "done" };
  }

  // State

  /** @param basedOn the version that was changed; another one refuses it */
  async setDesired(
    by: Principal,
    id: string,
    state: Record<string, unknown>,
    basedOn?: number,
  ): Promise<{ kind: "stored"; version: number } | Overtaken | Refused<"device_not_found">> {
    const made = { createdAtMs: this.#clock.nowMs(), createdBy: principalText(by) };
    const version = await transaction(this.#db, async (tx) => {
      const row = await this.#store.find(tx, id);
      if (row === null) return null;
      const stored = await this.#store.setDesired(tx, row.key, state, made, basedOn);
      if (stored === null) return changedMeanwhile(basedOn, await this.#store.newestDesired(tx, row.key));
      // Last: whoever holds the device and wants to write to the audit log would wait for us, and we for them.
      await this.#audit.record(tx, {
        principal: by,
        action: "device.desired_set",
        subject: `device:${id}`,
        before: row.desired,
        after: state,
      });
      return stored;
    });
    if (version === null) return { kind: "refused", rule: "device_not_found" };
    if (typeof version !== "number") return version;
    this.#signals.desiredChanged(id);
    return { kind: "stored", version };
  }

  /** The desired states of some devices, as their `desired` topic carries them. A device of which nothing is wanted is left out. */
  async desiredOf(ids: readonly string[]): Promise<{ deviceId: string; desired: Desired }[]> {
    const rows = await this.#store.desired(this.#db, ids);
    return rows.map(({ id, desired_version: version, desired: state, tenure }) => ({
      deviceId: id,
      desired: { version, state, tenure },
    }));
  }

  /** Merges what devices reported, in the order given. */
  async ingestReported(tx: Db, facts: readonly ReportedFact[]): Promise<void> {
    if (facts.length === 0) return;
    const states = await this.#store.lockReported(tx, [...new Set(facts.map((fact) => fact.device.key))]);
    for (const { device, reported } of facts) {
      const now = states.get(device.key);
      if (now !== undefined) states.set(device.key, mergeReported(now, reported));
    }
    await this.#toldFacts(tx, await this.#store.writeReported(tx, states, this.#clock.nowMs()));
  }

  async #toldFacts(tx: Db, householdIds: readonly (string | null)[]): Promise<void> {
    const ids = [...new Set(householdIds)].filter((id) => id !== null);
    if (ids.length > 0) for (const watch of this.#factsWatchers) await watch(tx, ids);
  }

  async #came(tx: Db, deviceKeys: readonly number[]): Promise<void> {
    for (const watch of this.#comeWatchers) await watch(tx, deviceKeys);
  }

  /** Forgets what is kept for a time only: addresses, and tokens whose grace is over. */
  async tick(): Promise<void> {
    await this.tokens.tick();
    await this.presence.tick();
  }

  /** What stands of a device's reported state, as it was said. */
  async reportedMessages(device: DeviceRef, page: MessagePage): Promise<DeviceMessage[]> {
    const row = await this.#store.find(this.#db, device.id);
    const reports = reportsOf(row?.reported ?? {}).filter(({ atMs }) => atMs < page.beforeMs);
    return reports
      .slice(0, page.limit)
      .map((payload) => ({ channel: "reported", atMs: payload.atMs, receivedAtMs: null, payload }));
  }
}
