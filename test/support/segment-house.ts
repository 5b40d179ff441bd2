/** Segments over a database of their own, with a clock and with what other slices would say in the test's hands. */
import { randomUUID } from "node:crypto";
import type { HouseholdAct } from "../../cloud/households/households.ts";
import { Outbox } from "../../cloud/events/events.ts";
import { randomIds } from "../../cloud/platform/ids.ts";
import { Audit } from "../../cloud/staff/staff.ts";
import { type ProfileSources, Segments } from "../../cloud/segments/segments.ts";
import type { OwnedAppliance } from "../../cloud/devices/devices.ts";
import { createTestDatabase, type TestDatabase } from "./postgres.ts";

/** What there is to know of one household. */
export interface Home {
  locale: string;
  timeZone: string;
  appliances: OwnedAppliance[];
  consents: Set<string>;
  points: number;
  tier: string | null;
  stage: string | null;
  openCases: number;
}

export class SegmentHouse {
  readonly homes = new Map<string, Home>();
  readonly database: TestDatabase;
  readonly outbox = new Outbox(randomIds);
  readonly segments: Segments;
  nowMs = Date.UTC(2026, 2, 10, 12);

  private constructor(database: TestDatabase) {
    this.database = database;
    const clock = { nowMs: () => this.nowMs };
    this.segments = new Segments({
      db: database.db,
      clock,
      audit: new Audit(clock),
      outbox: this.outbox,
      sources: this.#sources(),
      namesOf: async (ids) => new Map(ids.map((id) => [id, `Household ${id.slice(0, 4)}`])),
    });
  }

  static async open(): Promise<SegmentHouse> {
    const house = new SegmentHouse(await createTestDatabase());
    await house.segments.load();
    return house;
  }

  /** A household that exists, and that the world was told of. */
  async home(home: Partial<Home> = {}): Promise<string> {
    const id = randomUUID();
    this.homes.set(id, {
      locale: "de-DE",
      timeZone: "Europe/Berlin",
      appliances: [],
      consents: new Set(["personalise"]),
      points: 0,
      tier: null,
      stage: null,
      openCases: 0,
      ...home,
    });
    await this.tell(id, "hearth.household.created");
    return id;
  }

  /** The world hears something of a household. */
  tell(householdId: string, type: string, more: Record<string, unknown> = {}): Promise<void> {
    const fact = { type, subject: `household:${householdId}`, atMs: this.nowMs, data: { householdId, ...more } };
    return this.database.db.transaction().execute((tx) => this.outbox.add(tx, [fact]));
  }

  act(...acts: HouseholdAct[]): Promise<void> {
    return this.database.db.transaction().execute((tx) => this.segments.ingest(tx, acts));
  }

  async profile(id: string) {
    const profile = (await this.segments.profiles(this.database.db, [id])).get(id);
    if (profile === undefined) throw new Error("it has no profile");
    return profile;
  }

  #sources(): ProfileSources {
    const of =
      <T>(pick: (home: Home) => T | null) =>
      async (_db: unknown, ids: readonly string[]): Promise<Map<string, T>> =>
        new Map(
          ids.flatMap((id): [string, T][] => {
            const home = this.homes.get(id);
            const value = home === undefined ? null : pick(home);
            return value === null ? [] : [[id, value]];
          }),
        );
    return {
      home: of(({ locale, timeZone }) => ({ locale, timeZone })),
      appliances: of(({ appliances }) => appliances),
      consents: of(({ consents }) => consents),
      points: of(({ points }) => points),
      tier: of(({ tier }) => tier),
      stage: of(({ stage }) => stage),
      openCases: of(({ openCases }) => openCases),
    };
  }
}

let acts = 0;
/** Something that a household does, with an identity of its own where none is given. */
export function did(householdId: string, type: string, atMs: number, more: Partial<HouseholdAct> = {}): HouseholdAct {
  acts += 1;
  return { householdId, source: `oven-1/e${acts}`, origin: "appliance", type, atMs, data: {}, device: null, ...more };
}

/** An appliance as a profile knows one. */
export const oven = (of: Partial<OwnedAppliance> = {}): OwnedAppliance => ({
  model: "oven-x200",
  kind: "oven",
  firmware: "2.1.0",
  country: "DE",
  tags: [],
  hasSteam: false,
  hasProbe: true,
  fromMs: Date.UTC(2026, 0, 5, 12),
  ...of,
});
