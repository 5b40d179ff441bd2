/** Every attack on updates that Uptane and TUF list, each against a real server, each refused for its own reason. */
import { createHash, randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Made, newMakerKey, renamed } from "../testing/maker.ts";
import { newDirectorKey } from "../testing/director.ts";
import { ManualClock, startMs } from "../testing/parts.ts";
import { drops, floods, sends, stalls } from "../testing/update-server.ts";
import {
  type FirmwareDelivery,
  newRig,
  type Oven,
  powerOn,
  type Rig,
  tickUntil,
  updateOf,
} from "../testing/update-rig.ts";
import { MemoryDeviceStore } from "./device-store.ts";
import type { TrustedSet } from "./trusted-set.ts";

let rig: Rig;
beforeEach(async () => {
  rig = await newRig();
});
afterEach(() => rig.close());

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const oven = "oven-x200";

/** An appliance that took one update and has seen the repository as it was then. */
async function ovenThatKnows(options: Parameters<typeof powerOn>[1] = {}): Promise<Oven> {
  const known = powerOn(rig, options);
  expect(await updateOf(known, rig.offer(rig.maker.release({ version: "1.5.0", releaseCounter: 2 })))).toBe(
    "confirmed",
  );
  return known;
}

/** The same appliance with all its memory, and other limits or another clock. */
const switchedOnAgain = (known: Oven, options: Parameters<typeof powerOn>[1] = {}): Oven =>
  powerOn(rig, { store: known.store, clock: known.clock, ...options });

/** Lets the director say this of the delivery, and nothing else. */
function state(item: FirmwareDelivery, text: () => Promise<string> | string): void {
  rig.server.attacks.set(`/files/statements/${item.id}`, async (request, response) => {
    const body = await text();
    await sends(() => body)(request, response);
  });
}

const claimsFor = (item: FirmwareDelivery, made: Made) =>
  rig.director.claims(made, { deviceId: "oven-1", deliveryId: item.id });

/** Short enough to wait for, long enough for an honest answer on a slow machine. */
const impatient = {
  emptyTriesMax: 1,
  transfer: { silenceMs: 1_500, rateAfterMs: 1_500, bytesPerSMin: 1_024 },
};

test("eavesdrop: nothing that crosses the wire is secret", async () => {
  const listening = powerOn(rig);
  expect(await updateOf(listening, rig.offer(rig.maker.release()))).toBe("confirmed");
  const crossed = rig.server.crossed();
  for (const heard of ["GET /files/repository/timestamp.json", '"_type":"timestamp"'])
    expect(crossed.includes(heard)).toBe(true);
  expect(
    crossed.includes("hearth-update+jwt") || crossed.includes(Buffer.from('{"alg":"EdDSA"').toString("base64url")),
  ).toBe(true);
  const { root, targets, snapshot, timestamp, families } = rig.maker.keys;
  const makers = [...root, targets, snapshot, timestamp, ...Object.values(families)].map((one) => one.private);
  for (const key of [...makers, rig.director.key.private]) {
    const secret = Buffer.from(String(key.export({ format: "jwk" }).d), "base64url");
    for (const form of ["latin1", "hex", "base64", "base64url"] as const)
      expect(crossed.includes(Buffer.from(secret.toString(form), "latin1")), form).toBe(false);
  }
  expect(crossed.toString("latin1").toLowerCase()).not.toMatch(/authorization|cookie|x-api-key/);
});

test("eavesdrop: a statement that was overheard is of no use to another appliance", async () => {
  const made = rig.maker.release();
  const item = rig.offer(made, {}, "oven-1");
  const neighbour = powerOn(rig, { deviceId: "oven-2" });
  expect(await updateOf(neighbour, item)).toBe("failed statement_for_another");
});

test("dropped requests: without metadata nothing is installed", async () => {
  rig.server.attacks.set("/files/repository/", drops);
  expect(await updateOf(powerOn(rig), rig.offer(rig.maker.release()))).toBe("failed metadata_unreachable");
});

