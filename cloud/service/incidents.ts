/**
 * What stands between the rules and the cases: changes that belong to an incident are held back from the cases, the rest goes on.
 *
 *   rules --changes--> incidents --(below the limit, safety, clears)--> cases
 *                          |
 *                          +-- at the limit: one incident, the members' cases folded into it
 *
 * Locks are taken in the order of causes, then cases.
 */
import type { DeviceRef } from "../devices/devices.ts";
import type { NotableFact, Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { TimelineEntry, TimelinePage } from "../platform/timeline.ts";
import { appliancesOf } from "./case-appliances.ts";
import type { Cases, CauseChange } from "./cases.ts";
import { type ServiceCase, statusAtMs } from "./case-row.ts";
import { CasesStore } from "./cases-store.ts";
import { reopenWithinMs } from "./core/case.ts";
import { quietMs, stepIncident } from "./core/incident.ts";
import { type ServiceRule, titleOfCause } from "./core/rule.ts";
import { isGraver, type Severity } from "./core/severity.ts";
import { runStorm, type Storm, type StormChange, stormLimit, type StormOutcome, stormWindowMs } from "./core/storm.ts";
import { type CauseKey, type Incident, IncidentsStore, type NewIncidentEntry } from "./incidents-store.ts";

/** What incidents need of the registry. */
export interface IncidentAppliances {
  refsByKey(keys: readonly number[]): Promise<Map<number, DeviceRef>>;
  countOfModel(tx: Db, model: string): Promise<number>;
}

/** How long the size of a model's fleet is remembered: it changes slowly, and a storm asks for it again and again. */
const fleetKnownMs = 600_000;
/** Raises that reach us further apart than this are not counted together, whenever they happened. */
const raisesKeptMs = 86_400_000;
const forgottenAtOnce = 10_000;
const settledAtOnce = 100;
const evidenceCharsMax = 4_096;

const keyText = ({ cause, model }: CauseKey) => `${cause} ${model}`;

export const incidentBy = (id: string): string => `incident:${id}`;

/** The changes of one cause on one model, and what became of them. */
interface Group extends CauseKey {
  changes: CauseChange[];
  before: Incident | null;
  outcome: StormOutcome<CauseChange>;
}

const toStormChange = ({ kind, device, atMs, rule }: CauseChange): StormChange => ({
  kind,
  deviceKey: device.key,
  atMs,
  isSafety: rule.definition.severity === "safety",
});

/** Incidents: opened and settled by their causes. */
export class Incidents {
  readonly store = new IncidentsStore();
  readonly #caseStore = new CasesStore();
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #outbox: Outbox;
  readonly #cases: Cases;
  readonly #appliances: IncidentAppliances;
  readonly #ruleOf: (id: string) => ServiceRule | undefined;
  readonly #fleets = new Map<string, { count: number; askedAtMs: number }>();

  constructor(deps: {
    clock: Clock;
    ids: Ids;
    outbox: Outbox;
    cases: Cases;
    appliances: IncidentAppliances;
    ruleOf: (id: string) => ServiceRule | undefined;
  }) {
    this.#clock = deps.clock;
    this.#ids = deps.ids;
    this.#outbox = deps.outbox;
    this.#cases = deps.cases;
    this.#appliances = deps.appliances;
    this.#ruleOf = deps.ruleOf;
  }

  /** Takes what rules found, in the order given, and hands on to the cases what belongs to no incident. */
  async apply(tx: Db, changes: readonly CauseChange[]): Promise<void> {
    if (changes.length === 0) return;
    const groups = await this.#run(tx, changes);
    await this.#cases.apply(tx, inOrder(changes, groups, "handedOn"));
    await this.#write(tx, groups);
    for (const group of groups) await this.#fold(tx, group);
    await this.#cases.apply(tx, inOrder(changes, groups, "handedOnAfter"));
  }

  /** Resolves the incidents that have been calm for long enough; who still has the cause gets a case. */
  async tick(db: Db): Promise<void> {
    const nowMs = this.#clock.nowMs();
    for (const key of await this.store.calm(db, nowMs - quietMs, settledAtOnce)) {
      await transaction(db, async (tx) => {
        const incident = await this.lock(tx, key);
        const outcome = incident === null ? null : stepIncident(incident.state, { kind: "quiet", atMs: nowMs });
        if (incident === null || outcome?.kind !== "moved") return;
        const openCases = incident.kind === "devices" && incident.standing > 0;
        const opened = openCases ? await this.openCases(tx, incident) : 0;
        const by = outcome.to.status === "resolved" ? outcome.to.by : "";
        await this.change(
          tx,
          { ...incident, state: outcome.to },
          { kind: "resolved", by, text: null, data: { casesOpened: opened } },
        );
      });
    }
    while ((await this.store.forgetRaises(db, nowMs - raisesKeptMs, forgottenAtOnce)) === forgottenAtOnce);
  }

  /** Holds an incident's cause and reads it again. Null where another incident has taken its place. */
  async lock(tx: Db, key: CauseKey & { id: string }): Promise<Incident | null> {
    await this.store.lockCauses(tx, [key]);
    return this.store.get(tx, key.id);
  }

  /** Writes an incident as it is now, its entry, and for the notable ones the fact. */
  async change(tx: Db, incident: Incident, entry: Omit<NewIncidentEntry, "incidentId" | "atMs">): Promise<void> {
    const atMs = this.#clock.nowMs();
    await this.store.write(tx, [incident]);
    await this.store.addEntries(tx, [{ ...entry, incidentId: incident.id, atMs }]);
    await this.#outbox.add(tx, factsOf(incident, { ...entry, atMs }));
  }

  /**
   * Gives each member that still has the cause a case of its own.
   *
   * @returns how many
   */
  async openCases(tx: Db, incident: Incident): Promise<number> {
    const rule = incident.ruleId === null ? undefined : this.#ruleOf(incident.ruleId);
    if (rule === undefined) return 0;
    const page = { standing: true, afterKey: 0, limit: incident.standing };
    const standing = await this.store.members(tx, incident.id, page);
    const devices = await this.#appliances.refsByKey(standing.map(({ deviceKey }) => deviceKey));
    const changes = standing.flatMap(({ deviceKey, raisedAtMs, evidence }): CauseChange[] => {
      const device = devices.get(deviceKey);
      if (device === undefined) return [];
      const about = { ...evidence, incidentId: incident.id, raisedAtMs };
      return [{ kind: "raise", device, rule, cause: incident.cause, atMs: this.#clock.nowMs(), evidence: about }];
    });
    await this.#cases.apply(tx, changes);
    await this.#link(
      tx,
      incident.id,
      incident.cause,
      changes.map(({ device }) => device.key),
    );
    return changes.length;
  }

  async timeline(db: Db, device: DeviceRef, page: TimelinePage): Promise<TimelineEntry[]> {
    const rows = await this.store.ofDevice(db, device.key, page);
    return rows.map(({ id, title, cause, severity, raisedAtMs, clearedAtMs }) => ({
      atMs: raisedAtMs,
      kind: "case",
      id: `${incidentBy(id)}:${device.key}`,
      title: `Part of an incident: ${title}`,
      data: { incidentId: id, cause, severity, clearedAtMs },
    }));
  }

  async #run(tx: Db, changes: readonly CauseChange[]): Promise<Group[]> {
    const nowMs = this.#clock.nowMs();
    const byKey = new Map<string, CauseKey & { changes: CauseChange[] }>();
    for (const change of changes) {
      const key = { cause: change.cause, model: change.device.model };
      const group = byKey.get(keyText(key)) ?? { ...key, changes: [] };
      byKey.set(keyText(key), group);
      group.changes.push(change);
    }
    const keys = [...byKey.values()];
    await this.store.lockCauses(tx, keys);
    const incidents = new Map(
      (await this.store.lastOf(tx, keys, nowMs - reopenWithinMs)).map((found) => [keyText(found), found]),
    );
    const storms = await this.#storms(tx, changes, incidents);
    const groups: Group[] = [];
    for (const { cause, model, changes: own } of keys) {
      const text = keyText({ cause, model });
      const storm = storms.get(text) ?? emptyStorm();
      const limit = await this.#limitOf(tx, model, storm.raises.size + own.length);
      const outcome = runStorm({ ...storm, limit }, own, toStormChange, nowMs, () => this.#ids.next());
      groups.push({ cause, model, changes: own, before: incidents.get(text) ?? null, outcome });
    }
    return groups;
  }

  /** What is known of each cause, as far as these changes may ask for it. */
  async #storms(
    tx: Db,
    changes: readonly CauseChange[],
    incidents: ReadonlyMap<string, Incident>,
  ): Promise<Map<string, Storm>> {
    const storms = new Map<string, Storm>();
    const stormOf = (key: CauseKey): Storm => {
      const storm = storms.get(keyText(key)) ?? { ...emptyStorm(), incident: incidents.get(keyText(key)) ?? null };
      storms.set(keyText(key), storm);
      return storm;
    };
    const queries = changes.map(({ cause, device, atMs }) => ({
      cause,
      model: device.model,
      deviceKey: device.key,
      atMs,
    }));
    for (const query of queries) stormOf(query);
    for (const { deviceKey, hit, ...key } of await this.store.raises(tx, queries, stormWindowMs))
      stormOf(key).raises.set(deviceKey, hit);
    const byId = new Map([...incidents.values()].map((incident) => [incident.id, incident]));
    const deviceKeys = new Set(queries.map(({ deviceKey }) => deviceKey));
    for (const storm of storms.values()) for (const deviceKey of storm.raises.keys()) deviceKeys.add(deviceKey);
    for (const { incidentId, deviceKey, hit } of await this.store.membersAmong(tx, [...byId.keys()], [...deviceKeys])) {
      const incident = byId.get(incidentId);
      if (incident !== undefined) stormOf(incident).members.set(deviceKey, hit);
    }
    return storms;
  }

  /** @param devices how many may have fired: while they are few, the size of the fleet makes no difference */
  async #limitOf(tx: Db, model: string, devices: number): Promise<number> {
    if (devices <= stormLimit(0)) return stormLimit(0);
    const nowMs = this.#clock.nowMs();
    const known = this.#fleets.get(model);
    if (known !== undefined && nowMs - known.askedAtMs < fleetKnownMs) return stormLimit(known.count);
    const count = await this.#appliances.countOfModel(tx, model);
    this.#fleets.set(model, { count, askedAtMs: nowMs });
    return stormLimit(count);
  }

  async #write(tx: Db, groups: readonly Group[]): Promise<void> {
    const nowMs = this.#clock.nowMs();
    const raises = groups.flatMap(({ cause, model, outcome }) =>
      [...outcome.raises].map(([deviceKey, hit]) => ({ cause, model, deviceKey, hit })),
    );
    const entries: NewIncidentEntry[] = [];
    const facts: NotableFact[] = [];
    const incidents = groups.flatMap((group) => {
      const incident = incidentOf(group, nowMs);
      if (incident === null || incident === group.before) return [];
      const happened = entriesOf(group, incident, nowMs);
      entries.push(...happened);
      facts.push(...happened.flatMap((entry) => factsOf(incident, entry)));
      return [incident];
    });
    const members = groups.flatMap(({ outcome }) => {
      const { incident, joined } = outcome;
      if (incident === null) return [];
      // Who was there when it began has a case that tells of it.
      const evidenceOf = new Map(joined.map(({ device, evidence }) => [device.key, evidence]));
      return [...outcome.members].map(([deviceKey, hit]) => {
        const evidence = evidenceOf.get(deviceKey) ?? null;
        return { incidentId: incident.id, deviceKey, hit, evidence: evidence === null ? null : bounded(evidence) };
      });
    });
    await this.store.writeRaises(tx, raises, nowMs);
    await this.store.write(tx, incidents);
    await this.store.writeMembers(tx, members);
    await this.store.addEntries(tx, entries);
    await this.#outbox.add(tx, facts);
  }

  /** Folds the cases of those an incident began with into it, but for cases on which somebody works. */
  async #fold(tx: Db, { cause, outcome }: Group): Promise<void> {
    const { incident, began, members, folded } = outcome;
    if (incident === null || began === null) return;
    const last = await this.#link(tx, incident.id, cause, [...members.keys()]);
    const fresh = last.filter(
      ({ deviceKey, state }) =>
        deviceKey !== null &&
        folded.has(deviceKey) &&
        (state.status === "open" || state.status === "reopened") &&
        statusAtMs(state) >= incident.firstAtMs,
    );
    const touched = await this.store.touchedCases(
      tx,
      fresh.map(({ id }) => id),
    );
    const deviceOf = await appliancesOf(this.#appliances, fresh);
    const taken = fresh.flatMap((serviceCase) => {
      const device = deviceOf(serviceCase);
      return touched.has(serviceCase.id) || device === undefined ? [] : [{ serviceCase, deviceId: device.id }];
    });
    const by = incidentBy(incident.id);
    await this.#cases.fold(tx, taken, { atMs: this.#clock.nowMs(), by, data: { incidentId: incident.id } });
  }

  /** Notes the cases of members beside them. @returns them, held until the transaction ends */
  async #link(tx: Db, incidentId: string, cause: string, deviceKeys: readonly number[]): Promise<ServiceCase[]> {
    const last = await this.#caseStore.lockLast(
      tx,
      deviceKeys.map((deviceKey) => ({ deviceKey, cause })),
    );
    await this.store.linkCases(
      tx,
      last.map(({ deviceKey, serviceCase }) => ({ incidentId, deviceKey, caseId: serviceCase.id })),
    );
    return last.map(({ serviceCase }) => serviceCase);
  }
}

