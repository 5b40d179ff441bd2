import type { NotableFact, Outbox } from "../events/events.ts";
import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { Effect } from "./core/operators/operator.ts";
import type { RuleDefinition, ServiceRule } from "./core/rule.ts";
import type { CauseChange } from "./cases.ts";
import { type NewFiring, RuleFiringsStore } from "./rule-firings-store.ts";
import type { Signal } from "./rule-signal.ts";
import { RulesStore, type Todo } from "./rules-store.ts";

interface Found {
  signal: Signal;
  effect: Effect;
}

/** Writes down what rules found, and says what follows from it. */
export class FiringBook {
  readonly #store = new RuleFiringsStore();
  readonly #rules = new RulesStore();
  readonly #ids: Ids;
  readonly #outbox: Outbox;

  constructor(deps: { ids: Ids; outbox: Outbox }) {
    this.#ids = deps.ids;
    this.#outbox = deps.outbox;
  }

  /** Records firings, tells the world where a rule says so, and returns what they mean for cases, in order. A shadow changes nothing. */
  async record(
    tx: Db,
    found: readonly Found[],
    ruleOf: (id: string) => ServiceRule | undefined,
  ): Promise<CauseChange[]> {
    if (found.length === 0) return [];
    // Of one millisecond ids have no order, and what came and went is done in theirs.
    const ids = found.map(() => this.#ids.next()).toSorted();
    await this.#store.insert(
      tx,
      found.map((one, at) => this.#firingOf(one, ids[at] ?? "")),
    );
    const live = found.filter(({ signal }) => signal.rule.definition.mode === "live");
    await this.#outbox.add(tx, live.filter(({ signal }) => does(signal.rule.definition, "event")).map(factOf));
    const changes = live.filter(({ signal }) => does(signal.rule.definition, "case")).map(changeOf);
    return changes.length === 0 ? changes : this.#decide(tx, changes, ruleOf);
  }

  /** Several rules may find the same cause: it has cleared when the last of them lets it go. */
  async #decide(
    tx: Db,
    changes: readonly CauseChange[],
    ruleOf: (id: string) => ServiceRule | undefined,
  ): Promise<CauseChange[]> {
    const keys = changes.map(({ device, cause }) => ({ deviceKey: device.key, cause }));
    const holders = new Map<string, Set<string>>();
    const holdersOf = (deviceKey: number, cause: string) => {
      const key = `${deviceKey} ${cause}`;
      const set = holders.get(key) ?? new Set<string>();
      holders.set(key, set);
      return set;
    };
    for (const row of await this.#rules.holders(tx, keys)) {
      // A rule that was switched off while it held a cause will never let it go, so it does not count; nor does a shadow.
      const definition = ruleOf(row.rule_id)?.definition;
      if (definition?.mode === "live" && does(definition, "case"))
        holdersOf(row.device_key, row.cause).add(row.rule_id);
    }
    return changes.filter(({ kind, device, cause, rule }) => {
      const held = holdersOf(device.key, cause);
      if (kind === "raise") {
        held.add(rule.id);
        return true;
      }
      held.delete(rule.id);
      return held.size === 0;
    });
  }

  #firingOf({ signal, effect }: Found, id: string): NewFiring {
    const { rule, device, cause } = signal;
    const { mode } = rule.definition;
    const todo = mode === "live" ? todoOf(rule.definition, effect.kind) : [];
    return {
      id,
      rule_id: rule.id,
      rule_version: rule.version,
      device_key: device.key,
      cause,
      kind: effect.kind,
      at_ms: effect.atMs,
      mode: mode === "live" ? "live" : "shadow",
      trace: traceOf({ signal, effect }),
      todo: todo.length === 0 ? null : todo,
    };
  }
}

const does = ({ actions }: RuleDefinition, kind: RuleDefinition["actions"][number]["kind"]) =>
  actions.some((action) => action.kind === kind);

/** What wants locks that a batch must not hold is done behind it. */
function todoOf({ actions }: RuleDefinition, kind: Effect["kind"]): Todo[] {
  return actions.flatMap((action): Todo[] => {
    if (action.kind === "tag") return [{ kind: "tag", tag: action.tag, on: kind === "raise" }];
    if (kind !== "raise" || action.kind === "case" || action.kind === "event") return [];
    return [action];
  });
}

const traceOf = ({ signal: { rule }, effect: { trace } }: Found): Record<string, unknown> => ({
  ruleId: rule.id,
  ruleVersion: rule.version,
  operator: rule.definition.kind,
  ...trace,
});

const changeOf = (found: Found): CauseChange => {
  const { signal, effect } = found;
  const { device, rule, cause } = signal;
  const evidence = { trace: traceOf(found), ...signal.evidence?.(effect) };
  return { kind: effect.kind, device, rule, cause, atMs: effect.atMs, evidence };
};

const factOf = ({ signal: { rule, device, cause }, effect: { kind, atMs } }: Found): NotableFact => ({
  type: kind === "raise" ? "hearth.rule.raised" : "hearth.rule.cleared",
  subject: `device:${device.id}`,
  atMs,
  data: { ruleId: rule.id, ruleVersion: rule.version, deviceId: device.id, cause, title: rule.definition.title },
});
