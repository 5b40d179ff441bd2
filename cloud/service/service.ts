import type { DeviceRef, EventFact, ReadingFact } from "../devices/devices.ts";
import type { Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { TimelineEntry, TimelinePage } from "../platform/timeline.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { Answers, type AnswersDeps, type EventsOf, type KnownAppliances } from "./answers.ts";
import type { HearsOfCases } from "./case-changes.ts";
import { CaseClock } from "./case-clock.ts";
import { CaseDesk, type ServiceAppliances } from "./case-desk.ts";
import { CaseEntriesStore } from "./case-entries-store.ts";
import { CasePolicies } from "./case-policies.ts";
import { type AnswerTemplate, answerTemplate } from "./core/answer-template.ts";
import { type CauseDefinition, causeDefinition } from "./core/cause-article.ts";
import { Cases } from "./cases.ts";
import { CasesStore, type ServiceCase } from "./cases-store.ts";
import { keepsIdentity, type RuleDefinition, type ServiceRule } from "./core/rule.ts";
import { IncidentDesk } from "./incident-desk.ts";
import { type IncidentAppliances, Incidents } from "./incidents.ts";
import { RuleWatch } from "./rule-watch.ts";
import { ServiceDocuments } from "./service-documents.ts";
import { RulesStore } from "./rules-store.ts";

export { serviceProblems } from "./errors.ts";
export { findCases } from "./case-search.ts";
export { Listening } from "./listening.ts";

export type { ServiceAppliances } from "./case-desk.ts";

type Refused<R extends string> = { kind: "refused"; rule: R };
const refused = <R extends string>(rule: R): Refused<R> => ({ kind: "refused", rule });

const rulesMax = 200;
export interface ServiceDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  outbox: Outbox;
  appliances: ServiceAppliances & IncidentAppliances & KnownAppliances;
  /** What happened at a device, newest first. */
  eventsOf: EventsOf;
  /** The language of the household that has a device. */
  localeOf: AnswersDeps["localeOf"];
  /** Hears what staff may want to know of cases, in the transaction in which it happens. */
  hearsOfCases?: HearsOfCases;
  /** Whether somebody with this staff key may work on cases. */
  mayWork: (staffKeyId: string) => Promise<boolean>;
}

/** Rules over the stream, and the cases that they open. */
export class Service {
  /** What opens cases, closes them and speaks in them. */
  readonly cases: Cases;
  /** Where staff work on cases. */
  readonly desk: CaseDesk;
  readonly policies: CasePolicies;
  /** Where staff work on incidents. */
  readonly incidents: IncidentDesk;
  readonly causes: ServiceDocuments<CauseDefinition>;
  readonly answerTemplates: ServiceDocuments<AnswerTemplate>;
  readonly answers: Answers;
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #audit: Audit;
  readonly #watch = new RuleWatch();
  readonly #rules = new RulesStore();
  readonly #store = new CasesStore();
  readonly #caseClock: CaseClock;
  readonly #incidents: Incidents;

