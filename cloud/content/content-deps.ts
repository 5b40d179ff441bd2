import type { RawBuilder } from "kysely";
import type { DeliveryKind } from "#protocol/delivery.ts";
import type { Model } from "#protocol/model.ts";
import type { UnitSystem } from "#protocol/units.ts";
import type { NewDelivery, TakenBackDelivery } from "../deliveries/deliveries.ts";
import type { DeviceRef } from "../devices/devices.ts";
import type { Outbox } from "../events/events.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import type { ContentKind } from "./content-shapes.ts";
import type { FeedTopics } from "./feeds.ts";

/** What content needs to know of devices. */
interface Appliances {
  find(ids: string[]): Promise<Map<string, DeviceRef>>;
  model(key: string): Promise<Model | null>;
  models(): Promise<Model[]>;
  /** Appliances of some models in the order of their keys, above `afterKey`. */
  ofModels(db: Db, models: readonly string[], afterKey: number, limit: number): Promise<DeviceRef[]>;
  /** The keys of a model's appliances, as a query. */
  keysOfModel(model: string): RawBuilder<unknown>;
  refsByKey(keys: readonly number[], db?: Db): Promise<Map<number, DeviceRef>>;
  /** Those of some appliances that carry a tag. */
  tagged(db: Db, keys: readonly number[], tag: string): Promise<ReadonlySet<number>>;
}

/** What content needs of deliveries. */
interface DeliveryMaker {
  create(tx: Db, wanted: readonly NewDelivery[]): Promise<{ ids: string[]; afterCommit: () => void }>;
  /** Those of some appliances for which such a delivery was made since they belong to whom they belong. */
  madeFor(
    tx: Db,
    devices: readonly DeviceRef[],
    of: { kind: DeliveryKind; subject: string },
  ): Promise<ReadonlySet<number>>;
  /** The versions of items that open deliveries of a kind carry to the devices with these keys. */
  openItems(tx: Db, kind: DeliveryKind, among: RawBuilder<unknown>): Promise<{ id: string; version: number }[]>;
  /** Takes back what is open of a kind and carries this in its body. @returns how many */
  cancelCarrying(tx: Db, kind: DeliveryKind, part: Record<string, unknown>): Promise<number>;
  /** The same for the devices with these keys, because their model no longer allows it. */
  takeBackBeyondLimit(
    tx: Db,
    kind: DeliveryKind,
    part: Record<string, unknown>,
    among: RawBuilder<unknown>,
  ): Promise<number>;
  /** What limits took back of a subject and could go out again, in the order of its ids. */
  takenBackByLimit(
    tx: Db,
    of: { kind: DeliveryKind; subject: string; afterId: string | null; limit: number },
  ): Promise<TakenBackDelivery[]>;
}

/** Where and how a household reads. */
export interface Reader {
  locale: string;
  timeZone: string;
  /** What it chose to measure in; null: as its locale does. */
  units: UnitSystem | null;
}

export interface ContentDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  outbox: Outbox;
  audit: Audit;
  devices: Appliances;
  deliveries: DeliveryMaker;
  /** How each device's household reads, by device key. Who is left out reads English, in UTC. */
  readersOf: (devices: readonly DeviceRef[]) => Promise<ReadonlyMap<number, Reader>>;
  /** Called after each committed change of feeds, in the order of their versions. */
  onChanged: (topics: FeedTopics) => void;
  /** Called with every topic where a change was committed and could not be announced. */
  onMissed: (topics: FeedTopics) => void;
  /** Where pictures lie. */
  artifactsDir: string;
  /** Of this installation: signs the links of pictures. */
  secret: Uint8Array;
  publicUrl: () => string;
}

type Verb =
  | "created"
  | "updated"
  | "submitted"
  | "approved"
  | "sent_back"
  | "scheduled"
  | "unscheduled"
  | "published"
  | "withdrawn"
  | "expired"
  | "sent"
  | "tested";

/** A change of an item in the audit log, and what others may want to know of it in the outbox. Within the transaction that makes it. */
export async function noteChange(
  { outbox, audit, clock }: Pick<ContentDeps, "outbox" | "audit" | "clock">,
  tx: Db,
  by: Principal,
  verb: Verb,
  item: { id: string; kind: ContentKind; version: number },
  change: { before?: object; after?: object } = {},
): Promise<void> {
  const { id, kind, version } = item;
  const after = { kind, version, ...change.after };
  const subject = `content:${id}`;
  const type = `hearth.content.${verb}`;
  await outbox.add(tx, [{ type, subject, atMs: clock.nowMs(), data: { ...after, by: principalText(by) } }]);
  await audit.record(tx, { principal: by, action: `content.${verb}`, subject, before: change.before, after });
}
