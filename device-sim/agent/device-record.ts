import { z } from "zod";
import { contentItem, programSettings } from "#protocol/content.ts";
import { reply } from "#protocol/command.ts";
import { deliveryKinds, receipt } from "#protocol/delivery.ts";
import { id, locale } from "#protocol/ids.ts";
import { epochMs, jsonObject, safeText } from "#protocol/text.ts";
import { firmwareOffer } from "#protocol/update.ts";
import { checkedImage } from "./core/decide-image.ts";
import { roleVersion } from "./core/set-facts.ts";

/** Most deliveries that an appliance remembers; the oldest closed ones go first. */
export const inboxEntriesMax = 200;
export const generationsMax = 500;
export const preloadedMax = 20;

/** A delivery as the appliance keeps it: what it was, and the last thing that was said of it. */
export const inboxEntry = z.object({
  id,
  kind: z.enum(deliveryKinds),
  subject: z.string().max(128),
  attempt: z.int().min(1),
  receipt: receipt.nullable(),
  reply: reply.nullable(),
  /** What the display can show; null for what has nothing to show. */
  content: z.union([contentItem, jsonObject]).nullable(),
});
export type InboxEntry = z.infer<typeof inboxEntry>;

/** What waits for a person to start it. */
export const preloaded = z.object({
  /** The recipe's item id, or the command's delivery id. */
  id: z.string().max(64),
  deliveryId: id,
  title: safeText(200),
  isRecipe: z.boolean(),
  steps: z.array(programSettings).max(50),
});
export type Preloaded = z.infer<typeof preloaded>;

export const slotNames = ["a", "b"] as const;
export type SlotName = (typeof slotNames)[number];
const slot = z.object({
  version: z.string().max(64),
  releaseCounter: z.int().min(0),
  /** Of the image in it; null for what it was made with. */
  sha256: z.hex().length(64).nullable(),
});

const underWay = {
  deliveryId: id,
  offer: firmwareOffer,
  expiresAtMs: epochMs,
  /** Where its people put it off at the appliance. */
  postponedUntilMs: z.number().nullable(),
};
/** From the check on: which image, and until when the statement holds that chose it. */
const checked = { ...underWay, image: checkedImage, statementUntilMs: z.number() };

/** Where an update stands. Saved before each step is begun, so that a power cut anywhere is only a pause. */
const updateState = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("none") }),
  z.object({ kind: z.literal("offered"), ...underWay, agreesAtMs: z.number() }),
  z.object({ kind: z.literal("confirmed_by_owner"), ...underWay }),
  z.object({ kind: z.literal("downloading"), ...checked, etag: z.string().max(200).nullable() }),
  z.object({ kind: z.literal("downloaded"), ...checked }),
  z.object({ kind: z.literal("verified"), ...checked }),
  z.object({ kind: z.literal("installing"), ...checked, into: z.enum(slotNames) }),
  z.object({
    kind: z.literal("rebooting"),
    ...checked,
    into: z.enum(slotNames),
    backAtMs: z.number(),
    boots: z.int().min(0),
  }),
]);
export type UpdateState = z.infer<typeof updateState>;

/** What an appliance remembers of whom it believed. It outlives its people, and the loss of the metadata itself. */
export const trustMemory = z.object({
  /** A time that has passed for certain; it only moves forward. */
  floorMs: z.number().min(0),
  /** The newest metadata that was verified, by role. */
  versions: z.record(z.string().max(100), roleVersion),
  /** The newest statement that was followed, by the director's key. */
  statements: z.record(z.string().max(200), z.object({ seq: z.int().min(1), sha256: z.string().max(64) })),
  /** Where the metadata was last said to be. */
  metadataHref: z.url().max(2_048).nullable(),
  freshAtMs: z.number().nullable(),
  staleSaid: z.boolean(),
});
export type TrustMemory = z.infer<typeof trustMemory>;

export const noTrustMemory: TrustMemory = {
  floorMs: 0,
  versions: {},
  statements: {},
  metadataHref: null,
  freshAtMs: null,
  staleSaid: false,
};

/** Everything that an appliance must still know after a power cut. */
export const deviceRecord = z.object({
  boots: z.int().min(0),
  firmware: z.object({
    active: z.enum(slotNames),
    slots: z.object({ a: slot.nullable(), b: slot.nullable() }),
    confirmedCounter: z.int().min(0),
  }),
  update: updateState,
  trust: trustMemory.default(noTrustMemory),
  inbox: z.array(inboxEntry).max(inboxEntriesMax),
  /** Highest generation that was accepted, per `kind/subject`, oldest first. */
  generations: z.array(z.tuple([z.string().max(200), z.int().min(1)])).max(generationsMax),
  preloaded: z.array(preloaded).max(preloadedMax),
  settings: z.object({
    locale,
    timeZone: z.string().max(64),
    childLock: z.boolean(),
    sampleMs: z.int().nullable(),
  }),
  desiredVersion: z.int().min(0),
  /** How many households have had the appliance and left, as far as it was told; null after a factory reset: it knows of none. */
  tenure: z.int().min(0).nullable().default(0),
  /** The event of a factory reset that nobody has acknowledged yet. It is said again after every power cut. */
  resetOwed: z
    .object({ id: z.string().max(64), atMs: epochMs })
    .nullable()
    .default(null),
});
export type DeviceRecord = z.infer<typeof deviceRecord>;

export const newDeviceRecord = (place: { locale: string; timeZone: string }): DeviceRecord => ({
  boots: 0,
  firmware: {
    active: "a",
    slots: { a: { version: "1.0.0", releaseCounter: 0, sha256: null }, b: null },
    confirmedCounter: 0,
  },
  update: { kind: "none" },
  trust: noTrustMemory,
  inbox: [],
  generations: [],
  preloaded: [],
  settings: { ...place, childLock: false, sampleMs: null },
  desiredVersion: 0,
  tenure: 0,
  resetOwed: null,
});

/** What is left of the memory when its people go: the hardware's own, and an update that is under way. */
export function withoutPeople(record: DeviceRecord, place: { locale: string; timeZone: string }): DeviceRecord {
  const { boots, firmware, update, trust, inbox, resetOwed } = record;
  const busyId = update.kind === "none" ? null : update.deliveryId;
  return {
    ...newDeviceRecord(place),
    boots,
    firmware,
    update,
    trust,
    inbox: inbox.filter(({ id: known }) => known === busyId),
    resetOwed,
  };
}
