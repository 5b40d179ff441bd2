import type { Model } from "#protocol/model.ts";
import type { RawBuilder } from "kysely";
import type { ContentItem } from "#protocol/content.ts";
import type { DecisionItem, Delivered, Wanted } from "../content/content.ts";
import type { Outbox } from "../events/events.ts";
import type { HouseholdReach, Households } from "../households/households.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { MailSettings } from "../platform/mail-sender.ts";
import type { Reach } from "../platform/webhooks/public-address.ts";
import type { CaseForPerson } from "../service/service.ts";
import type { Audit, Principal } from "../staff/staff.ts";

/** What decisions and campaigns need of the rest of the service. */
export interface EngagementDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  outbox: Outbox;
  content: {
    forDecision(db: Db, itemIds: readonly string[]): Promise<Map<string, DecisionItem>>;
    /** What of these fits an appliance stays so until the transaction ends. */
    holdLimits(tx: Db, itemIds: readonly string[]): Promise<void>;
    deliver(tx: Db, wanted: readonly Wanted[]): Promise<Delivered>;
    /** What a limit took back of these may be wanted again. */
    lookAgain(tx: Db, itemIds: readonly string[]): Promise<void>;
    render(
      itemId: string,
      reader: Pick<HouseholdReach, "locale" | "units">,
      extra?: Record<string, unknown>,
    ): Promise<ContentItem | null>;
  };
  households: Pick<Households, "reachOf" | "hoursChanges" | "hold" | "partsOf">;
  namesOf: (db: Db, householdIds: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  /** What others call these households, as the shop's customer number: `kind value`. */
  referencesOf: (db: Db, householdIds: readonly string[]) => Promise<ReadonlyMap<string, readonly string[]>>;
  consent: { agreed(db: Db, householdIds: readonly string[]): Promise<Map<string, ReadonlySet<string>>> };
  lifecycle: { stages(db: Db, householdIds: readonly string[]): Promise<Map<string, string>> };
  segments: {
    /** A table expression with `household_id`. */
    members(segmentId: string): RawBuilder<unknown>;
    get(id: string): Promise<object | null>;
  };
  models: { model(key: string): Promise<Model | null>; models(): Promise<Model[]> };
  /** Every appliance, as a table expression: see `deviceFacts`. */
  appliances: RawBuilder<unknown>;
  /** Every serial number that was made, registered or not, as a table expression with `serial` and `model`. */
  made: RawBuilder<unknown>;
  service: {
    openFor(tx: Db, wanted: CaseForPerson, by: Principal): Promise<{ caseId: string }>;
  };
  /** Of some offers those that may be made to households now, and those whose time is yet to come. */
  offersMadeWhen: (db: Db, offerKeys: readonly string[]) => Promise<ReadonlyMap<string, "now" | "later">>;
  /** The terms of an offer for each household that is to get it. */
  grant: (
    tx: Db,
    wanted: { householdId: string; offerKey: string; expiresAtMs: number },
  ) => Promise<Record<string, unknown> | null>;
  /** What a household reads of its tier that is about to end; null where it is not. */
  tierEnding: (
    db: Db,
    asked: { householdId: string; tier: string; untilMs: number; locale: string },
  ) => Promise<{ locale: string; title: string; text: string } | null>;
  /** Null: no mail is sent. */
  mail: MailSettings | null;
  reach: Reach;
  /** Of this installation, and not in the database: signs links, hides addresses. */
  secret: Buffer;
  publicUrl: () => string;
  onError: (error: unknown) => void;
}