test("dropped requests: after 14 days without fresh metadata the appliance says so by itself, and says when it is over", async () => {
  const known = await ovenThatKnows();
  rig.server.attacks.set("/files/repository/", drops);
  // A look begins with the next root, and ends there where nobody answers.
  const looks = (): number => rig.server.asked.filter((path) => path.includes("/2.root.json")).length;
  const before = looks();
  const pass = async (days: number): Promise<void> => {
    for (let day = 0; day < days; day += 1) {
      const had = looks();
      known.clock.pass(dayMs);
      await tickUntil(known, "it looks", () => looks() > had);
      await tickUntil(known, "it is done looking", () => known.agent.idle);
    }
  };
  await pass(13);
  expect(known.said).not.toContain("event update.metadata_stale");
  await pass(1);
  expect(known.said.filter((line) => line === "event update.metadata_stale")).toHaveLength(1);
  expect(looks() - before).toBe(14);
  await pass(3);
  expect(known.said.filter((line) => line === "event update.metadata_stale")).toHaveLength(1);
  // The alarm outlives a power cut.
  const again = switchedOnAgain(known);
  again.agent.tick();
  expect(again.said).toEqual([]);
  await again.agent.stop();
  rig.server.attacks.clear();
  rig.maker.signTimestamp();
  known.agent.hint();
  await tickUntil(known, "it is over", () => known.said.includes("event update.metadata_fresh"));
});

test("slow retrieval: metadata that does not come is given up", async () => {
  rig.server.attacks.set("timestamp.json", stalls);
  const slow = powerOn(rig, { limits: impatient });
  expect(await updateOf(slow, rig.offer(rig.maker.release()))).toBe("failed metadata_too_slow");
});

test("slow retrieval: a statement that comes byte by byte is given up", async () => {
  const item = rig.offer(rig.maker.release());
  rig.server.attacks.set("/files/statements/", (_request, response) => {
    response.writeHead(200);
    const drip = setInterval(() => response.write("e"), 20);
    response.once("close", () => clearInterval(drip));
  });
  expect(await updateOf(powerOn(rig, { limits: impatient }), item)).toBe("failed statement_too_slow");
});

test("slow retrieval: an image that trickles is given up", async () => {
  const item = rig.offer(rig.maker.release());
  rig.images.silent = true;
  expect(await updateOf(powerOn(rig, { limits: { ...impatient, emptyTriesMax: 2 } }), item)).toBe(
    "failed download_too_slow",
  );
});

test("freeze: metadata that stands still is refused when it has run out", async () => {
  const known = await ovenThatKnows();
  const frozen = new Map(rig.maker.files);
  const made = rig.maker.release();
  rig.server.attacks.set("/files/repository/", (request, response) =>
    sends(() => frozen.get((request.url ?? "").split("/").at(-1) ?? ""))(request, response),
  );
  // Within its life the old metadata is good, and simply knows nothing of the new image.
  expect(await updateOf(known, rig.offer(made))).toBe("failed target_unknown");
  known.clock.pass(25 * hourMs);
  expect(await updateOf(known, rig.offer(made))).toBe("failed metadata_expired");
});

test("freeze: offline metadata that was not renewed in time is refused, however fresh the timestamp", async () => {
  const known = await ovenThatKnows();
  const made = rig.maker.release();
  known.clock.pass(181 * dayMs);
  rig.maker.signTimestamp();
  expect(await updateOf(known, rig.offer(made))).toBe("failed metadata_expired");
  // `release refresh`: nothing new, signed again.
  rig.maker.publishTargets();
  rig.maker.publish(oven);
  expect(await updateOf(known, rig.offer(made))).toBe("confirmed");
});

test("partial bundle: a part that the newest metadata names and that is withheld stops the update, until it is there", async () => {
  const known = await ovenThatKnows();
  const made = rig.maker.release();
  for (const withheld of ["snapshot.json", "fw-oven-x200.json"]) {
    rig.server.attacks.set(
      withheld,
      sends(() => undefined),
    );
    expect(await updateOf(known, rig.offer(made))).toBe("failed metadata_incomplete");
    rig.server.attacks.clear();
  }
  expect(await updateOf(known, rig.offer(made))).toBe("confirmed");
});

test("rollback: an older timestamp is refused", async () => {
  const old = rig.maker.file("timestamp.json");
  const known = await ovenThatKnows();
  rig.server.attacks.set(
    "timestamp.json",
    sends(() => old),
  );
  expect(await updateOf(known, rig.offer(rig.maker.release()))).toBe("failed metadata_rolled_back");
});

