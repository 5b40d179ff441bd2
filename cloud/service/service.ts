import type { DeviceRef } from "../devices/devices.ts";
import type { Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { HouseholdData } from "../platform/household-data.ts";
import type { Ids } from "../platform/ids.ts";
import type { TimelineEntry, TimelinePage } from "../platform/timeline.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { Answers, type AnswersDeps, type EventsOf, type KnownAppliances } from "./answers.ts";
import { CaseClock } from "./case-clock.ts";
import type { ServiceAppliances } from "./case-appliances.ts";
import { CaseDesk } from "./case-desk.ts";
import { CaseEntriesStore } from "./case-entries-store.ts";
import { CasePolicies } from "./case-policies.ts";
import { type AnswerTemplate, answerTemplate } from "./core/answer-template.ts";
import { type CauseDefinition, causeDefinition } from "./core/cause-article.ts";
import { CaseBulk } from "./case-bulk.ts";
import { CaseMerges } from "./case-merges.ts";
import { CaseMeasures } from "./case-measures.ts";
import { Evidence, type EvidenceDeps } from "./evidence.ts";
import { Cases } from "./cases.ts";
import { type CaseForPerson, type CaseForPersonOutcome, openForPerson } from "./case-for-person.ts";
import { CasesStore, type ServiceCase } from "./cases-store.ts";
import { CaseStreams } from "./case-streams.ts";
import { ConversationClock } from "./conversation-clock.ts";
import { ConversationStore } from "./conversation-store.ts";
import { Conversations, type TalkAppliances } from "./conversation.ts";
import { Feedback } from "./feedback.ts";
import { OwnerCases } from "./owner-cases.ts";
import { type HomeOf, OwnerDisplay } from "./owner-display.ts";
import { DiagnosisDesk, type DiagnosisDeps } from "./diagnosis.ts";
import { forgetTraces } from "./forgotten-traces.ts";
import { serviceData } from "./household-data.ts";
import { IncidentDesk } from "./incident-desk.ts";
import { type IncidentAppliances, Incidents } from "./incidents.ts";
import { RuleEngine, type RuleSurroundings } from "./rule-engine.ts";
import type { RuleFacts } from "./rule-watch.ts";
import type { Rules } from "./rules.ts";
import { SentByRules } from "./sent-by-rules.ts";
import { ServiceDocuments } from "./service-documents.ts";

export { conversationProblems } from "./conversation-errors.ts";
export { diagnosisProblems } from "./diagnosis-errors.ts";
export { serviceProblems } from "./errors.ts";
export { findCases } from "./case-search.ts";
export { Backtests } from "./backtests.ts";
export { FirmwareWatch } from "./firmware-watch.ts";
export { withoutWords } from "./core/help.ts";
export { Listening } from "./listening.ts";

export type { RuleTools } from "./rule-actions.ts";
export type { CaseForPerson, CaseForPersonOutcome } from "./case-for-person.ts";
export type { ServiceAppliances } from "./case-appliances.ts";

export interface ServiceDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  outbox: Outbox;
  appliances: ServiceAppliances & IncidentAppliances & KnownAppliances & TalkAppliances;
  /** What happened at a device, newest first. */
  eventsOf: EventsOf;
  /** Where readings are asked for. */
  readings: EvidenceDeps["readings"];
  onEvidenceError?: EvidenceDeps["onError"];
  /** The language of the household that has a device. */
  localeOf: AnswersDeps["localeOf"];
  /** What rules look at beside what comes in, and what they may do. */
  around: RuleSurroundings;
  /** Whether somebody with this staff key may work on cases. */
  mayWork: (staffKeyId: string) => Promise<boolean>;
  /** Those who may, with their names. */
  workers: () => Promise<{ id: string; name: string }[]>;
  /** Holds a household, or the one that it became part of; null where there is none. */
  holdHousehold: (tx: Db, id: string) => Promise<string | null>;
  /** The language of a household, and how many could read what is written to it. */
  homeOf: HomeOf;
  deliveries: DiagnosisDeps["deliveries"] & { forgetWords(tx: Db, ids: readonly string[]): Promise<void> };
  /** Where the logs of appliances lie. */
  artifactsDir: string;
  /** Of this installation: signs the addresses that logs are sent to. */
  secret: Buffer;
  publicUrl: () => string;
}

