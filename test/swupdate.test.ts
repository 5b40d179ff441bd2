/** Debian's SWUpdate against hawkBit's device API here: real signed images, over real HTTP, from the offer to the confirmed boot. */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { DdiHouse } from "./support/ddi-house.ts";
import { MovedClock } from "./support/moved-clock.ts";
import { hasSwupdate, type Maker, Swupdate, type SwupdateOptions, Workshop } from "./support/swupdate.ts";

const clock = new MovedClock();

let house: DdiHouse;
let workshop: Workshop;
let maker: Maker;
let url: string;
let polls = 0;
const running: Swupdate[] = [];

/** An appliance that runs SWUpdate, and where its image is installed. */
async function oven(id: string) {
  const token = await house.oven(id);
  const installed = join(workshop.dir, `${id}.bin`);
  const start = async (more: Partial<SwupdateOptions> = {}) => {
    const identify = { version: "1.0.0", hardware: "h1" };
    const client = await Swupdate.start({ url, id, token, trusts: maker, identify, dir: workshop.dir, ...more });
    running.push(client);
    return client;
  };
  return { id, installed, start };
}

const swu = (version: string, bytes: Uint8Array, installed: string, by: Maker | null = maker) =>
  workshop.swu(by, { version, files: { "oven.bin": bytes }, path: () => installed });

const hasFailed = async (deliveryId: string) =>
  (await house.delivery(deliveryId)).receipts.some(({ step }) => step === "failed");

/** A client that refuses an image at its very end waits now and then for its own installer for ever: then somebody pulls the plug. */
async function untilFailed(deliveryId: string, start: () => Promise<Swupdate>): Promise<void> {
  for (let tries = 1; !(await hasFailed(deliveryId)); tries += 1) {
    const client = await start();
    const sinceMs = Date.now();
    await until(
      async () => (await hasFailed(deliveryId)) || (tries < 4 && Date.now() > sinceMs + 20_000),
      () => client.log,
    );
    await client.stop();
  }
}

const reportedOf = async (id: string) => (await house.slices.devices.get(id))!.reported;

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
    await Promise.all(running.splice(0).map((client) => client.stop()));
  });
  afterAll(async () => {
    await house.close();
    await workshop.close();
  });

  test("attributes, deployment, download, installation, reboot, confirmed boot", async () => {
    const { id, installed, start } = await oven("sw-good");
    const bytes = randomBytes(300_000);
    const deliveryId = await house.offer(
      id,
      await house.release("2.1.0", await swu("2.1.0", bytes, installed), { isChecked: true }),
    );
    const before = await start();
    await until(
      async () => (await house.delivery(deliveryId)).step === "installing",
      () => before.log,
    );
    expect(await reportedOf(id)).toMatchObject({ firmware: { value: "1.0.0" }, hardware: { value: "h1" } });
    expect(await readFile(installed)).toEqual(bytes);
    await before.stop();
    const after = await start({ confirms: "success", identify: { version: "2.1.0", hardware: "h1" } });
    await until(
      async () => (await house.delivery(deliveryId)).phase === "done",
      () => after.log,
    );
    await until(
      async () => (await reportedOf(id))["firmware"]?.value === "2.1.0",
      () => after.log,
    );
    const { step, receipts } = await house.delivery(deliveryId);
    expect(step).toBe("confirmed");
    const said = receipts.filter(({ refused }) => refused === null).map((one) => one.step);
    expect(said).toEqual(["offered", "downloading", "downloaded", "installing", "confirmed"]);
  });

  test("an update that did not come up is reported as failed after the reboot", async () => {
    const { id, installed, start } = await oven("sw-rolled-back");
    const deliveryId = await house.offer(
      id,
      await house.release("2.1.1", await swu("2.1.1", randomBytes(1_000), installed)),
    );
    const before = await start();
    await until(
      async () => (await house.delivery(deliveryId)).step === "installing",
      () => before.log,
    );
    await before.stop();
    const after = await start({ confirms: "failure" });
    await until(
      async () => (await house.delivery(deliveryId)).phase === "failed",
      () => after.log,
    );
    expect((await house.delivery(deliveryId)).receipts.at(-1)?.reason).toBe("health_check_failed");
  });

  test("an image that somebody else signed is refused by the client, and told as such", async () => {
    const { id, installed, start } = await oven("sw-foreign");
    const foreign = await swu("2.1.0", randomBytes(2_000_000), installed, await workshop.maker("somebody-else"));
    const deliveryId = await house.offer(id, await house.release("2.1.2", foreign));
    await untilFailed(deliveryId, start);
    const failed = (await house.delivery(deliveryId)).receipts.find(({ step }) => step === "failed");
    expect([failed?.reason, failed?.result]).toEqual(["image_signature_wrong", { details: expect.any(Array) }]);
    expect(existsSync(installed)).toBe(false);
  });

  test("an update that is asked back in the middle of its download is stopped and acknowledged", async () => {
    const { id, installed, start } = await oven("sw-cancelled");
    const image = await swu("2.1.3", randomBytes(4_000_000), installed);
    const deliveryId = await house.offer(id, await house.release("2.1.3", image));
    const client = await start({ bytesPerSecond: 200_000 });
    const said = async () => (await house.delivery(deliveryId)).receipts.map(({ step }) => step);
    await until(
      async () => (await said()).includes("downloading"),
      () => client.log,
    );
    expect(await house.slices.ddi.actions.recall({ kind: "system" }, deliveryId)).toEqual({ kind: "asked" });
    await until(
      async () => (await house.delivery(deliveryId)).phase === "cancelled",
      () => client.log,
    );
    expect(client.log).toContain("cancel");
    expect(existsSync(installed)).toBe(false);
  });

  test("while its window is closed a client is offered nothing; when it opens the update comes", async () => {
    const { id, installed, start } = await oven("sw-window");
    const hour = new Date(clock.nowMs()).getUTCHours();
    const windows = [{ weekdays: [1, 2, 3, 4, 5, 6, 7], from: oclock(hour + 2), to: oclock(hour + 4) }];
    const bytes = randomBytes(1_000);
    const releaseId = await house.release("2.1.4", await swu("2.1.4", bytes, installed));
    const deliveryId = await house.offer(id, releaseId, { windows });
    const client = await start();
    const seen = polls;
    await until(
      async () => polls >= seen + 4,
      () => client.log,
    );
    expect(await house.delivery(deliveryId)).toMatchObject({ phase: "queued", receipts: [] });
    clock.forward(2.5 * 3_600_000);
    await until(
      async () => (await house.delivery(deliveryId)).step === "installing",
      () => client.log,
    );
    expect(await readFile(installed)).toEqual(bytes);
  });

  test("an older image with the maker's own signature, offered as newer by a lying cloud, is refused by the client", async () => {
    const { id, installed, start } = await oven("sw-downgrade");
    const old = await swu("1.0.0", randomBytes(2_000_000), installed);
    const deliveryId = await house.offer(id, await house.release("3.0.0", old));
    await untilFailed(deliveryId, () => start({ noDowngrading: "2.0.0" }));
    const failed = (await house.delivery(deliveryId)).receipts.find(({ step }) => step === "failed");
    expect(failed?.reason).toBe("not_newer");
    expect(existsSync(installed)).toBe(false);
  });
});

/** Waits for what a process of its own brings about; `log` is what it said until then. */
async function until(isTrue: () => Promise<boolean>, log: () => string): Promise<void> {
  for (let n = 0; n < 600; n += 1) {
    if (await isTrue()) return;
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
  throw new Error(`it did not come; the client said:\n${log().slice(-6_000)}`);
}