test("rollback: an older snapshot under a new timestamp is refused", async () => {
  const known = await ovenThatKnows();
  const item = rig.offer(rig.maker.release());
  rig.maker.versions["snapshot"] = 1;
  rig.maker.signTimestamp();
  expect(await updateOf(known, item)).toBe("failed metadata_rolled_back");
});

test("rollback: a family's older list under a new snapshot is refused", async () => {
  const known = await ovenThatKnows();
  const item = rig.offer(rig.maker.release());
  rig.maker.versions["fw-oven-x200"] = 1;
  rig.maker.signSnapshot();
  rig.maker.signTimestamp();
  expect(await updateOf(known, item)).toBe("failed metadata_rolled_back");
});

test("rollback: an older release, rightly signed, is refused", async () => {
  const old = rig.maker.release({ version: "1.0.1", releaseCounter: 1 });
  const known = await ovenThatKnows();
  expect(await updateOf(known, rig.offer(old))).toBe("rejected not_newer");
});

test("rollback: deleting the stored metadata deletes no memory of what was newest", async () => {
  class Forgetful extends MemoryDeviceStore {
    forgets = false;
    override loadTrusted(): TrustedSet | null {
      return this.forgets ? null : super.loadTrusted();
    }
  }
  const old = new Map(rig.maker.files);
  const store = new Forgetful();
  const known = await ovenThatKnows({ store });
  store.forgets = true;
  const item = rig.offer(rig.maker.release());
  rig.server.attacks.set("/files/repository/", (request, response) =>
    sends(() => old.get((request.url ?? "").split("/").at(-1) ?? ""))(request, response),
  );
  expect(await updateOf(known, item)).toBe("failed metadata_rolled_back");
  rig.server.attacks.clear();
  expect(await updateOf(known, { ...item, attempt: 2 })).toBe("confirmed");
});

test("rollback: a release that must not be skipped comes first", async () => {
  const known = await ovenThatKnows();
  const bridge = rig.maker.release({ version: "1.9.0", releaseCounter: 5 });
  const after = rig.maker.release({ version: "2.0.0", releaseCounter: 6, minCounter: 5 });
  expect(await updateOf(known, rig.offer(after))).toBe("rejected below_min_counter");
  expect(await updateOf(known, rig.offer(bridge))).toBe("confirmed");
  expect(await updateOf(known, rig.offer(after))).toBe("confirmed");
});

test.each(["timestamp.json", "snapshot.json", "fw-oven-x200.json", "2.root.json"])(
  "endless data: %s without end is cut off",
  async (name) => {
    const item = rig.offer(rig.maker.release());
    rig.server.attacks.set(name, floods);
    expect(await updateOf(powerOn(rig), item)).toBe("failed metadata_too_long");
  },
);

test("endless data: a statement without end is cut off", async () => {
  const item = rig.offer(rig.maker.release());
  rig.server.attacks.set("/files/statements/", floods);
  expect(await updateOf(powerOn(rig), item)).toBe("failed statement_too_long");
});

test("endless data: an image without end is cut off", async () => {
  const item = rig.offer(rig.maker.release());
  rig.images.endless = true;
  const fed = powerOn(rig);
  expect(await updateOf(fed, item)).toBe("failed image_too_long");
  expect(fed.store.partialBytes()).toBe(0);
});

test("mix-and-match: a list from another snapshot is refused", async () => {
  const known = await ovenThatKnows();
  const item = rig.offer(rig.maker.release());
  rig.server.attacks.set(
    "3.fw-oven-x200.json",
    sends(() => rig.maker.file("2.fw-oven-x200.json")),
  );
  expect(await updateOf(known, item)).toBe("failed mix_and_match");
});

test("mix-and-match: a statement and a signed image that do not agree on every point are refused", async () => {
  const made = rig.maker.release();
  for (const lie of [{ sha256: "ab".repeat(32) }, { length: made.image.length + 1 }, { releaseCounter: 4 }]) {
    const item = rig.offer(made);
    state(item, () => rig.director.sign({ ...claimsFor(item, made), ...lie }));
    expect(await updateOf(powerOn(rig), item)).toBe("failed mix_and_match");
  }
});

test("arbitrary software: an image that nobody signed is not installed, and leaves nothing behind", async () => {
  const item = rig.offer(rig.maker.release());
  rig.images.image = randomBytes(40_000);
  const attacked = powerOn(rig);
  expect(await updateOf(attacked, item)).toBe("failed image_hash_wrong");
  expect([attacked.store.readSlot("b"), attacked.store.partialBytes()]).toEqual([null, 0]);
});