  constructor(deps: ServiceDeps) {
    this.#db = deps.db;
    this.#clock = deps.clock;
    this.#ids = deps.ids;
    this.#audit = deps.audit;
    this.policies = new CasePolicies(deps);
    this.causes = new ServiceDocuments(deps, "cause", causeDefinition);
    this.answerTemplates = new ServiceDocuments(deps, "answer", answerTemplate);
    this.answers = new Answers({ ...deps, causes: this.causes, answers: this.answerTemplates });
    const hears: HearsOfCases = deps.hearsOfCases ?? (async () => {});
    const made = { ...deps, policies: this.policies, store: this.#store, entries: new CaseEntriesStore(), hears };
    this.cases = new Cases(made);
    this.desk = new CaseDesk({ ...made, cases: this.cases });
    this.#caseClock = new CaseClock(made);
    const ruleOf = (id: string) => this.rules().find((rule) => rule.id === id);
    this.#incidents = new Incidents({ ...deps, cases: this.cases, ruleOf });
    this.incidents = new IncidentDesk({ ...deps, incidents: this.#incidents });
  }

  /** Reads the rules and what they are busy with. Before the first batch. */
  async load(): Promise<void> {
    await this.policies.load();
    await this.#watch.load(this.#db);
  }

  /** A case, held until the transaction ends: for whoever speaks in it. */
  holdCase(tx: Db, id: string): Promise<ServiceCase | null> {
    return this.#store.lock(tx, id);
  }

  /** What the clock does to cases. About every second. */
  async tick(): Promise<void> {
    await this.#caseClock.tick();
  }

  /** What the clock does to incidents. */
  async tickIncidents(): Promise<void> {
    await this.#incidents.tick(this.#db);
  }

  /** Runs the rules over a batch, in its transaction. What it returns runs after the commit. */
  async ingest(
    tx: Db,
    facts: { readings: readonly ReadingFact[]; events: readonly EventFact[] },
  ): Promise<(() => void) | undefined> {
    const judged = await this.#watch.judge(tx, facts);
    if (judged === null) return undefined;
    await this.#incidents.apply(tx, judged.changes);
    return judged.afterCommit;
  }

  rules(): ServiceRule[] {
    return this.#watch.rules();
  }

  async createRule(
    by: Principal,
    definition: RuleDefinition,
  ): Promise<ServiceRule | Refused<"too_many_service_rules">> {
    if (this.rules().length >= rulesMax) return refused("too_many_service_rules");
    const rule: ServiceRule = { id: this.#ids.next(), version: 1, definition, ...this.#made(by) };
    await transaction(this.#db, async (tx) => {
      await this.#rules.insert(tx, rule);
      const subject = `service_rule:${rule.id}`;
      await this.#audit.record(tx, { principal: by, action: "service_rule.created", subject, after: definition });
    });
    this.#watch.replace(rule);
    return rule;
  }

  /** Puts a rule's next version in force. */
  async changeRule(
    by: Principal,
    id: string,
    definition: RuleDefinition,
  ): Promise<ServiceRule | Refused<"service_rule_not_found" | "service_rule_identity">> {
    const outcome = await transaction(this.#db, async (tx) => {
      const before = await this.#rules.getForChange(tx, id);
      if (before === null) return refused("service_rule_not_found");
      if (!keepsIdentity(before.definition, definition)) return refused("service_rule_identity");
      const after: ServiceRule = { id, version: before.version + 1, definition, ...this.#made(by) };
      await this.#rules.insert(tx, after);
      await this.#audit.record(tx, {
        principal: by,
        action: "service_rule.changed",
        subject: `service_rule:${id}`,
        before: before.definition,
        after: definition,
      });
      return after;
    });
    if (!("kind" in outcome)) this.#watch.replace(outcome);
    return outcome;
  }

  /**
   * A device leaves its household. What is wrong with it is not mended by that, so its open cases stay open, but they are nobody's now,
   * and none waits any longer for the owner's answer.
   */
  async detach(tx: Db, by: Principal, device: DeviceRef): Promise<void> {
    await this.cases.detach(tx, device, { by: principalText(by), atMs: this.#clock.nowMs() });
  }

  /** A household is erased. Its cases stay, as cases of appliances. */
  async forgetHousehold(tx: Db, householdId: string): Promise<void> {
    await this.#store.forgetHousehold(tx, householdId);
  }

  async timeline(device: DeviceRef, page: TimelinePage): Promise<TimelineEntry[]> {
    const parts = [await this.desk.timeline(device, page), await this.#incidents.timeline(this.#db, device, page)];
    return parts
      .flat()
      .toSorted((a, b) => b.atMs - a.atMs)
      .slice(0, page.limit);
  }

  /** Cases by status, none left out. */
  counts() {
    return this.desk.counts();
  }

  #made(by: Principal) {
    return { createdAtMs: this.#clock.nowMs(), createdBy: principalText(by) };
  }
}