const emptyStorm = (): Storm => ({ limit: stormLimit(0), incident: null, raises: new Map(), members: new Map() });

const bounded = (evidence: Record<string, unknown>) =>
  JSON.stringify(evidence).length <= evidenceCharsMax ? evidence : {};

/** What goes on to the cases, in the order in which it came. */
function inOrder(
  changes: readonly CauseChange[],
  groups: readonly Group[],
  part: "handedOn" | "handedOnAfter",
): CauseChange[] {
  const handedOn = new Set(groups.flatMap(({ outcome }) => outcome[part]));
  return changes.filter((change) => handedOn.has(change));
}

function incidentOf({ cause, model, before, outcome }: Group, nowMs: number): Incident | null {
  const { incident, began } = outcome;
  if (incident === null) return null;
  const { state, firstAtMs, lastRaisedAtMs, members, standing } = incident;
  const counted = { state, firstAtMs, lastRaisedAtMs, members, standing };
  const rule = outcome.handedOn.at(-1)?.rule;
  // Of several rules that find the same cause the gravest says how much it matters.
  const found = [
    ...outcome.joined.map((change) => change.rule),
    ...(began === null || rule === undefined ? [] : [rule]),
  ];
  const severity = found.reduce<Severity>(
    (gravest, { definition }) => (isGraver(definition.severity, gravest) ? definition.severity : gravest),
    before?.severity ?? "info",
  );
  if (before !== null) return outcome.incident === before ? before : { ...before, ...counted, severity };
  if (began === null || rule === undefined) return null;
  return {
    id: incident.id,
    kind: "devices",
    cause,
    model,
    ruleId: rule.id,
    ruleVersion: rule.version,
    severity,
    title: titleOfCause(rule.definition, cause),
    openedAtMs: nowMs,
    assignee: null,
    evidence: {},
    ...counted,
  };
}