test.each(["timestamp", "snapshot", "family", "targets"] as const)(
  "arbitrary software: %s metadata that is signed by keys of the attacker is refused",
  async (role) => {
    const known = await ovenThatKnows();
    const { maker } = rig;
    const item = rig.offer(maker.release());
    const stranger = [newMakerKey()];
    if (role === "family") maker.signFamily(oven, stranger);
    if (role === "targets") maker.publishTargets(stranger);
    maker.signSnapshot(role === "snapshot" ? stranger : undefined);
    maker.signTimestamp(role === "timestamp" ? stranger : undefined);
    expect(await updateOf(known, item)).toBe("failed metadata_not_signed");
  },
);

test("arbitrary software: metadata that is changed after it was signed is refused", async () => {
  const item = rig.offer(rig.maker.release());
  const text = String(rig.maker.file("timestamp.json"));
  rig.server.attacks.set(
    "timestamp.json",
    sends(() => text.replace('"version":2', '"version":3')),
  );
  expect(await updateOf(powerOn(rig), item)).toBe("failed metadata_not_signed");
});

test("arbitrary software: a statement by somebody else than the director is refused, whatever it says of its signature", async () => {
  const made = rig.maker.release();
  const stranger = newDirectorKey("director-1");
  const item = rig.offer(made);
  const forgeries: (() => Promise<string> | string)[] = [
    () => rig.director.sign(claimsFor(item, made), {}, stranger),
    () => rig.director.sign(claimsFor(item, made), { typ: "JWT" }),
    () => rig.director.sign(claimsFor(item, made), { kid: "another" }),
    () =>
      `${Buffer.from('{"alg":"none","typ":"hearth-update+jwt"}').toString("base64url")}.${Buffer.from(JSON.stringify(claimsFor(item, made))).toString("base64url")}.AA`,
    async () => {
      const [head, , signature] = (await rig.director.sign(claimsFor(item, made))).split(".");
      const body = Buffer.from(JSON.stringify({ ...claimsFor(item, made), seq: 9 })).toString("base64url");
      return `${head}.${body}.${signature}`;
    },
  ];
  let attempt = 0;
  const attacked = powerOn(rig);
  for (const forgery of forgeries) {
    state(item, forgery);
    expect(await updateOf(attacked, { ...item, attempt: (attempt += 1) })).toBe("failed statement_not_signed");
  }
  state(item, () => "<html>");
  expect(await updateOf(attacked, { ...item, attempt: (attempt += 1) })).toBe("failed statement_malformed");
});

test("wrong hardware: an image that does not list this hardware is refused before a byte of it is fetched", async () => {
  const item = rig.offer(rig.maker.release({ hardwareIds: ["x200-r2"] }));
  expect(await updateOf(powerOn(rig), item)).toBe("rejected wrong_hardware");
  expect(rig.images.ranges).toEqual([]);
});

test("wrong hardware: another model's image is refused", async () => {
  const item = rig.offer(rig.maker.release({ model: "dishwasher-d4" }));
  expect(await updateOf(powerOn(rig), item)).toBe("rejected wrong_model");
});

test("another device's statement is refused, and so is one of another delivery", async () => {
  const made = rig.maker.release();
  const item = rig.offer(made);
  state(item, () => rig.director.sign({ ...claimsFor(item, made), deviceId: "oven-2" }));
  const attacked = powerOn(rig);
  expect(await updateOf(attacked, item)).toBe("failed statement_for_another");
  const other = rig.offer(made);
  state(item, () => rig.director.sign(claimsFor(other, made)));
  expect(await updateOf(attacked, { ...item, attempt: 2 })).toBe("failed statement_for_another");
});

