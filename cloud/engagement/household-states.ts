import { sql } from "kysely";
import type { DeviceRef } from "../devices/devices.ts";
import type { HouseholdReach } from "../households/households.ts";
import { inPieces } from "../platform/clock.ts";
import { amongIds, type Db } from "../platform/database.ts";
import type { ChosenTopics } from "./chosen-topics.ts";
import type { Candidate, Circumstances, HouseholdState } from "./core/candidate.ts";
import { quarterOf } from "./core/holdout.ts";
import { cappedClasses, type EngagementPolicy, isCapped, type ItemClass } from "./core/policy.ts";
import type { Habit, Habits } from "./habits.ts";
import type { EngagementDeps } from "./ports.ts";
import type { StoppedAddresses, StopReason } from "./stopped-addresses.ts";

const dayMs = 86_400_000;
/** Households that are put together before everything else gets its turn. */
const readInARow = 50;
/** The longest window of a cap, and a day for the zones. */
const lookBackMs = 31 * dayMs;

/** A household as it is decided about, and whom to send to. */
export interface ReadHousehold {
  state: HouseholdState;
  devices: Map<string, DeviceRef>;
  members: HouseholdReach["members"];
  locale: string;
}

interface RecentRow {
  household_id: string;
  source: string;
  item_id: string;
  class: ItemClass;
  priority: number;
  answer: "send" | "hold";
  channels: string[];
  decided_at_ms: number;
  on_its_way: boolean;
}

type StatesDeps = Pick<EngagementDeps, "households" | "consent" | "lifecycle" | "models" | "mail"> & {
  habits: Habits;
  topics: ChosenTopics;
  stopped: StoppedAddresses;
};

/** Reads all that decisions depend on, for thousands of households with the same few statements. */
export class HouseholdStates {
  readonly #deps: StatesDeps;

  constructor(deps: StatesDeps) {
    this.#deps = deps;
  }

  /** What is the same for everybody. */
  async circumstances(policy: EngagementPolicy, webhook: boolean, nowMs: number): Promise<Circumstances> {
    const { mail } = this.#deps;
    const models = await this.#deps.models.models();
    return {
      policy,
      quarter: quarterOf(nowMs),
      webhook,
      mail: mail !== null,
      models: Object.fromEntries(
        models.map(({ key, capabilities: { programs, setpoint_c_max, steam, probe } }) => [
          key,
          { programs, setpoint_c_max: setpoint_c_max ?? null, steam, probe },
        ]),
      ),
    };
  }

  /** Households that are not there any more are left out. `onlyDevices`: of a recall, the appliances that it is about. */
  async read(
    db: Db,
    ids: readonly string[],
    candidates: readonly Candidate[],
    nowMs: number,
    onlyDevices: ReadonlySet<string> | null,
  ): Promise<Map<string, ReadHousehold>> {
    const { households, consent, lifecycle, habits, topics, stopped } = this.#deps;
    const reach = await households.reachOf(db, ids);
    const known = ids.filter((id) => reach.has(id));
    const agreed = await consent.agreed(db, known);
    const stages = await lifecycle.stages(db, known);
    const addresses = [...reach.values()].flatMap(({ members }) => members.flatMap(({ email }) => email ?? []));
    const stops = await stopped.of(db, addresses);
    const recent = await recentOf(db, known, nowMs);
    const arms = await armsOf(db, known, candidates);
    const personal = known.filter((id) => agreed.get(id)?.has("personalise") === true);
    const about = new Set(candidates.flatMap((candidate) => candidate.topics));
    const subjects = new Set([
      ...candidates.map(({ itemId }) => `item:${itemId}`),
      ...[...about].map((topic) => `topic:${topic}`),
    ]);
    const habitsOf = await habits.read(db, personal, [...subjects]);
    const chosen = await topics.among(db, personal, [...about]);
    const read = new Map<string, ReadHousehold>();
    for await (const piece of inPieces(known, readInARow))
      for (const id of piece) {
        const found = reach.get(id);
        if (found === undefined) continue;
        const own =
          onlyDevices === null ? found : { ...found, devices: found.devices.filter((one) => onlyDevices.has(one.id)) };
        const of = {
          id,
          found: own,
          agreed: agreed.get(id),
          stage: stages.get(id),
          stops,
          recent: recent.get(id),
          habit: habitsOf.get(id),
          chosen: chosen.get(id),
          arms: arms.get(id),
        };
        read.set(id, {
          state: stateOf(of),
          members: own.members,
          locale: own.locale,
          devices: new Map(own.devices.map((device) => [device.id, device])),
        });
      }
    return read;
  }
}

