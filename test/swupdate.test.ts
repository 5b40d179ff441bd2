/** Debian's SWUpdate against hawkBit's device API here: real signed images, over real HTTP, from the offer to the confirmed boot. */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { DdiHouse } from "./support/ddi-house.ts";
import { MovedClock } from "./support/moved-clock.ts";
import { hasSwupdate, type Maker, Swupdate, type SwupdateOptions, Workshop } from "./support/swupdate.ts";

let house: DdiHouse;
let workshop: Workshop;
let maker: Maker;
let url: string;
let polls = 0;
const clock = new MovedClock();
const running = new Set<Swupdate>();

type More = Partial<SwupdateOptions>;

/** An appliance that runs SWUpdate, and where its image is installed. */
async function oven(id: string) {
  const token = await house.oven(id);
  const installed = join(workshop.dir, `${id}.bin`);
  const start = async (more: More) => {
    const identify = { version: "1.0.0", hardware: "h1" };
    const client = await Swupdate.start({ url, id, token, trusts: maker, identify, dir: workshop.dir, ...more });
    running.add(client);
    return client;
  };
  /** Lets the client work until something has come about, and pulls the plug. @returns what it said */
  const runUntil = async (isTrue: () => Promise<boolean>, more: More = {}): Promise<string> => {
    let said = "";
    for (let tries = 1; tries <= triesMax; tries += 1) {
      const client = await start(more);
      const hasCome = await comes(isTrue);
      await client.stop();
      running.delete(client);
      said += client.log;
      if (hasCome) return said;
    }
    throw new Error(`it did not come; the client said:\n${said.slice(-6_000)}`);
  };
  return { id, installed, runUntil };
}

/** On a busy machine SWUpdate's own parts now and then wait for each other for ever, or for its first poll; then the plug is pulled. */
const triesMax = 4;
const patienceMs = 25_000;