test("a replayed statement is refused, and the very same one may come twice", async () => {
  const known = powerOn(rig);
  const made = rig.maker.release({}, { image: Buffer.concat([randomBytes(1_000), Buffer.from("UNHEALTHY")]) });
  const item = rig.offer(made);
  const older = await rig.director.sign(claimsFor(item, made));
  const newer = await rig.director.sign(claimsFor(item, made));
  state(item, () => newer);
  expect(await updateOf(known, item)).toBe("rolled_back health_check_failed");
  expect(await updateOf(known, { ...item, attempt: 2 })).toBe("rolled_back health_check_failed");
  state(item, () => older);
  expect(await updateOf(known, { ...item, attempt: 3 })).toBe("failed statement_replayed");
  known.clock.pass(2 * hourMs);
  state(item, () => newer);
  expect(await updateOf(known, { ...item, attempt: 4 })).toBe("failed statement_expired");
});

test("stolen targets key: a new root locks the thief out, who has the snapshot's key too", async () => {
  const known = await ovenThatKnows();
  const { maker } = rig;
  const thief = maker.keys.targets;
  maker.keys = { ...maker.keys, targets: newMakerKey() };
  maker.signRoot(maker.keys.root);
  maker.publishTargets([maker.keys.targets]);
  maker.publish(oven);
  // The thief delegates the family to a key of his own, and signs an image with it.
  const own = newMakerKey();
  maker.keys = { ...maker.keys, families: { ...maker.keys.families, [oven]: own } };
  maker.publishTargets([thief]);
  const evil = maker.release({ releaseCounter: 8 });
  expect(await updateOf(known, rig.offer(evil))).toBe("failed metadata_not_signed");
  expect(known.memory.record.trust.versions["root"]?.version).toBe(2);
});

test("stolen family key: once the targets name another, what the old one signs is refused", async () => {
  const known = await ovenThatKnows();
  const { maker } = rig;
  const thief = maker.keys.families[oven] ?? newMakerKey();
  maker.keys = { ...maker.keys, families: { ...maker.keys.families, [oven]: newMakerKey() } };
  maker.publishTargets();
  maker.publish(oven);
  const item = rig.offer(maker.release());
  maker.signFamily(oven, [thief]);
  maker.signSnapshot();
  maker.signTimestamp();
  expect(await updateOf(known, item)).toBe("failed metadata_not_signed");
});

test("stolen family key: it signs nothing that the snapshot does not list", async () => {
  const known = await ovenThatKnows();
  const { maker } = rig;
  const thief = maker.keys.families[oven] ?? newMakerKey();
  const made = maker.release();
  const honest = new Map(maker.files);
  // The same version again, as long as before, with another image in it.
  const evil = { ...made, sha256: createHash("sha256").update("evil").digest("hex") };
  maker.addTarget(oven, evil);
  maker.versions["fw-oven-x200"] = 2;
  maker.signFamily(oven, [thief]);
  const forged = maker.file("3.fw-oven-x200.json");
  for (const [name, bytes] of honest) maker.files.set(name, bytes);
  rig.server.attacks.set(
    "3.fw-oven-x200.json",
    sends(() => forged),
  );
  expect(await updateOf(known, rig.offer(evil))).toBe("failed mix_and_match");
});

test("one of two root keys is not enough for a new root", async () => {
  const known = await ovenThatKnows();
  const { maker } = rig;
  const [stolen = newMakerKey()] = maker.keys.root;
  maker.keys = { ...maker.keys, root: [stolen, newMakerKey(), newMakerKey()], targets: newMakerKey() };
  maker.signRoot([stolen, ...maker.keys.root.slice(1)]);
  expect(await updateOf(known, rig.offer(maker.release()))).toBe("failed metadata_not_signed");
  expect(known.memory.record.trust.versions["root"]?.version).toBe(1);
});

test("two of three root keys are enough, and what they say counts at once", async () => {
  const known = await ovenThatKnows();
  const { maker } = rig;
  maker.keys = { ...maker.keys, timestamp: newMakerKey(), snapshot: newMakerKey() };
  maker.signRoot(maker.keys.root.slice(1));
  expect(await updateOf(known, rig.offer(maker.release()))).toBe("confirmed");
  expect(known.memory.record.trust.versions["root"]?.version).toBe(2);
});

test("a duplicate signature does not count twice", async () => {
  const known = await ovenThatKnows();
  const { maker } = rig;
  const [stolen = newMakerKey()] = maker.keys.root;
  maker.signRoot([stolen]);
  const root: { signatures: unknown[] } = JSON.parse(maker.root);
  const twice = { ...root, signatures: [...root.signatures, ...root.signatures] };
  rig.server.attacks.set(
    "2.root.json",
    sends(() => JSON.stringify(twice)),
  );
  expect(await updateOf(known, rig.offer(maker.release()))).toBe("failed metadata_not_signed");
});

