import { createHash, randomBytes, randomUUIDv7 } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Delivery } from "#protocol/delivery.ts";
import { updateFaults } from "../core/faults.ts";
import { systemTimers } from "../platform/timers.ts";
import { type ImageServer, serveImage } from "../testing/image-server.ts";
import { eventually, fakeControls, ManualClock, memoryOn, newSigner, startMs } from "../testing/parts.ts";
import type { DeviceRecord, SlotName } from "./device-record.ts";
import { FolderDeviceStore } from "./device-store.ts";
import { UpdateAgent } from "./update-agent.ts";

const signer = newSigner();
let server: ImageServer;
let folder: string;

beforeEach(async () => {
  server = await serveImage(randomBytes(400_000));
  folder = mkdtempSync(join(tmpdir(), "hearth-sim-"));
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** An appliance that was just switched on, with what its flash holds. */
function powerOn(clock = new ManualClock(), store = new FolderDeviceStore(folder)) {
  const memory = memoryOn(store);
  const controls = fakeControls();
  const said: string[] = [];
  const agent = new UpdateAgent({
    model: "oven-x200",
    hardwareId: "x200-r1",
    trustedKeys: [signer.trusted],
    store,
    memory,
    controls,
    clock,
    deadlines: clock,
    timers: systemTimers,
    fetch,
    random: () => 0,
    allowRemote: false,
    agreesAfterMs: 60_000,
    say: (_id, step, more = {}) => {
      said.push(more.reason === undefined ? step : `${step} ${more.reason}`);
    },
    onDown: () => {
      said.push("down");
    },
    onUp: () => {
      said.push("up");
    },
    limits: { retryMsMin: 1, retryMsMax: 5, emptyTriesMax: 3 },
  });
  return { agent, store, memory, controls, said, clock };
}
type Appliance = ReturnType<typeof powerOn>;

function offerOf(image = server.image, more: { sha256?: string; releaseCounter?: number; href?: string } = {}) {
  const sha256 = more.sha256 ?? createHash("sha256").update(image).digest("hex");
  const releaseCounter = more.releaseCounter ?? 3;
  const signed = {
    model: "oven-x200",
    hardwareIds: ["x200-r1"],
    version: "2.0.0",
    releaseCounter,
    length: image.length,
    sha256,
  };
  const delivery: Extract<Delivery, { kind: "firmware" }> = {
    id: randomUUIDv7(),
    kind: "firmware",
    attempt: 1,
    createdAtMs: startMs,
    expiresAtMs: startMs + 3_600_000,
    priority: 5,
    generation: 1,
    body: { manifest: signer.sign(signed), href: more.href ?? server.href },
  };
  return delivery;
}

async function untilOver(appliance: Appliance): Promise<void> {
  await eventually("the update ends", () => {
    appliance.clock.pass(10_000);
    appliance.agent.tick();
    return appliance.memory.record.update.kind === "none";
  });
}

const steps = (said: string[]): string[] => said.filter((line, at) => line !== said[at - 1]);

test("an update goes through every step in order, and the counter is stored only by the confirmed boot", async () => {
  const appliance = powerOn();
  expect(appliance.agent.offer(offerOf())).toBeNull();
  await untilOver(appliance);
  expect(steps(appliance.said)).toEqual([
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
  const { firmware } = appliance.memory.record;
  expect(firmware.active).toBe("b");
  expect(firmware.slots.b).toEqual({ version: "2.0.0", releaseCounter: 3 });
  expect(firmware.confirmedCounter).toBe(3);
  expect(appliance.agent.offer(offerOf())).toBe("not_newer");
});

test("nothing begins while the appliance is hot or running: neither the download nor the installation", async () => {
  const appliance = powerOn();
  appliance.controls.running = true;
  appliance.agent.offer(offerOf());
  for (let minute = 0; minute < 30; minute += 1) {
    appliance.clock.pass(60_000);
    appliance.agent.tick();
  }
  expect(appliance.memory.record.update.kind).toBe("confirmed_by_owner");
  expect(server.ranges).toEqual([]);
  appliance.controls.running = false;
  appliance.agent.tick();
  appliance.controls.hot = true;
  await eventually("it is verified", () => {
    appliance.agent.tick();
    return appliance.memory.record.update.kind === "verified";
  });
  appliance.clock.pass(24 * 3_600_000);
  appliance.agent.tick();
  expect(appliance.memory.record.update.kind).toBe("verified");
  appliance.controls.hot = false;
  await untilOver(appliance);
  expect(appliance.said.at(-1)).toBe("confirmed");
});

/** Flash whose power goes at the `left`-th change: that change does not happen, nor any after it. */
class DyingStore extends FolderDeviceStore {
  #left: number;

  constructor(left: number) {
    super(folder);
    this.#left = left;
  }

  get dead(): boolean {
    return this.#left < 0;
  }

  #spend(): void {
    this.#left -= 1;
    if (this.dead) throw new Error("no power");
  }

  override save(record: DeviceRecord): void {
    this.#spend();
    super.save(record);
  }

  override appendPartial(bytes: Uint8Array): void {
    this.#spend();
    super.appendPartial(bytes);
  }

  override clearPartial(): void {
    this.#spend();
    super.clearPartial();
  }

  override writeSlot(name: SlotName, image: Uint8Array): void {
    this.#spend();
    super.writeSlot(name, image);
  }
}

test("a power cut before any change to the flash is only a pause: the next life brings the update to its end", async () => {
  const offer = offerOf();
  let changes = 0;
  for (let whole = false; !whole; changes += 1) {
    rmSync(folder, { recursive: true, force: true });
    const dying = new DyingStore(changes);
    const first = powerOn(new ManualClock(), dying);
    try {
      first.agent.offer(offer);
      await untilOver(first);
      whole = true;
    } catch {
      expect(dying.dead).toBe(true);
      await first.agent.stop();
    }
    const second = powerOn(first.clock);
    const had = second.memory.record.firmware.confirmedCounter;
    // Whoever was cut off before the offer was saved gets it again, as from the cloud.
    if (second.memory.record.update.kind === "none" && had === 0) second.agent.offer(offer);
    await untilOver(second);
    expect(second.memory.record.firmware, `cut before change ${changes}`).toMatchObject({
      active: "b",
      confirmedCounter: 3,
    });
    expect(Buffer.from(second.store.readSlot("b") ?? []).equals(server.image)).toBe(true);
  }
  expect(changes).toBeGreaterThan(12);
});

test.each(["installing", "rebooting", "verified", "downloaded"] as const)(
  "flash that holds '%s' is brought to its end",
  async (kind) => {
    const first = powerOn();
    const delivery = offerOf();
    first.store.appendPartial(server.image);
    first.store.writeSlot("b", server.image);
    const underWay = { deliveryId: delivery.id, offer: delivery.body, expiresAtMs: delivery.expiresAtMs };
    const { firmware } = first.memory.record;
    first.memory.update({
      firmware: { ...firmware, slots: { ...firmware.slots, b: { version: "2.0.0", releaseCounter: 3 } } },
      update: { kind, ...underWay, into: "b", backAtMs: startMs, boots: 0 },
    });
    const second = powerOn();
    expect(second.memory.record.update.kind).toBe(kind);
    await untilOver(second);
    expect(second.said.at(-1)).toBe("confirmed");
  },
);

test("an image that does not come up is rolled back: the old slot runs, and the counter stays", async () => {
  server.image = Buffer.concat([randomBytes(1_000), Buffer.from("UNHEALTHY"), randomBytes(1_000)]);
  const appliance = powerOn();
  appliance.agent.offer(offerOf());
  await untilOver(appliance);
  expect(appliance.said.at(-1)).toBe("rolled_back health_check_failed");
  expect(appliance.memory.record.firmware).toMatchObject({ active: "a", confirmedCounter: 0 });
});

test("a slot that never came up is given up after three boots", async () => {
  const appliance = powerOn();
  const delivery = offerOf();
  appliance.store.writeSlot("b", server.image);
  const underWay = { deliveryId: delivery.id, offer: delivery.body, expiresAtMs: delivery.expiresAtMs };
  appliance.memory.update({ update: { kind: "rebooting", ...underWay, into: "b", backAtMs: startMs, boots: 3 } });
  await untilOver(appliance);
  expect(appliance.said.at(-1)).toBe("rolled_back health_check_failed");
});

test.each([
  ["update_bad_hash", "failed image_hash_wrong"],
  ["update_failed_boot", "rolled_back health_check_failed"],
  ["update_cut", "confirmed"],
] as const)("%s ends in %s, and the next update goes through", async (fault, end) => {
  const appliance = powerOn();
  appliance.agent.inject(fault);
  appliance.agent.offer(offerOf());
  await untilOver(appliance);
  expect(appliance.said.at(-1)).toBe(end);
  expect(fault === "update_cut" ? server.ranges.at(-1) : null).toEqual(
    fault === "update_cut" ? expect.stringMatching(/^bytes=/) : null,
  );
  appliance.agent.offer({
    ...offerOf(server.image, { releaseCounter: 4 }),
    expiresAtMs: appliance.clock.nowMs() + 3_600_000,
  });
  await untilOver(appliance);
  expect(appliance.said.at(-1)).toBe("confirmed");
  expect(updateFaults).toContain(fault);
});

test("a server that sends other bytes than were signed gets nothing installed", async () => {
  const appliance = powerOn();
  appliance.agent.offer(offerOf(server.image, { sha256: "ab".repeat(32) }));
  await untilOver(appliance);
  expect(appliance.said.at(-1)).toBe("failed image_hash_wrong");
  expect(appliance.store.readSlot("b")).toBeNull();
});

test("a server that never gives anything ends the attempt", async () => {
  server.status = 500;
  const appliance = powerOn();
  appliance.agent.offer(offerOf());
  await untilOver(appliance);
  expect(appliance.said.at(-1)).toBe("failed download_http_500");
});

test("a link off this machine is not followed unless it is allowed", () => {
  expect(powerOn().agent.offer(offerOf(undefined, { href: "http://192.0.2.1/image" }))).toBe("link_not_allowed");
  expect(powerOn().agent.offer(offerOf(undefined, { href: "file:///etc/passwd" }))).toBe("link_not_allowed");
});

test("an offer that nobody agreed to in time expires; a newer one takes the place of one that has not begun", () => {
  const late = powerOn();
  late.agent.offer(offerOf());
  late.clock.pass(2 * 3_600_000);
  late.agent.tick();
  expect(late.said).toEqual(["offered", "expired"]);
  late.agent.offer({ ...offerOf(), expiresAtMs: late.clock.nowMs() + 1_000_000 });
  late.agent.offer({ ...offerOf(), expiresAtMs: late.clock.nowMs() + 1_000_000 });
  expect(late.said.slice(2)).toEqual(["offered", "rejected superseded", "offered"]);
});