/** Rules over the stream, and the cases that they open. */
export class Service {
  /** What opens cases, closes them and speaks in them. */
  readonly cases: Cases;
  /** Where staff work on cases. */
  readonly desk: CaseDesk;
  /** Cases that are one matter. */
  readonly merges: CaseMerges;
  /** What staff do to many cases at once. */
  readonly bulk: CaseBulk;
  readonly policies: CasePolicies;
  /** What appliances are asked about themselves. */
  readonly diagnosis: DiagnosisDesk;
  /** What owners and staff say to each other. */
  readonly conversations: Conversations;
  readonly feedback: Feedback;
  /** What a household sees of its cases, and chooses in them. */
  readonly ownerCases: OwnerCases;
  readonly caseStreams: CaseStreams;
  /** Where staff work on incidents. */
  readonly incidents: IncidentDesk;
  readonly causes: ServiceDocuments<CauseDefinition>;
  readonly answerTemplates: ServiceDocuments<AnswerTemplate>;
  readonly answers: Answers;
  readonly evidence: Evidence;
  readonly measures: CaseMeasures;
  /** What rules had sent and a limit took back. */
  readonly sentByRules: SentByRules;
  readonly #db: Db;
  readonly #deliveries: ServiceDeps["deliveries"];
  readonly #clock: Clock;
  readonly #engine: RuleEngine;
  readonly #store = new CasesStore();
  readonly #caseClock: CaseClock;
  /** What opens incidents, and settles them. */
  readonly incidentLife: Incidents;
  readonly #conversationClock: ConversationClock;
  readonly #talk = new ConversationStore();