test("a duplicate signature does not count twice under two names of one key either", async () => {
  const known = await ovenThatKnows();
  const { maker } = rig;
  const [one = newMakerKey(), two = newMakerKey()] = maker.keys.root;
  maker.keys = { ...maker.keys, root: [one, renamed(one), two] };
  maker.signRoot([one, two]);
  expect(await updateOf(known, rig.offer(maker.release()))).toBe("failed metadata_not_signed");
});

test("a target outside the delegated path counts as signed by nobody", async () => {
  const known = await ovenThatKnows();
  const { maker } = rig;
  // The dishwashers' own list, rightly signed, holds an image in the ovens' folder.
  const evil = maker.release({ releaseCounter: 9 }, { path: `fw/${oven}/evil.img` });
  const elsewhere = { ...evil, path: `fw/${oven}/planted.img` };
  maker.addTarget("dishwasher-d4", elsewhere);
  maker.publish("dishwasher-d4");
  expect(await updateOf(known, rig.offer(elsewhere))).toBe("failed target_unknown");
});

test("another family's key signs nothing for this one", async () => {
  const known = await ovenThatKnows();
  const { maker } = rig;
  const item = rig.offer(maker.release());
  maker.signFamily(oven, [maker.keys.families["dishwasher-d4"] ?? newMakerKey()]);
  maker.signSnapshot();
  maker.signTimestamp();
  expect(await updateOf(known, item)).toBe("failed metadata_not_signed");
});

test("online keys stolen: whoever has director and timestamp can only choose among signed, newer images for this hardware", async () => {
  const { maker } = rig;
  const old = maker.release({ version: "1.0.1", releaseCounter: 1 });
  const known = await ovenThatKnows();
  const otherHardware = maker.release({ version: "3.0.0", releaseCounter: 30, hardwareIds: ["x200-r2"] });
  const skipping = maker.release({ version: "4.0.0", releaseCounter: 40, minCounter: 30 });
  const newer = maker.release({ version: "2.0.0", releaseCounter: 20 });
  const own: Made = { ...newer, path: `fw/${oven}/own.img`, image: randomBytes(100), sha256: "ab".repeat(32) };
  const tries: [Made, string][] = [
    [own, "failed target_unknown"],
    [{ ...newer, sha256: own.sha256 }, "failed mix_and_match"],
    [old, "rejected not_newer"],
    [otherHardware, "rejected wrong_hardware"],
    [skipping, "rejected below_min_counter"],
    [newer, "confirmed"],
  ];
  for (const [made, end] of tries) {
    maker.signTimestamp();
    expect(await updateOf(known, rig.offer(made))).toBe(end);
  }
});

test("online keys stolen: a time far ahead does not shut the door for ever", async () => {
  const known = await ovenThatKnows();
  const { maker, director } = rig;
  maker.lives.timestamp = 3_650 * dayMs;
  maker.signTimestamp();
  const lured = maker.release({ releaseCounter: 5 });
  const item = rig.offer(lured);
  const ahead = Math.floor(startMs / 1_000) + 3_000 * 86_400;
  state(item, () => director.sign({ ...claimsFor(item, lured), iat: ahead, exp: ahead + 3_600 }));
  expect(await updateOf(known, item)).toBe("confirmed");
  const { floorMs } = known.memory.record.trust;
  expect(floorMs).toBeLessThan(startMs + 180 * dayMs);
  // The thief is locked out by a new root; the maker signs everything anew, and updates go on.
  known.clock.pass(dayMs);
  maker.lives.timestamp = dayMs;
  maker.keys = { ...maker.keys, timestamp: newMakerKey() };
  maker.signRoot(maker.keys.root);
  const honest = maker.release({ releaseCounter: 6 });
  known.clock.pass(Math.max(0, floorMs - known.clock.nowMs()));
  maker.publishTargets();
  maker.publish(oven);
  expect(await updateOf(known, rig.offer(honest))).toBe("confirmed");
});