interface Found {
  id: string;
  found: HouseholdReach;
  agreed: ReadonlySet<string> | undefined;
  stage: HouseholdState["stage"] | undefined;
  stops: ReadonlyMap<string, StopReason>;
  recent: readonly RecentRow[] | undefined;
  habit: Habit | undefined;
  chosen: string[] | undefined;
  arms: HouseholdState["arms"] | undefined;
}

function stateOf({
  id,
  found,
  agreed,
  stage,
  stops,
  recent = [],
  habit,
  chosen = [],
  arms = {},
}: Found): HouseholdState {
  const { timeZone, channels, members, devices } = found;
  return {
    id,
    timeZone,
    consents: [...(agreed ?? [])].toSorted(),
    stage: stage ?? null,
    order: channels.order,
    quiet: channels.quiet,
    perWeekMax: channels.perWeekMax,
    devices: devices.map((device) => ({ id: device.id, model: device.model })),
    addresses: members.flatMap(({ id: memberId, email }) =>
      email === null ? [] : [{ memberId, stopped: stops.get(email) ?? null }],
    ),
    sent: recent.flatMap((row) =>
      row.answer === "send" && isCapped(row.class) ? [{ atMs: row.decided_at_ms, class: row.class }] : [],
    ),
    waiting: recent.flatMap(({ answer, source, item_id: itemId, class: itemClass, priority, on_its_way }) =>
      answer === "hold" || (on_its_way && !isCapped(itemClass)) ? [{ source, itemId, class: itemClass, priority }] : [],
    ),
    open: recent.filter((row) => row.on_its_way && isCapped(row.class)).length,
    bestHours: habit?.bestHours ?? [],
    interests: habit?.interests ?? [],
    chosen,
    cookingSinceMs: habit?.cookingSinceMs ?? null,
    arms,
  };
}

const ofCampaign = /^campaign:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Where households were drawn to by the campaigns that candidates are of, as far as these took them in. */
async function armsOf(
  db: Db,
  ids: readonly string[],
  candidates: readonly Candidate[],
): Promise<Map<string, NonNullable<HouseholdState["arms"]>>> {
  const campaigns = new Set(
    candidates.flatMap(({ measured, source }) => (measured ? (ofCampaign.exec(source)?.[1] ?? []) : [])),
  );
  const found = new Map<string, NonNullable<HouseholdState["arms"]>>();
  if (campaigns.size === 0 || ids.length === 0) return found;
  const { rows } = await sql<{ source: string; household_id: string; arm: "treated" | "held_out"; quarter: string }>`
    SELECT 'campaign:' || campaign_id AS source, household_id, arm, quarter FROM campaign_member
    WHERE campaign_id = ANY(${[...campaigns]}::uuid[]) AND household_id = ${amongIds(ids)} AND rests_merge_id IS NULL`.execute(
    db,
  );
  for (const { source, household_id: id, arm, quarter } of rows)
    found.set(id, { ...found.get(id), [source]: { arm, quarter } });
  return found;
}

/** What of our messages counts still: what waits, what is on a display unseen, and what caps count. */
async function recentOf(db: Db, ids: readonly string[], nowMs: number): Promise<Map<string, RecentRow[]>> {
  const found = new Map<string, RecentRow[]>();
  if (ids.length === 0) return found;
  const { rows } = await sql<RecentRow>`
    SELECT household_id, source, item_id, class, priority, answer, channels, decided_at_ms,
      answer = 'send' AND 'display' = ANY(channels) AND shown_at_ms IS NULL AND ended IS NULL AND decided_at_ms > ${nowMs - 7 * dayMs}
        AS on_its_way
    FROM decision
    WHERE household_id = ${amongIds(ids)} AND decided_at_ms > ${nowMs - lookBackMs}
      AND (answer = 'hold' OR (answer = 'send' AND (class = ANY(${[...cappedClasses]}::text[]) OR shown_at_ms IS NULL)))
    ORDER BY household_id, decided_at_ms DESC, id`.execute(db);
  for (const row of rows) {
    const list = found.get(row.household_id) ?? [];
    // What a household could have at all in a month is far less.
    if (list.length < 200) list.push(row);
    found.set(row.household_id, list);
  }
  return found;
}