  constructor(deps: ServiceDeps) {
    this.#db = deps.db;
    this.#deliveries = deps.deliveries;
    this.#clock = deps.clock;
    this.policies = new CasePolicies(deps);
    this.causes = new ServiceDocuments(deps, "cause", causeDefinition);
    this.answerTemplates = new ServiceDocuments(deps, "answer", answerTemplate);
    this.answers = new Answers({ ...deps, causes: this.causes, answers: this.answerTemplates });
    const made = { ...deps, policies: this.policies, store: this.#store, entries: new CaseEntriesStore() };
    this.cases = new Cases(made);
    this.desk = new CaseDesk({ ...made, cases: this.cases });
    this.bulk = new CaseBulk(made);
    this.merges = new CaseMerges({ ...made, talk: this.#talk });
    this.evidence = new Evidence({ ...made, onError: deps.onEvidenceError ?? (() => {}) });
    this.measures = new CaseMeasures(deps);
    this.#caseClock = new CaseClock(made);
    const ruleOf = (id: string) => this.#engine.rules.inForce(id);
    this.sentByRules = new SentByRules(ruleOf);
    this.diagnosis = new DiagnosisDesk(made);
    this.incidentLife = new Incidents({ ...deps, cases: this.cases, ruleOf });
    this.incidents = new IncidentDesk({ ...deps, incidents: this.incidentLife });
    const talk = this.#talk;
    const display = new OwnerDisplay({ ...deps, talk });
    const talking = { ...made, cases: this.cases, causes: this.causes, talk, display };
    this.conversations = new Conversations(talking);
    this.#conversationClock = new ConversationClock(talking);
    this.feedback = new Feedback({ ...talking, conversations: this.conversations });
    this.ownerCases = new OwnerCases({ ...talking, conversations: this.conversations });
    this.caseStreams = new CaseStreams({ clock: deps.clock, standings: (ids) => this.ownerCases.standings(ids) });
    this.#engine = new RuleEngine({
      ...deps,
      ...deps.around,
      find: (wanted) => deps.appliances.find(wanted),
      refsByKey: (keys) => deps.appliances.refsByKey(keys),
      apply: (tx, changes) => this.incidentLife.apply(tx, changes),
    });
  }

  get rules(): Rules {
    return this.#engine.rules;
  }

  /** Reads the rules and what they are busy with. Before the first batch. */
  async load(): Promise<void> {
    await this.policies.load();
    await this.#engine.load();
    await this.diagnosis.load();
  }

  /** A case, held until the transaction ends: for whoever speaks in it. */
  holdCase(tx: Db, id: string): Promise<ServiceCase | null> {
    return this.#store.lock(tx, id);
  }

  /** A case for a person, because another part of the service says so. In the transaction of whoever finds it. */
  openFor(tx: Db, wanted: CaseForPerson, by: Principal): Promise<CaseForPersonOutcome> {
    return openForPerson(tx, { cases: this.cases, store: this.#store, clock: this.#clock }, wanted, by);
  }

  /** What the clock does to cases. About every second. */
  async tick(): Promise<void> {
    await this.#caseClock.tick();
  }

  /** What is said by itself, and asked. About every second. */
  async tickConversations(): Promise<void> {
    await this.#conversationClock.tick();
    await this.feedback.tick();
  }

  /** What the clock does to incidents. */
  async tickIncidents(): Promise<void> {
    await this.incidentLife.tick(this.#db);
  }

  /** What the clock does to rules. About every second. */
  async tickRules(): Promise<void> {
    await this.#engine.tick();
  }

  /** Runs the rules over a batch, in its transaction, and takes in what people said. What it returns runs after the commit. */
  async ingest(tx: Db, facts: RuleFacts): Promise<(() => void) | undefined> {
    const asking = await this.conversations.begin(tx, facts.events);
    const afterCommit = await this.#engine.ingest(tx, facts);
    await this.conversations.ingest(tx, asking);
    await this.feedback.ingest(tx, facts.events);
    return afterCommit;
  }

  /**
   * A device leaves its household. What is wrong with it is not mended by that, so its open cases stay open, but they are nobody's now,
   * and none waits any longer for the owner's answer.
   */
  async detach(tx: Db, by: Principal, device: DeviceRef): Promise<void> {
    await this.cases.detach(tx, device, { by: principalText(by), atMs: this.#clock.nowMs() });
    await this.diagnosis.detach(tx, device.key);
  }

  /**
   * A household is erased. Its cases stay, as cases of appliances, and what rules found stays without what spoke for it.
   *
   * @param devices those that it has, as they were
   */
  async forgetHousehold(tx: Db, householdId: string, devices: readonly DeviceRef[]): Promise<void> {
    await forgetTraces(tx, devices);
    await this.diagnosis.forgetHousehold(tx, householdId);
    await this.#deliveries.forgetWords(tx, await this.#talk.displaysOf(tx, householdId));
    await this.#talk.forgetHousehold(tx, householdId);
    await this.#store.forgetHousehold(tx, householdId);
  }

  /** What this slice holds about households. */
  get householdData(): HouseholdData[] {
    return serviceData({
      forgetHousehold: (tx, householdId) => this.forgetHousehold(tx, householdId, []),
      logLines: (diagnosisId) => this.diagnosis.lines(diagnosisId),
    });
  }

  async timeline(device: DeviceRef, page: TimelinePage): Promise<TimelineEntry[]> {
    const parts = [await this.desk.timeline(device, page), await this.incidentLife.timeline(this.#db, device, page)];
    return parts
      .flat()
      .toSorted((a, b) => b.atMs - a.atMs)
      .slice(0, page.limit);
  }

  /** Cases by status, none left out. */
  counts() {
    return this.desk.counts();
  }

  /** How many cases of each of some households are not closed; who has none is left out. */
  openCases(db: Db, householdIds: readonly string[]): Promise<Map<string, number>> {
    return this.#store.openOf(db, householdIds);
  }
}