test("online keys stolen: a version near the end of all numbers is forgotten with the key that signed it", async () => {
  const known = await ovenThatKnows();
  const { maker } = rig;
  maker.versions["timestamp"] = 2_000_000_000;
  maker.signTimestamp();
  const item = rig.offer(maker.release());
  expect(await updateOf(known, item)).toBe("confirmed");
  maker.versions["timestamp"] = 10;
  maker.signTimestamp();
  const next = rig.offer(maker.release({ releaseCounter: 8 }));
  expect(await updateOf(known, next)).toBe("failed metadata_rolled_back");
  maker.keys = { ...maker.keys, timestamp: newMakerKey() };
  maker.signRoot(maker.keys.root);
  maker.signTimestamp();
  expect(await updateOf(known, { ...next, attempt: 2 })).toBe("confirmed");
});

test("a lying clock that goes back does not bring expired metadata to life again", async () => {
  const known = await ovenThatKnows();
  known.clock.pass(3 * dayMs);
  expect(await updateOf(known, rig.offer(rig.maker.release()))).toBe("confirmed");
  const { floorMs } = known.memory.record.trust;
  expect(floorMs).toBeGreaterThanOrEqual(startMs + 3 * dayMs);
  // Somebody answers in the place of the time server.
  const back = new ManualClock(startMs);
  const lied = switchedOnAgain(known, { clock: back });
  const item = rig.offer(rig.maker.release({ releaseCounter: 9 }));
  rig.maker.lives.timestamp = -2 * dayMs;
  rig.maker.signTimestamp();
  expect(await updateOf(lied, item)).toBe("failed metadata_expired");
  expect(lied.memory.record.trust.floorMs).toBe(floorMs);
});

test("a lying clock that runs ahead only delays: it moves no floor, and set right again it updates", async () => {
  const known = await ovenThatKnows();
  const { floorMs } = known.memory.record.trust;
  const ahead = switchedOnAgain(known, { clock: new ManualClock(startMs + 365 * dayMs) });
  const item = rig.offer(rig.maker.release());
  expect(await updateOf(ahead, { ...item, expiresAtMs: startMs + 400 * dayMs })).toMatch(/failed \w+_expired/);
  expect(ahead.memory.record.trust.floorMs).toBe(floorMs);
  const right = switchedOnAgain(known, { clock: new ManualClock(startMs + hourMs) });
  expect(await updateOf(right, rig.offer(rig.maker.release({ releaseCounter: 4 })))).toBe("confirmed");
});

test("a lying broker: whatever an offer says of itself, what is installed is what was signed", async () => {
  const made = rig.maker.release();
  const lured = powerOn(rig);
  expect(await updateOf(lured, rig.offer(made, { version: "9.9.9", security: true, notes: "Better!" }))).toBe(
    "confirmed",
  );
  expect(lured.memory.record.firmware.slots.b).toMatchObject({ version: "2.0.0", releaseCounter: 3 });
});

test("a lying broker: links to a repository and a director of its own lead nowhere", async () => {
  const thief = await newRig();
  try {
    const evil = thief.maker.release({ releaseCounter: 66 });
    const { statementHref, metadataHref, imageHref } = thief.offer(evil).body;
    const all = rig.offer(rig.maker.release(), { statementHref, metadataHref, imageHref });
    expect(await updateOf(powerOn(rig), all)).toBe("failed statement_not_signed");
    const some = rig.offer(rig.maker.release(), { metadataHref, imageHref });
    expect(await updateOf(powerOn(rig), some)).toBe("failed metadata_not_signed");
  } finally {
    await thief.close();
  }
});

test("a redirect is not followed, whatever it leads to", async () => {
  const item = rig.offer(rig.maker.release());
  const elsewhere = (path: string): void => {
    rig.server.attacks.set(path, (_request, response) => {
      response.writeHead(302, { location: `${rig.server.url}/elsewhere` }).end();
    });
  };
  elsewhere("/files/repository/");
  expect(await updateOf(powerOn(rig), item)).toBe("failed metadata_unreachable");
  rig.server.attacks.clear();
  elsewhere("/files/statements/");
  expect(await updateOf(powerOn(rig), item)).toBe("failed statement_unreachable");
  rig.server.attacks.clear();
  elsewhere("/redirect");
  const lured = { ...item, body: { ...item.body, imageHref: `${rig.server.url}/redirect` } };
  expect(await updateOf(powerOn(rig), lured)).toBe("failed download_http_3xx");
  expect(rig.server.asked.filter((path) => path.includes("elsewhere"))).toEqual([]);
});
