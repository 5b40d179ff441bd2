import { createHash, randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Made } from "../testing/maker.ts";
import { ManualClock, startMs } from "../testing/parts.ts";
import { type Cut, Disk, leavings, PowerCutFlash } from "../testing/power-cut.ts";
import { type FirmwareDelivery, newRig, type Oven, powerOn, type Rig, untilOver } from "../testing/update-rig.ts";
import { newDeviceRecord } from "./device-record.ts";
import { FlashDeviceStore } from "./device-store.ts";

let rig: Rig;
let first: Made;
let second: Made;
/** What the appliance was made with. */
const madeWith = randomBytes(5_000);
const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

beforeEach(async () => {
  rig = await newRig();
  // So small that it comes in a few pieces: every further piece is one more operation like the one before.
  first = rig.maker.release({}, { image: randomBytes(150_000) });
  second = rig.maker.release({ version: "2.1.0", releaseCounter: 4, minCounter: 3 }, { image: randomBytes(20_000) });
});
afterEach(() => rig.close());

/** A disk as it leaves the factory. */
function newDisk(): Disk {
  const disk = new Disk();
  const store = new FlashDeviceStore(new PowerCutFlash(disk));
  store.writeSlot("a", madeWith);
  const record = newDeviceRecord({ locale: "de", timeZone: "Europe/Berlin" });
  const slots = { a: { version: "1.0.0", releaseCounter: 0, sha256: hashOf(madeWith) }, b: null };
  store.save({ ...record, firmware: { ...record.firmware, slots } });
  return disk;
}

interface Life {
  flash: PowerCutFlash;
  clock: ManualClock;
}

/** One life of the appliance: on, offered what the cloud has for it, and on until the end of the update or of the power. */
async function live(disk: Disk, item: FirmwareDelivery, clock: ManualClock, cut: Cut | null): Promise<Life> {
  const flash = new PowerCutFlash(disk, cut);
  let oven: Oven | null = null;
  try {
    oven = powerOn({ ...rig, clock }, { store: new FlashDeviceStore(flash) });
    oven.receive(item);
    await untilOver(oven);
  } catch (error) {
    if (!flash.dead) throw error;
  }
  await oven?.agent.stop();
  return { flash, clock };
}

/** What a boot loader would find: the old firmware or the new, whole; and an appliance that has forgotten nothing. */
function expectBootable(disk: Disk, about: string): void {
  const store = new FlashDeviceStore(new PowerCutFlash(disk));
  const record = store.load();
  expect(record, about).not.toBeNull();
  if (record === null) return;
  const { active, slots, confirmedCounter } = record.firmware;
  const bytes = store.readSlot(active);
  expect(hashOf(bytes ?? new Uint8Array()), about).toBe(slots[active]?.sha256);
  const known = [hashOf(madeWith), first.sha256, second.sha256];
  expect(known.indexOf(slots[active]?.sha256 ?? ""), about).toBe([0, 3, 4].indexOf(confirmedCounter));
}

/** Whatever was cut: this life brings the update home, the cloud hears so, and the next update goes in as well. */
async function expectRecovery(disk: Disk, item: FirmwareDelivery, clock: ManualClock, about: string): Promise<void> {
  await live(disk, item, clock, null);
  const store = new FlashDeviceStore(new PowerCutFlash(disk));
  const told = (id: string): unknown => store.load()?.inbox.find((entry) => entry.id === id)?.receipt?.step;
  expect(told(item.id), about).toBe("confirmed");
  expect(store.load()?.firmware, about).toMatchObject({ active: "b", confirmedCounter: 3 });
  expectBootable(disk, about);
  const next = rig.offer(second);
  await live(disk, next, clock, null);
  expect(told(next.id), about).toBe("confirmed");
  expect(store.load()?.firmware, about).toMatchObject({ active: "a", confirmedCounter: 4 });
  expectBootable(disk, about);
}

const nameOf = (cut: Cut): string =>
  `power cut at operation ${cut.atOperation}, ${cut.halfDone ? "half done" : "not done"}, unsafe bytes ${cut.leaves}`;

/** How many operations an update has that nobody disturbs. */
async function operationsOf(): Promise<number> {
  const { flash } = await live(newDisk(), rig.offer(first), new ManualClock(startMs), null);
  return flash.operations;
}

test("a power cut at any operation of an update leaves an appliance that boots old or new, goes on, and can be updated again", async () => {
  const operations = await operationsOf();
  expect(operations).toBeGreaterThan(40);
  let cuts = 0;
  for (let atOperation = 1; atOperation <= operations; atOperation += 1)
    for (const halfDone of [false, true])
      for (const leaves of leavings) {
        const cut = { atOperation, halfDone, leaves };
        const disk = newDisk();
        const item = rig.offer(first);
        const { flash, clock } = await live(disk, item, new ManualClock(startMs), cut);
        // How many pieces an image comes in is the network's business, so the last operations may not come.
        if (!flash.dead) disk.settle(leaves);
        else cuts += 1;
        expectBootable(disk, nameOf(cut));
        rig.images.image = first.image;
        await expectRecovery(disk, item, clock, nameOf(cut));
      }
  console.info(
    `power loss: ${operations} operations of an update, each cut in ${2 * leavings.length} ways: ${cuts} cuts`,
  );
  expect(cuts).toBeGreaterThan(operations * 7);
});

test("a second power cut, while the appliance recovers from the first, does no more harm than one", async () => {
  const operations = await operationsOf();
  let cuts = 0;
  for (let at = 1; at <= operations; at += 1) {
    const disk = newDisk();
    const item = rig.offer(first);
    const cutOf = (turn: number, atOperation: number): Cut => ({
      atOperation,
      halfDone: (at + turn) % 2 === 0,
      leaves: leavings[(at + turn) % leavings.length] ?? "lost",
    });
    const one = cutOf(0, at);
    // Over the tests all places of the second life come up, near its beginning more often: that is where it mends.
    const other = cutOf(1, 1 + ((at * 7) % Math.max(8, operations - at)));
    const { clock } = await live(disk, item, new ManualClock(startMs), one);
    const { flash } = await live(disk, item, clock, other);
    if (flash.dead) cuts += 1;
    else disk.settle(other.leaves);
    const about = `${nameOf(one)}, then ${nameOf(other)}`;
    expectBootable(disk, about);
    rig.images.image = first.image;
    await expectRecovery(disk, item, clock, about);
  }
  console.info(`power loss: cut twice in a row at ${cuts} pairs of operations`);
  expect(cuts).toBeGreaterThan(operations / 2);
});