async function comes(isTrue: () => Promise<boolean>): Promise<boolean> {
  for (const sinceMs = Date.now(); Date.now() < sinceMs + patienceMs;) {
    if (await isTrue()) return true;
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
  return false;
}

const swu = (version: string, bytes: Uint8Array, installed: string, by: Maker = maker) =>
  workshop.swu(by, { version, files: { "oven.bin": bytes }, path: () => installed });

const reportedOf = async (id: string) => (await house.slices.devices.get(id))!.reported;
const stepOf = async (deliveryId: string) => (await house.delivery(deliveryId)).step;
const phaseOf = async (deliveryId: string) => (await house.delivery(deliveryId)).phase;
const saidOf = async (deliveryId: string) => (await house.delivery(deliveryId)).receipts.map(({ step }) => step);
const failureOf = async (deliveryId: string) =>
  (await house.delivery(deliveryId)).receipts.find(({ step }) => step === "failed");
const oclock = (hour: number) => `${String(hour % 24).padStart(2, "0")}:00`;

describe.skipIf(!hasSwupdate)("with Debian's swupdate", () => {
  beforeAll(async () => {
    house = await DdiHouse.open({ clock, pollMs: { idle: 1_000, busy: 1_000 } });
    house.kitchen.app.server.on("request", (request) => {
      if (/controller\/v1\/[^/]+$/.test(request.url ?? "")) polls += 1;
    });
    url = await house.listen();
    workshop = await Workshop.open();
    maker = await workshop.maker("maker");
    const pem = await readFile(maker.certificate, "utf8");
    await house.slices.firmware.imageCertificates.put({ kind: "system" }, pem);
  });
  afterEach(async () => {
    await Promise.all([...running].map((client) => client.stop()));
    running.clear();
  });
  afterAll(async () => {
    await house.close();
    await workshop.close();
  });

  test("attributes, deployment, download, installation, reboot, confirmed boot", async () => {
    const { id, installed, runUntil } = await oven("sw-good");
    const bytes = randomBytes(300_000);
    const image = await swu("2.1.0", bytes, installed);
    const deliveryId = await house.offer(id, await house.release("2.1.0", image, { isChecked: true }));
    await runUntil(async () => (await stepOf(deliveryId)) === "installing");
    expect(await reportedOf(id)).toMatchObject({ firmware: { value: "1.0.0" }, hardware: { value: "h1" } });
    expect(await readFile(installed)).toEqual(bytes);
    const rebooted = { confirms: "success", identify: { version: "2.1.0", hardware: "h1" } } as const;
    await runUntil(async () => (await reportedOf(id))["firmware"]?.value === "2.1.0", rebooted);
    const { phase, step, receipts } = await house.delivery(deliveryId);
    expect([phase, step]).toEqual(["done", "confirmed"]);
    const moved = receipts.filter(({ refused }) => refused === null).map((one) => one.step);
    expect(moved).toEqual(["offered", "downloading", "downloaded", "installing", "confirmed"]);
  });

  test("an update that did not come up is reported as failed after the reboot", async () => {
    const { id, installed, runUntil } = await oven("sw-rolled-back");
    const image = await swu("2.1.1", randomBytes(1_000), installed);
    const deliveryId = await house.offer(id, await house.release("2.1.1", image));
    await runUntil(async () => (await stepOf(deliveryId)) === "installing");
    await runUntil(async () => (await phaseOf(deliveryId)) === "failed", { confirms: "failure" });
    expect((await failureOf(deliveryId))?.reason).toBe("health_check_failed");
  });

  test("an image that somebody else signed is refused by the client, and told as such", async () => {
    const { id, installed, runUntil } = await oven("sw-foreign");
    const image = await swu("2.1.2", randomBytes(2_000_000), installed, await workshop.maker("somebody-else"));
    const deliveryId = await house.offer(id, await house.release("2.1.2", image));
    await runUntil(async () => (await failureOf(deliveryId)) !== undefined);
    expect(await failureOf(deliveryId)).toMatchObject({
      reason: "image_signature_wrong",
      result: { details: expect.any(Array) },
    });
    expect(existsSync(installed)).toBe(false);
  });

  test("an update that is asked back in the middle of its download is stopped and acknowledged", async () => {
    const { id, installed, runUntil } = await oven("sw-cancelled");
    const image = await swu("2.1.3", randomBytes(4_000_000), installed);
    const deliveryId = await house.offer(id, await house.release("2.1.3", image));
    let asked = false;
    const log = await runUntil(
      async () => {
        if (!asked && (await saidOf(deliveryId)).includes("downloading")) {
          const outcome = await house.slices.ddi.actions.recall({ kind: "system" }, deliveryId);
          asked = outcome.kind === "asked";
        }
        return (await phaseOf(deliveryId)) === "cancelled";
      },
      { bytesPerSecond: 200_000 },
    );
    expect(asked).toBe(true);
    expect(log).toContain("/cancelAction/1");
    expect(existsSync(installed)).toBe(false);
  });

  test("while its window is closed a client is offered nothing; when it opens the update comes", async () => {
    const { id, installed, runUntil } = await oven("sw-window");
    const hour = new Date(clock.nowMs()).getUTCHours();
    const windows = [{ weekdays: [1, 2, 3, 4, 5, 6, 7], from: oclock(hour + 2), to: oclock(hour + 4) }];
    const bytes = randomBytes(1_000);
    const releaseId = await house.release("2.1.4", await swu("2.1.4", bytes, installed));
    const deliveryId = await house.offer(id, releaseId, { windows });
    const seen = polls;
    await runUntil(async () => polls >= seen + 4);
    expect(await house.delivery(deliveryId)).toMatchObject({ phase: "queued", receipts: [] });
    clock.forward(2.5 * 3_600_000);
    await runUntil(async () => (await stepOf(deliveryId)) === "installing");
    expect(await readFile(installed)).toEqual(bytes);
  });

  test("an older image with the maker's own signature, offered as newer by a lying cloud, is refused by the client", async () => {
    const { id, installed, runUntil } = await oven("sw-downgrade");
    const old = await swu("1.0.0", randomBytes(2_000_000), installed);
    const deliveryId = await house.offer(id, await house.release("3.0.0", old));
    await runUntil(async () => (await failureOf(deliveryId)) !== undefined, { noDowngrading: "2.0.0" });
    expect((await failureOf(deliveryId))?.reason).toBe("not_newer");
    expect(existsSync(installed)).toBe(false);
  });
});
