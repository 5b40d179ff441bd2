import type { DeviceRef } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { newestOf, type Overtaken, changedMeanwhile } from "../platform/based-on.ts";
import { contested, type Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { type Refused, refused } from "../platform/refused.ts";
import type { TimelineEntry, TimelinePage } from "../platform/timeline.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { defaultRules } from "./core/default-rules.ts";
import { keepsIdentity, metricsNamed, type RuleDefinition, type RuleMode, type ServiceRule } from "./core/rule.ts";
import { ruleContentClasses } from "./core/rule-effects.ts";
import { type FiringFilter, type RuleFiringRow, RuleFiringsStore } from "./rule-firings-store.ts";
import { type RuleLateRow, RuleLateStore } from "./rule-late-store.ts";
import type { RuleTools } from "./rule-actions.ts";
import type { RuleWatch } from "./rule-watch.ts";
import { RulesStore } from "./rules-store.ts";

const rulesMax = 200;
const versionsMax = 200;
/** Firings that are kept; the oldest go first. */
const firingsMax = 500_000;

/** Of some models, or of all: which there are, and what they declare or their appliances have said. */
export type Measured = (
  models: readonly string[] | null,
) => Promise<{ models: ReadonlySet<string>; metrics: ReadonlySet<string> }>;

export interface RulesDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  watch: RuleWatch;
  find: (ids: readonly string[]) => Promise<Map<string, DeviceRef>>;
  refsByKey: (keys: readonly number[]) => Promise<Map<number, DeviceRef>>;
  /** The share of appliances that a rule fired on in its last back-test, where that is many. */
  widely?: (definition: RuleDefinition) => Promise<number | null>;
  measured?: Measured;
  tools: Pick<RuleTools, "contentOf">;
}

/** What a person says with a change: that they know on how many appliances it will fire, and which version they changed. */
export interface RuleConsent {
  confirm: boolean;
  basedOn?: number | undefined;
}

const unconfirmed: RuleConsent = { confirm: false };

/** How a rule stands over all appliances. */
export interface RuleStanding {
  rule: ServiceRule;
  /** Appliances that it holds its cause on, in whichever mode. */
  holding: number;
  /** Readings and events that came too late to make what they would have made in time. */
  tooLate: number;
}

/** What a person confirms who means it. */
type Doubt = "service_rule_fires_widely" | "service_rule_watches_nothing";
type ContentRefusal = "service_rule_content_unknown" | "service_rule_content_class";
type ChangeRefusal = "service_rule_not_found" | "service_rule_identity" | Doubt | ContentRefusal;

export type FiringWithDevice = RuleFiringRow & { device_id: string };
export type LateWithDevice = RuleLateRow & { device_id: string };

/** The rules as people see and change them. */
export class Rules {
  readonly #deps: RulesDeps;
  readonly #store = new RulesStore();
  readonly #firings = new RuleFiringsStore();
  readonly #late = new RuleLateStore();

  constructor(deps: RulesDeps) {
    this.#deps = deps;
  }

