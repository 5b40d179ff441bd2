import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { updateFaults } from "../core/faults.ts";
import { type Oven, newRig, powerOn, type Rig, tickUntil, untilOver, updateOf } from "../testing/update-rig.ts";
import { FlashDeviceStore, FolderDeviceStore } from "./device-store.ts";
import { FolderFlash } from "./flash.ts";

let rig: Rig;
let folder: string;
beforeEach(async () => {
  rig = await newRig();
  folder = mkdtempSync(join(tmpdir(), "hearth-sim-"));
});
afterEach(async () => {
  await rig.close();
  rmSync(folder, { recursive: true, force: true });
});

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const steps = (said: string[]): string[] => said.filter((line, at) => line !== said[at - 1]);
const kindOf = (oven: Oven): string => oven.memory.record.update.kind;

/** Ticks for a while in which nothing should happen. */
async function idle(oven: Oven, forMs: number): Promise<void> {
  for (let passed = 0; passed < forMs; passed += forMs / 10) {
    oven.clock.pass(forMs / 10);
    oven.agent.tick();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

test("an update goes through every step in order, and the counter is stored only by the confirmed boot", async () => {
  const oven = powerOn(rig);
  const made = rig.maker.release();
  oven.receive(rig.offer(made, { consent: "ask" }));
  oven.agent.tick();
  expect(kindOf(oven)).toBe("offered");
  oven.clock.pass(minuteMs);
  await tickUntil(oven, "it reboots", () => oven.said.includes("down"));
  expect(oven.memory.record.firmware).toMatchObject({ active: "a", confirmedCounter: 0 });
  expect(await untilOver(oven)).toBe("confirmed");
  expect(steps(oven.said)).toEqual([
    "offered",
    "confirmed_by_owner",
    "downloading",
    "downloaded",
    "verified",
    "installing",
    "rebooting",
    "down",
    "up",
    "confirmed",
  ]);
  const { firmware } = oven.memory.record;
  expect(firmware.active).toBe("b");
  expect(firmware.slots.b).toEqual({ version: "2.0.0", releaseCounter: 3, sha256: made.sha256 });
  expect(firmware.confirmedCounter).toBe(3);
  expect(Buffer.from(oven.store.readSlot("b") ?? []).equals(made.image)).toBe(true);
  expect(await updateOf(oven, rig.offer(made))).toBe("rejected not_newer");
});

test("nothing begins while the appliance is hot or running: neither the download nor the installation", async () => {
  const oven = powerOn(rig);
  oven.controls.running = true;
  oven.receive(rig.offer(rig.maker.release()));
  await idle(oven, 30 * minuteMs);
  expect(kindOf(oven)).toBe("offered");
  expect(rig.server.asked).toEqual([]);
  oven.controls.running = false;
  oven.agent.tick();
  // Somebody turns it on while the metadata is being checked.
  oven.controls.hot = true;
  await idle(oven, minuteMs);
  expect(rig.images.ranges).toEqual([]);
  oven.controls.hot = false;
  await tickUntil(oven, "the download begins", () => kindOf(oven) === "downloading");
  oven.controls.hot = true;
  await tickUntil(oven, "it is verified", () => kindOf(oven) === "verified");
  await idle(oven, dayMs);
  expect(kindOf(oven)).toBe("verified");
  oven.controls.hot = false;
  rig.maker.signTimestamp();
  expect(await untilOver(oven)).toBe("confirmed");
});

test("consent: an update that asks waits for a person, one that was agreed to elsewhere does not, an automatic one asks nobody", async () => {
  const made = rig.maker.release();
  const asked = powerOn(rig);
  const item = rig.offer(made, { consent: "ask" });
  asked.receive(item);
  asked.agent.tick();
  expect(kindOf(asked)).toBe("offered");
  asked.receive({ ...item, body: { ...item.body, consent: "given" } });
  expect(await untilOver(asked)).toBe("confirmed");
  expect(asked.said).toContain("confirmed_by_owner");

  const byHand = powerOn(rig);
  byHand.receive(rig.offer(made, { consent: "ask" }));
  expect(byHand.agent.agree()).toEqual({ kind: "done" });
  expect(await untilOver(byHand)).toBe("confirmed");
  expect(byHand.agent.agree()).toEqual({ kind: "refused", rule: "nothing_offered" });

  const automatic = powerOn(rig);
  expect(await updateOf(automatic, rig.offer(made))).toBe("confirmed");
  expect(automatic.said).not.toContain("confirmed_by_owner");
});

test("an update waits until its time has come, and may be put off at the appliance as far as the release allows", async () => {
  const oven = powerOn(rig);
  const startMs = rig.clock.nowMs();
  const item = rig.offer(rig.maker.release(), {
    notBeforeMs: startMs + hourMs,
    postponeUntilMsMax: startMs + 4 * hourMs,
  });
  oven.receive(item);
  await idle(oven, 50 * minuteMs);
  expect(kindOf(oven)).toBe("offered");
  expect(oven.agent.postpone(4 * hourMs)).toEqual({ kind: "refused", rule: "not_postponable" });
  expect(oven.agent.postpone(3 * hourMs)).toEqual({ kind: "done" });
  expect(oven.said).toContain("event update.postponed");
  // The same offer again does not forget what was said at the appliance.
  oven.receive(item);
  await idle(oven, 2 * hourMs);
  expect(kindOf(oven)).toBe("offered");
  expect(rig.images.ranges).toEqual([]);
  oven.clock.pass(2 * hourMs);
  expect(await untilOver(oven)).toBe("confirmed");
});

test("whoever agrees elsewhere after an update was put off at the appliance is heard: the last word about the time counts", async () => {
  const oven = powerOn(rig);
  const startMs = rig.clock.nowMs();
  const item = rig.offer(rig.maker.release(), {
    notBeforeMs: startMs + hourMs,
    postponeUntilMsMax: startMs + 40 * hourMs,
  });
  oven.receive(item);
  expect(oven.agent.postpone(40 * hourMs)).toEqual({ kind: "done" });
  // The cloud has heard of it, and says so itself now.
  oven.receive({ ...item, body: { ...item.body, notBeforeMs: startMs + 40 * hourMs } });
  await idle(oven, 2 * hourMs);
  expect(kindOf(oven)).toBe("offered");
  oven.receive({ ...item, body: { ...item.body, notBeforeMs: null } });
  expect(await untilOver(oven)).toBe("confirmed");
});

test("declined at the appliance is over for good; a security release that comes by itself cannot be declined", async () => {
  const oven = powerOn(rig);
  const made = rig.maker.release();
  const item = rig.offer(made, { consent: "ask" });
  oven.receive(item);
  expect(oven.agent.decline()).toEqual({ kind: "done" });
  expect(await untilOver(oven)).toBe("rejected declined_by_owner");
  oven.receive(item);
  expect(kindOf(oven)).toBe("none");
  oven.receive(rig.offer(made, { security: true }));
  expect(oven.agent.decline()).toEqual({ kind: "refused", rule: "security_release" });
  expect(await untilOver(oven)).toBe("confirmed");
});

test("the image is fetched at once, and installed only in a window by the clock on the wall", async () => {
  const oven = powerOn(rig);
  // It is Sunday, 13:00 in Berlin.
  const windows = [{ weekdays: [7], from: "22:00", to: "02:00" }];
  oven.receive(rig.offer(rig.maker.release(), { windows }));
  await tickUntil(oven, "it is verified", () => kindOf(oven) === "verified");
  await idle(oven, 8 * hourMs);
  expect(kindOf(oven)).toBe("verified");
  oven.clock.pass(hourMs);
  expect(await untilOver(oven)).toBe("confirmed");
});

test("an installation hours later asks the director again, and a withdrawn release is not installed any more", async () => {
  const oven = powerOn(rig);
  const windows = [{ weekdays: [7], from: "22:00", to: "02:00" }];
  const item = rig.offer(rig.maker.release(), { windows });
  oven.receive(item);
  await tickUntil(oven, "it is verified", () => kindOf(oven) === "verified");
  const asked = rig.server.asked.filter((path) => path.includes("/statements/")).length;
  expect(asked).toBe(1);
  rig.server.honest.delete(`/files/statements/${item.id}`);
  oven.clock.pass(9 * hourMs);
  expect(await untilOver(oven)).toBe("failed statement_refused");
  expect(oven.store.readSlot("b")).toBeNull();
});

test("another image for the same delivery, after the first one was fetched, is not installed", async () => {
  const oven = powerOn(rig);
  const item = rig.offer(rig.maker.release(), { windows: [{ weekdays: [7], from: "22:00", to: "02:00" }] });
  oven.receive(item);
  await tickUntil(oven, "it is verified", () => kindOf(oven) === "verified");
  const other = rig.maker.release({ releaseCounter: 4 });
  rig.server.honest.set(`/files/statements/${item.id}`, async (_request, response) => {
    response.end(await rig.director.sign(rig.director.claims(other, { deviceId: "oven-1", deliveryId: item.id })));
  });
  oven.clock.pass(9 * hourMs);
  expect(await untilOver(oven)).toBe("failed offer_changed");
});

test("an image that does not come up is rolled back: the old slot runs, the counter stays, and the next release goes in", async () => {
  const oven = powerOn(rig);
  const image = Buffer.concat([randomBytes(1_000), Buffer.from("UNHEALTHY"), randomBytes(1_000)]);
  const bad = rig.maker.release({}, { image });
  expect(await updateOf(oven, rig.offer(bad))).toBe("rolled_back health_check_failed");
  expect(oven.memory.record.firmware).toMatchObject({ active: "a", confirmedCounter: 0 });
  expect(await updateOf(oven, rig.offer(rig.maker.release({ version: "2.0.1", releaseCounter: 4 })))).toBe("confirmed");
});

test("a slot that never came up is given up after three boots", async () => {
  const oven = powerOn(rig);
  oven.receive(rig.offer(rig.maker.release()));
  await tickUntil(oven, "it reboots", () => kindOf(oven) === "rebooting");
  const { update } = oven.memory.record;
  if (update.kind === "rebooting") oven.memory.update({ update: { ...update, boots: 3 } });
  expect(await untilOver(oven)).toBe("rolled_back health_check_failed");
});

test("a slot whose bytes are not the verified ones any more is not kept", async () => {
  const oven = powerOn(rig);
  oven.receive(rig.offer(rig.maker.release()));
  await tickUntil(oven, "it reboots", () => kindOf(oven) === "rebooting");
  oven.store.writeSlot("b", randomBytes(40_000));
  expect(await untilOver(oven)).toBe("rolled_back health_check_failed");
});

test.each([
  ["update_bad_hash", "failed image_hash_wrong"],
  ["update_failed_boot", "rolled_back health_check_failed"],
  ["update_cut", "confirmed"],
] as const)("%s ends in %s, and the next update goes through", async (fault, end) => {
  const oven = powerOn(rig);
  oven.agent.inject(fault);
  const made = rig.maker.release({}, { image: randomBytes(400_000) });
  expect(await updateOf(oven, rig.offer(made))).toBe(end);
  if (fault === "update_cut") expect(rig.images.ranges.at(-1)).toMatch(/^bytes=/);
  expect(await updateOf(oven, rig.offer(rig.maker.release({ releaseCounter: 4 })))).toBe("confirmed");
  expect(updateFaults).toContain(fault);
});

test("a server that never gives the image ends the attempt, and a later attempt goes through", async () => {
  rig.images.status = 500;
  const oven = powerOn(rig);
  const item = rig.offer(rig.maker.release());
  expect(await updateOf(oven, item)).toBe("failed download_http_5xx");
  rig.images.status = null;
  expect(await updateOf(oven, { ...item, attempt: 2 })).toBe("confirmed");
});

test("metadata that is away for a moment is asked for again", async () => {
  const oven = powerOn(rig);
  let times = 0;
  rig.server.attacks.set("timestamp.json", (_request, response) => {
    times += 1;
    if (times > 1) rig.server.attacks.clear();
    response.writeHead(503).end();
  });
  expect(await updateOf(oven, rig.offer(rig.maker.release()))).toBe("confirmed");
});

test("a full disk fails the update and nothing else", async () => {
  class FullFlash extends FolderFlash {
    full = true;
    override append(name: string, bytes: Uint8Array): void {
      if (this.full) throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
      super.append(name, bytes);
    }
  }
  const flash = new FullFlash(folder);
  const oven = powerOn(rig, { store: new FlashDeviceStore(flash) });
  const item = rig.offer(rig.maker.release());
  expect(await updateOf(oven, item)).toBe("failed disk_full");
  flash.full = false;
  expect(await updateOf(oven, { ...item, attempt: 2 })).toBe("confirmed");
});

/** A folder with room for so many bytes; the record has a place of its own. What did not fit is half there, as on a real disk. */
class SmallFlash extends FolderFlash {
  room: number;
  readonly #sizes = new Map<string, number>();

  constructor(room: number) {
    super(folder);
    this.room = room;
  }

  get used(): number {
    return [...this.#sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  override write(name: string, bytes: Uint8Array): void {
    this.#sizes.delete(name);
    this.#put(name, bytes, (piece) => super.write(name, piece));
  }

  override append(name: string, bytes: Uint8Array): void {
    this.#put(name, bytes, (piece) => super.append(name, piece));
  }

  override rename(from: string, to: string): void {
    super.rename(from, to);
    this.#sizes.set(to, this.#sizes.get(from) ?? 0);
    this.#sizes.delete(from);
  }

  override remove(name: string): void {
    super.remove(name);
    this.#sizes.delete(name);
  }

  #put(name: string, bytes: Uint8Array, put: (piece: Uint8Array) => void): void {
    if (name.startsWith("record.json")) {
      put(bytes);
      return;
    }
    const fits = bytes.subarray(0, Math.max(0, this.room - this.used));
    put(fits);
    this.#sizes.set(name, (this.#sizes.get(name) ?? 0) + fits.length);
    if (fits.length < bytes.length) throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
  }
}

test("a disk that fills up in whichever step fails the update, keeps nothing of it, and the next one goes in once there is room", async () => {
  const made = rig.maker.release();
  const ends = new Set<string>();
  for (const room of [0, 500, 3_000, 10_000, 30_000, 50_000, 70_000, 90_000]) {
    rmSync(folder, { recursive: true, force: true });
    const flash = new SmallFlash(room);
    const oven = powerOn(rig, { store: new FlashDeviceStore(flash) });
    const item = rig.offer(made);
    const end = await updateOf(oven, item);
    ends.add(end);
    if (end === "confirmed") continue;
    expect([room, end]).toEqual([room, "failed disk_full"]);
    // Metadata may stay, which is of use to the next; an image may not.
    expect(flash.used).toBeLessThan(20_000);
    flash.room = 1_000_000;
    expect(await updateOf(oven, { ...item, attempt: 2 })).toBe("confirmed");
  }
  expect(ends).toEqual(new Set(["failed disk_full", "confirmed"]));
});

test("a link off this machine is not followed unless it is allowed, whichever of the three it is", async () => {
  const made = rig.maker.release();
  for (const name of ["metadataHref", "statementHref", "imageHref"])
    for (const href of ["http://192.0.2.1/files/", "file:///etc/passwd"])
      expect(await updateOf(powerOn(rig), rig.offer(made, { [name]: href }))).toBe("rejected link_not_allowed");
});

test("an appliance without a factory root takes no update", async () => {
  const oven = powerOn(rig, { factory: null });
  expect(await updateOf(oven, rig.offer(rig.maker.release()))).toBe("rejected no_factory_root");
});

test("an offer that nobody agreed to in time expires; a newer one takes the place of one that has not begun", () => {
  const made = rig.maker.release();
  const late = powerOn(rig);
  late.receive({ ...rig.offer(made, { consent: "ask" }), expiresAtMs: late.clock.nowMs() + hourMs });
  late.clock.pass(2 * hourMs);
  late.agent.tick();
  expect(late.said).toEqual(["offered", "expired"]);
  late.receive(rig.offer(made, { consent: "ask" }));
  late.receive({ ...rig.offer(made, { consent: "ask" }), generation: 2 });
  expect(late.said.slice(2)).toEqual(["offered", "rejected superseded", "offered"]);
});

test("a stored set of metadata that is torn is as good as none: the factory root leads back to today", async () => {
  const flash = new FolderFlash(folder);
  const oven = powerOn(rig, { store: new FlashDeviceStore(flash) });
  expect(await updateOf(oven, rig.offer(rig.maker.release()))).toBe("confirmed");
  // Keys change, so that the way from the factory root has a step.
  const { root } = rig.maker.keys;
  rig.maker.signRoot(root);
  for (const torn of ["", "{", '{"root":"{}"}', JSON.stringify({ root: "not json", timestamp: "{}" })]) {
    flash.write("trusted.json", Buffer.from(torn));
    const counter = oven.memory.record.firmware.confirmedCounter + 1;
    const again = powerOn(rig, { store: new FolderDeviceStore(folder) });
    expect(await updateOf(again, rig.offer(rig.maker.release({ releaseCounter: counter })))).toBe("confirmed");
    oven.memory.update(again.memory.record);
  }
});

test("nothing of a check stays outside the flash", async () => {
  const { TMPDIR } = process.env;
  process.env["TMPDIR"] = folder;
  try {
    const oven = powerOn(rig);
    await updateOf(oven, rig.offer(rig.maker.release()));
    await updateOf(oven, rig.offer(rig.maker.release({ hardwareIds: ["other"], releaseCounter: 9 })));
    expect(oven.said.at(-1)).toBe("rejected wrong_hardware");
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    if (TMPDIR === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = TMPDIR;
  }
});

test("what is downloaded is what was signed, to the last byte", async () => {
  const made = rig.maker.release();
  const oven = powerOn(rig);
  const item = rig.offer(made);
  rig.images.image = Buffer.from(made.image);
  rig.images.image.writeUInt8(made.image.readUInt8(100) ^ 1, 100);
  expect(createHash("sha256").update(rig.images.image).digest("hex")).not.toBe(made.sha256);
  expect(await updateOf(oven, item)).toBe("failed image_hash_wrong");
  expect(oven.store.readSlot("b")).toBeNull();
});
