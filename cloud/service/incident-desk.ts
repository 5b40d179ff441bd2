import { sql } from "kysely";
import { deviceFacts, type DeviceRef } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { contested, type Db } from "../platform/database.ts";
import { type Refused, refused } from "../platform/refused.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { type IncidentRefusal, standingCasesMax, stepIncident } from "./core/incident.ts";
import type { Incidents } from "./incidents.ts";
import type { Incident, IncidentEntry, IncidentFilter, IncidentMember } from "./incidents-store.ts";

/** What becomes of members that still have the cause when staff resolve their incident. */
export const standingWays = ["cases", "leave"] as const;
export type StandingWay = (typeof standingWays)[number];

export interface MemberWithDevice extends IncidentMember {
  deviceId: string;
}

/** What members have in common: how many share each value, the most first. */
export interface Common {
  firmware: CommonValue[];
  hardware: CommonValue[];
  country: CommonValue[];
}

interface CommonValue {
  value: string | null;
  members: number;
}

/** `after`: what the audit log shall say beside what was before. */
type Done = { kind: "done"; after?: Record<string, unknown> };

const entriesMax = 1_000;
const commonValuesMax = 10;

/** Incidents as staff see them and work on them. */
export class IncidentDesk {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #audit: Audit;
  readonly #incidents: Incidents;
  readonly #appliances: { refsByKey(keys: readonly number[]): Promise<Map<number, DeviceRef>> };
  readonly #mayWork: (staffKeyId: string) => Promise<boolean>;

  constructor(deps: {
    db: Db;
    clock: Clock;
    audit: Audit;
    incidents: Incidents;
    appliances: { refsByKey(keys: readonly number[]): Promise<Map<number, DeviceRef>> };
    mayWork: (staffKeyId: string) => Promise<boolean>;
  }) {
    this.#db = deps.db;
    this.#clock = deps.clock;
    this.#audit = deps.audit;
    this.#incidents = deps.incidents;
    this.#appliances = deps.appliances;
    this.#mayWork = deps.mayWork;
  }

  list(filter: IncidentFilter): Promise<Incident[]> {
    return this.#incidents.store.list(this.#db, filter);
  }

  async get(id: string): Promise<{ incident: Incident; entries: IncidentEntry[]; common: Common } | null> {
    const incident = await this.#incidents.store.get(this.#db, id);
    if (incident === null) return null;
    const entries = await this.#incidents.store.entries(this.#db, id, entriesMax);
    return { incident, entries, common: await this.#common(id) };
  }

  /** In the order of the devices' keys; null where there is no such incident. */
  async members(
    id: string,
    page: { standing: boolean | null; afterKey: number; limit: number },
  ): Promise<MemberWithDevice[] | null> {
    if ((await this.#incidents.store.get(this.#db, id)) === null) return null;
    const members = await this.#incidents.store.members(this.#db, id, page);
    const devices = await this.#appliances.refsByKey(members.map(({ deviceKey }) => deviceKey));
    return members.map((member) => ({ ...member, deviceId: devices.get(member.deviceKey)?.id ?? "" }));
  }

  note(by: Principal, id: string, text: string) {
    return this.#work<never>(by, id, "incident.noted", async (tx, incident) => {
      await this.#incidents.change(tx, incident, { kind: "note", by: principalText(by), text, data: {} });
      return { kind: "done" };
    });
  }

  /**
   * Takes an incident, lets it go, or gives it to somebody, whoever has it.
   *
   * @param assignee `me`, null, or the id of somebody's key
   */
  async assign(
    by: Principal,
    id: string,
    assignee: string | null,
  ): Promise<Done | Refused<IncidentRefusal | "incident_not_found" | "assignee_not_suitable">> {
    const isOther = assignee !== null && assignee !== "me";
    const isFit = !isOther || (await this.#mayWork(assignee));
    const to = assignee === "me" ? principalText(by) : isOther ? `staff:${assignee}` : null;
    const work = async (
      tx: Db,
      incident: Incident,
    ): Promise<Done | Refused<IncidentRefusal | "assignee_not_suitable">> => {
      if (!isFit) return refused("assignee_not_suitable");
      if (incident.state.status === "resolved") return refused("incident_already_resolved");
      if (incident.assignee === to) return { kind: "done" };
      const data = { assignee: to, before: incident.assignee };
      const entry = { kind: "assigned" as const, by: principalText(by), text: null, data };
      await this.#incidents.change(tx, { ...incident, assignee: to }, entry);
      return { kind: "done", after: { assignee: to } };
    };
    return this.#work(by, id, "incident.assigned", work);
  }

  resolve(by: Principal, id: string, text: string, standing: StandingWay) {
    const who = principalText(by);
    return this.#work(
      by,
      id,
      "incident.resolved",
      async (tx, incident): Promise<Done | Refused<IncidentRefusal | "incident_too_many_standing">> => {
        const outcome = stepIncident(incident.state, { kind: "resolved", atMs: this.#clock.nowMs(), by: who });
        if (outcome.kind === "refused") return outcome;
        if (standing === "cases" && incident.standing > standingCasesMax) return refused("incident_too_many_standing");
        const casesOpened = standing === "cases" ? await this.#incidents.openCases(tx, incident) : 0;
        const data = { standing: incident.standing, casesOpened };
        await this.#incidents.change(tx, { ...incident, state: outcome.to }, { kind: "resolved", by: who, text, data });
        return { kind: "done" };
      },
    );
  }

  /** One step of a person on one incident, in the audit log where it was taken. */
  async #work<R extends string>(
    by: Principal,
    id: string,
    action: string,
    work: (tx: Db, incident: Incident) => Promise<Done | Refused<R>>,
  ): Promise<Done | Refused<R | "incident_not_found">> {
    const known = await this.#incidents.store.get(this.#db, id);
    if (known === null) return refused("incident_not_found");
    return contested(this.#db, async (tx): Promise<Done | Refused<R | "incident_not_found">> => {
      const incident = await this.#incidents.lock(tx, known);
      if (incident === null) return refused("incident_not_found");
      const outcome = await work(tx, incident);
      if (outcome.kind === "refused") return outcome;
      const before = { status: incident.state.status, assignee: incident.assignee, standing: incident.standing };
      const after = outcome.after === undefined ? {} : { after: outcome.after };
      await this.#audit.record(tx, { principal: by, action, subject: `incident:${id}`, before, ...after });
      return { kind: "done" };
    });
  }

  async #common(id: string): Promise<Common> {
    // Where appliances are says nothing here, so no household is asked for its time zone.
    const facts = deviceFacts(sql`(SELECT NULL::uuid AS id, NULL::text AS time_zone WHERE false)`);
    const { rows } = await sql<{ what: keyof Common; value: string | null; members: number }>`
      WITH f AS (
        SELECT d.version, d.hardware, d.country FROM incident_member m JOIN ${facts} AS d ON d.key = m.device_key
        WHERE m.incident_id = ${id}
      )
      SELECT what, value, members FROM (
        SELECT what, value, count(*) AS members, row_number() OVER (PARTITION BY what ORDER BY count(*) DESC, value) AS place
        FROM f CROSS JOIN LATERAL (
          VALUES ('firmware', f.version), ('hardware', f.hardware), ('country', f.country)) AS v(what, value)
        GROUP BY what, value
      ) AS counted WHERE place <= ${commonValuesMax} ORDER BY what, place`.execute(this.#db);
    const of = (what: keyof Common) =>
      rows.filter((row) => row.what === what).map(({ value, members }) => ({ value, members }));
    return { firmware: of("firmware"), hardware: of("hardware"), country: of("country") };
  }
}