function entriesOf({ before, outcome }: Group, incident: Incident, nowMs: number): NewIncidentEntry[] {
  const { began } = outcome;
  const data = { members: incident.members, standing: incident.standing };
  const entry = { incidentId: incident.id, atMs: nowMs, by: "cause", text: null, data };
  if (began !== null || before === null) return began === null ? [] : [{ ...entry, kind: began }];
  const happened: NewIncidentEntry[] = [];
  const { severity } = incident;
  if (severity !== before.severity)
    happened.push({ ...entry, kind: "graver", data: { ...data, severity, before: before.severity } });
  if (incident.state.status === "settling" && before.state.status === "open")
    happened.push({ ...entry, kind: "settling" });
  return happened;
}

/** What the world hears of. */
const notable: ReadonlySet<NewIncidentEntry["kind"]> = new Set([
  "opened",
  "reopened",
  "graver",
  "resolved",
  "assigned",
]);

function factsOf(incident: Incident, entry: Pick<NewIncidentEntry, "kind" | "atMs" | "by">): NotableFact[] {
  if (!notable.has(entry.kind)) return [];
  const { id, kind, cause, model, severity, title, members, standing, ruleId, assignee, evidence } = incident;
  return [
    {
      type: `hearth.incident.${entry.kind}`,
      subject: incidentBy(id),
      atMs: entry.atMs,
      data: {
        incidentId: id,
        kind,
        cause,
        model,
        severity,
        title,
        ruleId,
        members,
        standing,
        by: entry.by,
        ...evidence,
        ...(entry.kind === "assigned" ? { assignee, reaches: assignee } : {}),
      },
    },
  ];
}