  /** Puts the rules that ship with Hearth there, as far as they never were. */
  async addDefaults(): Promise<void> {
    const createdAtMs = this.#deps.clock.nowMs();
    await this.#store.insertMissing(
      this.#deps.db,
      defaultRules.map(({ id, definition }) => ({ id, version: 1, definition, createdAtMs, createdBy: "system" })),
    );
  }

  async list(): Promise<RuleStanding[]> {
    const standing = await this.#store.standing(this.#deps.db);
    return this.#deps.watch.rules().map((rule) => ({ rule, ...(standing.get(rule.id) ?? { holding: 0, tooLate: 0 }) }));
  }

  /** A rule's newest version, from memory. */
  inForce(id: string): ServiceRule | undefined {
    return this.#deps.watch.rule(id);
  }

  /** One rule's versions, newest first; empty where there is none. */
  versions(id: string): Promise<ServiceRule[]> {
    return this.#store.versions(this.#deps.db, id, versionsMax);
  }

  async create(
    by: Principal,
    definition: RuleDefinition,
    consent: RuleConsent = unconfirmed,
  ): Promise<ServiceRule | Refused<"too_many_service_rules" | Doubt | ContentRefusal>> {
    const { db, ids, audit, watch } = this.#deps;
    if (watch.rules().length >= rulesMax) return refused("too_many_service_rules");
    const wrong = (await this.#wrongContent(definition)) ?? (await this.#doubtful(definition, consent));
    if (wrong !== null) return wrong;
    const rule: ServiceRule = { id: ids.next(), version: 1, definition, ...this.#made(by) };
    await contested(db, async (tx) => {
      await this.#store.insert(tx, rule);
      const subject = `service_rule:${rule.id}`;
      await audit.record(tx, { principal: by, action: "service_rule.created", subject, after: definition });
    });
    watch.replace(rule);
    return rule;
  }

  /** Puts a rule's next version in force. */
  change(
    by: Principal,
    id: string,
    definition: RuleDefinition,
    consent: RuleConsent = unconfirmed,
  ): Promise<ServiceRule | Overtaken | Refused<ChangeRefusal>> {
    return this.#next(by, id, () => definition, consent);
  }

  /** A next version that differs in its mode alone. */
  switchMode(
    by: Principal,
    id: string,
    mode: RuleMode,
    consent: RuleConsent = unconfirmed,
  ): Promise<ServiceRule | Overtaken | Refused<ChangeRefusal>> {
    return this.#next(by, id, (before) => ({ ...before, mode }), consent);
  }

  /** Newest first, by when they were found; an unknown device has none. */
  async firings(filter: Omit<FiringFilter, "deviceKey"> & { deviceId: string | null }): Promise<FiringWithDevice[]> {
    const { db, find, refsByKey } = this.#deps;
    const { deviceId, ...rest } = filter;
    const device = deviceId === null ? null : (await find([deviceId])).get(deviceId);
    if (device === undefined) return [];
    const rows = await this.#firings.list(db, { ...rest, deviceKey: device?.key ?? null });
    const refs = await refsByKey([...new Set(rows.map((row) => row.device_key))]);
    return rows.map((row) => ({ ...row, device_id: refs.get(row.device_key)?.id ?? "" }));
  }

  /** From whom something came too late for a rule, those who were late last first. */
  async late(id: string, limit: number): Promise<LateWithDevice[]> {
    const rows = await this.#late.ofRule(this.#deps.db, id, limit);
    const refs = await this.#deps.refsByKey(rows.map((row) => row.device_key));
    return rows.map((row) => ({ ...row, device_id: refs.get(row.device_key)?.id ?? "" }));
  }

  /** What rules found on a device, and what came too late for them, newest first. */
  async timeline({ key }: DeviceRef, page: TimelinePage): Promise<TimelineEntry[]> {
    const { db, watch } = this.#deps;
    const [rows, late] = await Promise.all([this.#firings.ofDevice(db, key, page), this.#late.ofDevice(db, key, page)]);
    const titles = new Map(watch.rules().map(({ id, definition }) => [id, definition.title]));
    const lateEntries = late.map((row): TimelineEntry => ({
      atMs: row.noted_at_ms,
      kind: "firing",
      id: `late:${row.rule_id}`,
      title: `${row.count} ${row.count === 1 ? "reading or event" : "readings and events"} came too late for the rule: ${titles.get(row.rule_id) ?? row.rule_id}`,
      data: { what: "late", ruleId: row.rule_id, count: row.count, fromMs: row.from_ms, toMs: row.to_ms },
    }));
    const found = rows.map((row): TimelineEntry => ({
      atMs: row.at_ms,
      kind: "firing",
      id: row.id,
      title: `${row.kind === "raise" ? "Rule found" : "Rule no longer finds"}: ${titles.get(row.rule_id) ?? row.cause}${row.mode === "shadow" ? " (shadow)" : ""}`,
      data: { cause: row.cause, ruleId: row.rule_id, ruleVersion: row.rule_version, mode: row.mode },
    }));
    return [...found, ...lateEntries].toSorted((a, b) => b.atMs - a.atMs).slice(0, page.limit);
  }

  /** Forgets firings beyond the number that is kept. */
  async trim(): Promise<void> {
    await this.#firings.trim(this.#deps.db, firingsMax);
  }

  async #next(
    by: Principal,
    id: string,
    next: (before: RuleDefinition) => RuleDefinition,
    consent: RuleConsent,
  ): Promise<ServiceRule | Overtaken | Refused<ChangeRefusal>> {
    const { db, audit, watch } = this.#deps;
    const known = watch.rule(id);
    const wanted = known === undefined ? null : next(known.definition);
    const wrong =
      wanted === null ? null : ((await this.#wrongContent(wanted)) ?? (await this.#doubtful(wanted, consent)));
    if (wrong !== null) return wrong;
    const outcome = await contested(db, async (tx) => {
      const before = await this.#store.getForChange(tx, id);
      if (before === null) return refused("service_rule_not_found");
      const other = changedMeanwhile(consent.basedOn, newestOf(before));
      if (other !== null) return other;
      const definition = next(before.definition);
      if (!keepsIdentity(before.definition, definition)) return refused("service_rule_identity");
      const rule: ServiceRule = { id, version: before.version + 1, definition, ...this.#made(by) };
      await this.#store.insert(tx, rule);
      // What a shadow found opened nothing: live, it must find it again.
      const anew = definition.mode !== before.definition.mode && before.definition.mode !== "live";
      if (anew) await this.#store.beginAnew(tx, id, definition.kind);
      await audit.record(tx, {
        principal: by,
        action: "service_rule.changed",
        subject: `service_rule:${id}`,
        before: before.definition,
        after: definition,
      });
      return { rule, anew };
    });
    if ("kind" in outcome) return outcome;
    watch.replace(outcome.rule, outcome.anew);
    return outcome.rule;
  }

  /** What a rule may not send is refused when it is kept, and not when an appliance waits for it. A rule that is off sends nothing. */
  async #wrongContent({ actions, mode }: RuleDefinition): Promise<Refused<ContentRefusal> | null> {
    const wanted = actions.flatMap((action, at) => (action.kind === "send_content" ? [{ at, id: action.itemId }] : []));
    if (wanted.length === 0 || mode === "off") return null;
    const { db, tools } = this.#deps;
    const items = await tools.contentOf(
      db,
      wanted.map(({ id }) => id),
    );
    for (const { at, id } of wanted) {
      const item = items.get(id);
      const place = `actions[${at}].itemId`;
      if (item === undefined)
        return refused("service_rule_content_unknown", `${place}: there is no item ${id} that may go out.`);
      if (!ruleContentClasses.includes(item.class))
        return refused("service_rule_content_class", `${place}: the item is of the class ${item.class}.`);
    }
    return null;
  }

  async #doubtful(definition: RuleDefinition, { confirm }: RuleConsent): Promise<Refused<Doubt> | null> {
    if (definition.mode !== "live" || confirm) return null;
    const nothing = await this.#watchesNothing(definition);
    if (nothing !== null) return refused("service_rule_watches_nothing", nothing);
    const share = await this.#deps.widely?.(definition);
    if (share === null || share === undefined) return null;
    return refused("service_rule_fires_widely", `It fired on ${Math.round(share * 100)} % of those it looked at.`);
  }

  /** Where a rule names a model that is not there, or a metric that nobody has ever said: it would wait for ever. */
  async #watchesNothing(definition: RuleDefinition): Promise<string | null> {
    const named = metricsNamed(definition);
    const { models = null } = definition;
    if (models === null && named.length === 0) return null;
    const known = await this.#deps.measured?.(models);
    if (known === undefined) return null;
    const at = (models ?? []).findIndex((model) => !known.models.has(model));
    if (at >= 0) return `models[${at}]: there is no model ${models?.[at]}.`;
    const missing = named.find(({ metric }) => !known.metrics.has(metric));
    if (missing === undefined) return null;
    return `${missing.place}: no model that it watches declares ${missing.metric}, and no appliance has said it.`;
  }

  #made(by: Principal) {
    return { createdAtMs: this.#deps.clock.nowMs(), createdBy: principalText(by) };
  }
}
