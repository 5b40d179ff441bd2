/** The ten demands that real clients make, each of which broke somebody's server. */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DdiClient, DdiHouse, sha1Of } from "../../test/support/ddi-house.ts";

let house: DdiHouse;
let image: Buffer;
let releaseId: string;
let count = 0;

beforeAll(async () => {
  house = await DdiHouse.open();
  image = randomBytes(100_000);
  releaseId = await house.release("2.1.0", image);
});
afterAll(() => house.close());

/** An appliance that has sent its attributes, with an update on offer. */
async function client(): Promise<{ oven: DdiClient; deliveryId: string }> {
  count += 1;
  const id = `oven-${count}`;
  const oven = new DdiClient(house, id, `TargetToken ${await house.oven(id)}`);
  await oven.put({ version: "1.0.0", hardware: "h1" });
  return { oven, deliveryId: await house.offer(id, releaseId) };
}

const oclock = (hour: number) => `${String(hour % 24).padStart(2, "0")}:00`;

test("1. every POST and PUT is answered 200, with a length", async () => {
  const { oven } = await client();
  const { actionId } = (await oven.deployment())!;
  for (const answer of [
    await oven.put({ version: "1.0.0" }),
    await oven.report(actionId, "proceeding"),
    await oven.report(actionId, "closed", "failure"),
    await oven.ask("POST", "/confirmationBase/activateAutoConfirm", { body: {} }),
    await oven.ask("POST", "/confirmationBase/deactivateAutoConfirm"),
  ]) {
    expect([answer.status, answer.headers["content-length"]]).toEqual([200, "0"]);
  }
  expect((await oven.ask("GET", "")).headers["content-length"]).toMatch(/^\d+$/);
});

test("2. an action's id is a small decimal, and the pause between polls always HH:MM:SS", async () => {
  const { oven } = await client();
  const idle = new DdiClient(house, "idle-oven", `TargetToken ${await house.oven("idle-oven")}`);
  for (const { body } of [await oven.ask("GET", ""), await idle.ask("GET", "")])
    expect(body.config.polling.sleep).toMatch(/^\d\d:\d\d:\d\d$/);
  expect((await oven.deployment())!.body.id).toBe("1");
  await oven.report(1, "closed", "failure");
  house.clock.forward(3_600_000);
  expect((await oven.deployment())!.body.id).toBe("2");
});

test("3. a deployment always says update and download, and names everything that clients require", async () => {
  const { oven } = await client();
  const { body } = (await oven.deployment())!;
  expect(body.deployment).toMatchObject({ download: "forced", update: "forced" });
  const [chunk] = body.deployment.chunks;
  expect(chunk).toMatchObject({ part: "bApp", version: "2.1.0", name: "oven" });
  expect(chunk.artifacts[0]).toMatchObject({
    filename: "2.1.0.swu",
    size: 100_000,
    hashes: { sha1: expect.stringMatching(/^[0-9a-f]{40}$/), md5: expect.any(String), sha256: expect.any(String) },
  });
});

test("4. the file is told by both kinds of link, under DEFAULT in capitals and short enough for Zephyr", async () => {
  const id = "a".repeat(64);
  const oven = new DdiClient(house, id, `TargetToken ${await house.oven(id)}`);
  await house.offer(id, releaseId);
  const { artifact } = (await oven.deployment())!;
  expect(Object.keys(artifact._links)).toEqual(["download", "download-http", "md5sum", "md5sum-http"]);
  const { href } = artifact._links["download-http"];
  const fromTenant = href.slice(href.indexOf("/DEFAULT/controller/v1"));
  expect(fromTenant).toMatch(/^\/DEFAULT\/controller\/v1\/a+\/softwaremodules\/1\/artifacts\/2\.1\.0\.swu/);
  expect(fromTenant.length).toBeLessThan(200);
});

test("5. a cancel's address takes /feedback behind it, and the stop's id is its own", async () => {
  const { oven, deliveryId } = await client();
  const { actionId } = (await oven.deployment())!;
  await oven.report(actionId, "proceeding");
  expect((await house.slices.ddi.actions.recall({ kind: "system" }, deliveryId)).kind).toBe("asked");
  const { cancelAction, deploymentBase } = await oven.links();
  expect(deploymentBase).toBeUndefined();
  expect(cancelAction!.href).toMatch(/\/cancelAction\/1$/);
  expect((await oven.ask("GET", cancelAction!.href)).body).toEqual({ id: "1", cancelAction: { stopId: "1" } });
  // SWUpdate in the middle of a download says once more that it proceeds before it acknowledges.
  expect((await oven.report(actionId, "proceeding")).status).toBe(200);
  const body = { id: "1", status: { execution: "closed", result: { finished: "success" } } };
  expect((await oven.ask("POST", `${cancelAction!.href}/feedback`, { body })).status).toBe(200);
  expect(await oven.links()).not.toHaveProperty("cancelAction");
  expect(await house.delivery(deliveryId)).toMatchObject({ phase: "cancelled" });
});

test("6. attributes are asked for until they came, and again after an update", async () => {
  const id = "new-oven";
  const oven = new DdiClient(house, id, `TargetToken ${await house.oven(id)}`);
  expect(await oven.links()).toHaveProperty("configData");
  expect(await oven.links()).toHaveProperty("configData");
  await oven.put({ version: "1.0.0" });
  expect(await oven.links()).toEqual({});
  await house.offer(id, releaseId);
  const { actionId } = (await oven.deployment())!;
  expect(await oven.links()).not.toHaveProperty("configData");
  await oven.report(actionId, "closed", "success");
  expect(await oven.links()).toEqual({ configData: { href: expect.stringMatching(/\/configData$/) } });
});

test("7. the same action stays open over the reboot, and nothing newer takes its place", async () => {
  const { oven, deliveryId } = await client();
  const { actionId } = (await oven.deployment())!;
  await oven.report(actionId, "proceeding");
  const newer = await house.release("2.2.0", randomBytes(10));
  const next = await house.offer(oven.id, newer);
  expect((await oven.deployment())!).toMatchObject({ actionId });
  // It comes back an hour later: by then its first attempt has run out of time, and it is the same action all the same.
  house.clock.forward(7 * 3_600_000);
  await house.slices.deliveries.tick(house.clock.nowMs());
  expect((await oven.deployment())!).toMatchObject({ actionId });
  await oven.report(actionId, "closed", "success");
  expect(await house.delivery(deliveryId)).toMatchObject({ phase: "done", step: "confirmed" });
  expect((await oven.deployment())!.body.deployment.chunks[0].version).toBe("2.2.0");
  expect(await house.delivery(next)).toMatchObject({ step: "offered" });
});

test("8. outside its maintenance window an update is not offered, rather than offered as to be skipped", async () => {
  const id = "night-oven";
  const oven = new DdiClient(house, id, `TargetToken ${await house.oven(id)}`);
  await oven.put({ version: "1.0.0" });
  const hour = new Date(house.clock.nowMs()).getUTCHours();
  const windows = [{ weekdays: [1, 2, 3, 4, 5, 6, 7], from: oclock(hour + 2), to: oclock(hour + 4) }];
  const deliveryId = await house.offer(id, releaseId, { windows });
  expect(await oven.links()).toEqual({});
  expect((await oven.ask("GET", "/deploymentBase/1")).status).toBe(404);
  house.clock.forward(2.5 * 3_600_000);
  const { actionId, body } = (await oven.deployment())!;
  expect(body.deployment.update).toBe("forced");
  await oven.report(actionId, "proceeding");
  // It has begun: that the window closes takes nothing away from it.
  house.clock.forward(3 * 3_600_000);
  expect((await oven.deployment())!.actionId).toBe(actionId);
  expect(await house.delivery(deliveryId)).toMatchObject({ phase: "received", step: "downloading" });
});

test("9. a client may poll while it downloads, and fetches the file without a token by its address alone", async () => {
  const { oven } = await client();
  const { actionId, artifact } = (await oven.deployment())!;
  const bare = await house.ask("GET", artifact._links.download.href, { headers: { range: "bytes=0-9" } });
  expect([bare.status, bare.headers["content-range"]]).toEqual([206, "bytes 0-9/100000"]);
  expect((await oven.deployment())!.actionId).toBe(actionId);
  const bareSum = await house.ask("GET", artifact._links["md5sum-http"].href);
  expect(bareSum.text).toBe(`${artifact.hashes.md5}  2.1.0.swu`);
  const elsewhere = artifact._links.download.href.replace(oven.id, "oven-1");
  for (const href of [elsewhere, `${artifact._links.download.href}x`, artifact._links.download.href.split("?")[0]])
    expect((await house.ask("GET", href)).status).toBe(401);
  house.clock.forward(31 * 86_400_000);
  expect((await house.ask("GET", artifact._links.download.href)).status).toBe(401);
});

test("10. there is exactly one chunk with one file, its SHA-1 is right, and it may be polled every five seconds", async () => {
  const { oven } = await client();
  const first = (await oven.deployment())!;
  expect(first.body.deployment.chunks.map((chunk: { artifacts: unknown[] }) => chunk.artifacts.length)).toEqual([1]);
  for (let n = 0; n < 20; n += 1) {
    house.clock.forward(5_000);
    expect((await oven.deployment())!.body).toEqual(first.body);
  }
  expect(first.artifact.hashes.sha1).toBe(sha1Of(image));
});
