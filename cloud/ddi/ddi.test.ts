import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DdiClient, DdiHouse, type OfferOptions } from "../../test/support/ddi-house.ts";
import { until } from "../../test/support/service-process.ts";

let house: DdiHouse;
let image: Buffer;
let releaseId: string;
let raucReleaseId: string;
let count = 0;

beforeAll(async () => {
  house = await DdiHouse.open({
    models: {
      oven: { success: "booted" },
      "rauc-oven": { success: "written" },
    },
  });
  image = randomBytes(50_000);
  releaseId = await house.release("2.1.0", image);
  raucReleaseId = await house.release("2.1.0", image, { model: "rauc-oven" });
});
afterAll(() => house.close());

async function appliance(model = "oven"): Promise<DdiClient> {
  count += 1;
  const id = `${model}-${count}`;
  return new DdiClient(house, id, `TargetToken ${await house.oven(id, model)}`);
}

/** An appliance that has sent its attributes, with an update on offer. */
async function updating(options: OfferOptions = {}, model = "oven") {
  const oven = await appliance(model);
  await oven.put({ version: "1.0.0", hardware: "h1" });
  return { oven, deliveryId: await house.offer(oven.id, model === "rauc-oven" ? raucReleaseId : releaseId, options) };
}

const steps = async (deliveryId: string) =>
  (await house.delivery(deliveryId)).receipts.map(({ step, refused }) =>
    refused === null ? step : `${step}: ${refused}`,
  );

// Reports

test("an update from the offer to the confirmed boot, as a client whose success is a boot reports it", async () => {
  const { oven, deliveryId } = await updating();
  const { actionId, artifact } = (await oven.deployment())!;
  await oven.report(actionId, "proceeding");
  await oven.report(actionId, "scheduled");
  const whole = await oven.ask("GET", artifact._links.download.href);
  expect(whole.status).toBe(200);
  // What happens just after an answer went out.
  await until("it is noted as downloaded", async () => (await steps(deliveryId)).includes("downloaded"));
  await oven.report(actionId, "proceeding", "none", ["Installed Chunk."]);
  expect(await house.delivery(deliveryId)).toMatchObject({ phase: "received", step: "installing" });
  await oven.report(actionId, "closed", "success");
  expect(await house.delivery(deliveryId)).toMatchObject({ phase: "done", step: "confirmed" });
  expect(await steps(deliveryId)).toEqual(["offered", "downloading", "downloaded", "installing", "confirmed"]);
  expect((await oven.report(actionId, "proceeding")).body).toMatchObject({ status: 410, code: "ddi_action_closed" });
});

test("where success only means written, the update is done when the new version is reported", async () => {
  const { oven, deliveryId } = await updating({}, "rauc-oven");
  const { actionId } = (await oven.deployment())!;
  await oven.report(actionId, "downloaded");
  await oven.report(actionId, "proceeding");
  await oven.report(actionId, "closed", "success");
  expect(await house.delivery(deliveryId)).toMatchObject({ phase: "received", step: "rebooting" });
  // The old firmware still runs, and says so: it is asked again, and offered nothing meanwhile.
  await oven.put({ version: "1.0.0" });
  expect(Object.keys(await oven.links())).toEqual(["configData"]);
  await oven.put({ version: "2.1.0" });
  expect(await house.delivery(deliveryId)).toMatchObject({ phase: "done", step: "confirmed" });
  expect(await oven.links()).toEqual({});
});

test("a client whose success is a boot is left to say so itself, though its version is known before", async () => {
  const { oven, deliveryId } = await updating();
  const { actionId } = (await oven.deployment())!;
  await oven.report(actionId, "proceeding");
  await oven.put({ version: "2.1.0" });
  // SWUpdate takes no further update until it has found this one again and reported it.
  expect((await oven.deployment())!.actionId).toBe(actionId);
  await oven.report(actionId, "closed", "success");
  expect(await house.delivery(deliveryId)).toMatchObject({ phase: "done" });
});

test("a version that an appliance reports by MQTT closes the update as well", async () => {
  const { oven, deliveryId } = await updating({}, "rauc-oven");
  const { actionId } = (await oven.deployment())!;
  await oven.report(actionId, "closed", "success");
  const device = (await house.slices.devices.find([oven.id])).get(oven.id)!;
  const reported = (firmware: string) => {
    const atMs = house.clock.nowMs();
    return [{ device, receivedAtMs: atMs, reported: { atMs, state: { firmware } } }];
  };
  await house.slices.ddi.attributes.noteReported(house.kitchen.base.db, reported("1.0.0"));
  expect(await house.delivery(deliveryId)).toMatchObject({ phase: "received" });
  await house.slices.ddi.attributes.noteReported(house.kitchen.base.db, reported("2.1.0"));
  expect(await house.delivery(deliveryId)).toMatchObject({ phase: "done" });
});

test("an appliance that wrote an update and came back with the old one gets another attempt, under a new number", async () => {
  const { oven, deliveryId } = await updating({}, "rauc-oven");
  const { actionId } = (await oven.deployment())!;
  await oven.report(actionId, "closed", "success");
  house.clock.forward(15 * 60_000);
  await house.slices.deliveries.tick(house.clock.nowMs());
  expect(await house.delivery(deliveryId)).toMatchObject({ phase: "queued", attempt: 2 });
  house.clock.forward(3_600_000);
  expect((await oven.deployment())!.actionId).toBe(actionId + 1);
});

test("a failure is told with its cause and the client's own words", async () => {
  const { oven, deliveryId } = await updating();
  const { actionId } = (await oven.deployment())!;
  const details = ["ERROR : SW not compatible with hardware", "ERROR : Image invalid or corrupted. Not installing ..."];
  await oven.report(actionId, "closed", "failure", details);
  const { receipts } = await house.delivery(deliveryId);
  expect(receipts.at(-1)).toMatchObject({ step: "failed", reason: "wrong_hardware", result: { details } });
});

test("a body with text pasted into it unescaped is taken; what is no report is refused by name", async () => {
  const { oven, deliveryId } = await updating();
  const { actionId } = (await oven.deployment())!;
  const url = `/deploymentBase/${actionId}/feedback`;
  const raw = `{ "id": ${actionId}, "status": { "result": { "finished": "failure" }, "execution": "closed",
    "details": [ "cannot open "/dev/mmcblk0p2", giving up", "line\nbreak" ] } }`;
  for (const body of ["", "{", "[]", "null", `{"status":{"execution":"flying","result":{"finished":"none"}}}`]) {
    const { status, body: answer } = await oven.ask("POST", url, { raw: body });
    expect([body, status, answer.code]).toEqual([body, 400, "ddi_report_not_valid"]);
  }
  expect((await oven.ask("POST", url, { raw: "x".repeat(70_000) })).status).toBe(413);
  expect((await oven.ask("POST", url, { raw, headers: { "content-type": "text/plain" } })).status).toBe(200);
  const said = (await house.delivery(deliveryId)).receipts.at(-1)!.result;
  expect(said).toEqual({ details: [`cannot open "/dev/mmcblk0p2", giving up`, "line\nbreak"] });
});

test("progress is kept as a share, and never goes back", async () => {
  const { oven, deliveryId } = await updating();
  const { actionId } = (await oven.deployment())!;
  const url = `/deploymentBase/${actionId}/feedback`;
  for (const [cnt, of] of [
    [1, 4],
    [3, 4],
    [9, 4],
    [1, 0],
  ] as const)
    await oven.ask("POST", url, {
      body: { status: { execution: "proceeding", result: { finished: "none", progress: { cnt, of } } } },
    });
  const [, downloading] = (await house.delivery(deliveryId)).receipts;
  expect(downloading).toMatchObject({ step: "downloading", progress: 1 });
});

test("an appliance that does not want an update is left alone", async () => {
  const { oven, deliveryId } = await updating();
  const { actionId } = (await oven.deployment())!;
  await oven.report(actionId, "rejected");
  expect(await house.delivery(deliveryId)).toMatchObject({ phase: "rejected" });
  expect(await oven.links()).toEqual({});
});

test("actions that were never made are not found, nor those of others", async () => {
  const { oven } = await updating();
  for (const id of ["99", "0", "-1", "1e3", "99999999999999", "x"]) {
    const { status } = await oven.ask("GET", `/deploymentBase/${id}`);
    expect([id, [400, 404].includes(status)]).toEqual([id, true]);
    const report = { status: { execution: "closed", result: { finished: "success" } } };
    expect([400, 404]).toContain((await oven.ask("POST", `/deploymentBase/${id}/feedback`, { body: report })).status);
  }
});

// Cancelling

test("what is cancelled before its client has begun is gone without a word", async () => {
  const { oven, deliveryId } = await updating();
  const { actionId } = (await oven.deployment())!;
  expect((await house.slices.deliveries.cancel({ kind: "system" }, deliveryId)).kind).not.toBe("refused");
  expect(await oven.links()).toEqual({});
  expect((await oven.ask("GET", `/deploymentBase/${actionId}`)).status).toBe(404);
  // It began in this very moment: it is told that nothing is expected of it.
  expect((await oven.report(actionId, "proceeding")).status).toBe(410);
});

test("only a client that is at work can be asked to stop; asking twice asks once", async () => {
  const { oven, deliveryId } = await updating();
  const headers = house.staff("support");
  const recall = (id = deliveryId) => house.ask("POST", `/api/v1/deliveries/${id}/recall`, headers);
  expect((await recall()).body).toMatchObject({ status: 409, code: "delivery_not_recallable" });
  expect((await recall("0190a000-0000-7000-8000-000000000000")).status).toBe(404);
  const { actionId } = (await oven.deployment())!;
  await oven.report(actionId, "proceeding");
  expect((await recall()).status).toBe(202);
  expect((await recall()).status).toBe(202);
  const lines = await house.slices.staff.audit.list(house.kitchen.base.db, {
    before: null,
    subject: `delivery:${deliveryId}`,
    limit: 9,
  });
  expect(lines.map(({ action }) => action)).toEqual(["delivery.recalled"]);
});

test("a client that cannot stop any more says so, and its update goes on to its end", async () => {
  const { oven, deliveryId } = await updating();
  const { actionId } = (await oven.deployment())!;
  await oven.report(actionId, "proceeding");
  await house.slices.ddi.actions.recall({ kind: "system" }, deliveryId);
  await oven.answerCancel(actionId, "rejected", "none");
  expect((await oven.deployment())!.actionId).toBe(actionId);
  await oven.report(actionId, "closed", "success");
  expect(await house.delivery(deliveryId)).toMatchObject({ phase: "done" });
});

test("a client that reports failure when it was asked to stop gets no further attempt", async () => {
  const { oven, deliveryId } = await updating();
  const { actionId } = (await oven.deployment())!;
  await oven.report(actionId, "proceeding");
  await house.slices.ddi.actions.recall({ kind: "system" }, deliveryId);
  await oven.report(actionId, "closed", "failure");
  expect(await house.delivery(deliveryId)).toMatchObject({ phase: "cancelled" });
});

test("a household that leaves stops what its appliance is at; a client that does not know the word gets on after a day", async () => {
  const { oven, deliveryId } = await updating();
  const { actionId } = (await oven.deployment())!;
  await oven.report(actionId, "proceeding");
  const device = (await house.slices.devices.find([oven.id])).get(oven.id)!;
  await house.slices.deliveries.householdLeft(house.kitchen.base.db, device);
  expect(await house.delivery(deliveryId)).toMatchObject({ phase: "cancelled" });
  expect(Object.keys(await oven.links())).toEqual(["cancelAction"]);
  const next = await house.offer(oven.id, releaseId);
  expect(Object.keys(await oven.links())).toEqual(["cancelAction"]);
  house.clock.forward(86_400_000);
  await oven.links();
  expect((await oven.deployment())!.actionId).toBe(actionId + 1);
  expect(await house.delivery(next)).toMatchObject({ step: "offered" });
});

test("an acknowledgement that is sent again is taken again", async () => {
  const { oven, deliveryId } = await updating();
  const { actionId } = (await oven.deployment())!;
  await oven.report(actionId, "proceeding");
  await house.slices.ddi.actions.recall({ kind: "system" }, deliveryId);
  expect((await oven.answerCancel(actionId, "proceeding", "none")).status).toBe(200);
  expect(await house.delivery(deliveryId)).toMatchObject({ phase: "received" });
  for (let n = 0; n < 2; n += 1) expect((await oven.answerCancel(actionId, "canceled")).status).toBe(200);
  expect(await house.delivery(deliveryId)).toMatchObject({ phase: "cancelled", cause: "person" });
  expect((await oven.answerCancel(77, "closed")).status).toBe(404);
});

// Consent

test("an update that wants consent is not there to install until somebody agrees", async () => {
  const { oven, deliveryId } = await updating({ consent: "ask" });
  const { confirmationBase, deploymentBase } = await oven.links();
  expect(deploymentBase).toBeUndefined();
  expect((await oven.ask("GET", "/deploymentBase/1")).status).toBe(404);
  const { body } = await oven.ask("GET", confirmationBase!.href);
  expect(body).toMatchObject({ id: "1", confirmation: { update: "forced", chunks: [{ version: "2.1.0" }] } });
  expect((await oven.ask("GET", "/confirmationBase")).body).toMatchObject({
    autoConfirm: { active: false },
    _links: { confirmationBase, activateAutoConfirm: { href: expect.any(String) } },
  });
  const agree = await oven.ask("POST", `${confirmationBase!.href}/feedback`, { body: { confirmation: "confirmed" } });
  expect(agree.status).toBe(200);
  expect(await house.delivery(deliveryId)).toMatchObject({ step: "confirmed_by_owner" });
  expect((await oven.deployment())!.actionId).toBe(1);
});

test("a refusal closes the matter", async () => {
  const { oven, deliveryId } = await updating({ consent: "ask" });
  const { confirmationBase } = await oven.links();
  const body = { confirmation: "denied", details: ["not now"] };
  expect((await oven.ask("POST", `${confirmationBase!.href}/feedback`, { body })).status).toBe(200);
  const { phase, receipts } = await house.delivery(deliveryId);
  expect([phase, receipts.at(-1)!.reason]).toEqual(["rejected", "declined_by_owner"]);
  expect(await oven.links()).toEqual({});
  expect((await oven.ask("POST", `${confirmationBase!.href}/feedback`, { body })).status).toBe(410);
});

test("an appliance that agrees by itself is not asked, until that is taken back", async () => {
  const oven = await appliance();
  await oven.put({ version: "1.0.0" });
  const { _links } = (await oven.ask("GET", "/confirmationBase")).body;
  await oven.ask("POST", _links.activateAutoConfirm.href, { body: { initiator: "the owner" } });
  const deliveryId = await house.offer(oven.id, releaseId, { consent: "ask" });
  const { actionId } = (await oven.deployment())!;
  expect(await house.delivery(deliveryId)).toMatchObject({ step: "confirmed_by_owner" });
  await oven.report(actionId, "rejected");
  const again = (await oven.ask("GET", "/confirmationBase")).body;
  expect(again.autoConfirm.active).toBe(true);
  await oven.ask("POST", again._links.deactivateAutoConfirm.href);
  await house.offer(oven.id, releaseId, { consent: "ask" });
  expect(Object.keys(await oven.links())).toEqual(["confirmationBase"]);
});

test("nothing begins before the household's time has come", async () => {
  const { oven } = await updating({ notBeforeMs: house.clock.nowMs() + 3_600_000 });
  expect(await oven.links()).toEqual({});
  house.clock.forward(3_600_000);
  expect(Object.keys(await oven.links())).toEqual(["deploymentBase"]);
});

test("the household agrees elsewhere, or puts it off, and the appliance's client learns of it", async () => {
  const { oven, deliveryId } = await updating({ consent: "ask" });
  expect(Object.keys(await oven.links())).toEqual(["confirmationBase"]);
  const { deliveries } = house.slices;
  const amend = (patch: object) => deliveries.amend(house.kitchen.base.db, deliveryId, { ...patch });
  await amend({ consent: "given", notBeforeMs: house.clock.nowMs() + 3_600_000 });
  expect(await oven.links()).toEqual({});
  house.clock.forward(3_600_000);
  expect(Object.keys(await oven.links())).toEqual(["deploymentBase"]);
});

test("windows open by the appliance's own clock on the wall, or else its household's", async () => {
  const oven = await appliance();
  // 12:00 in London is 21:00 in Tokyo.
  const nowMs = house.clock.nowMs();
  const hour = new Date(nowMs).getUTCHours();
  const oclock = String((hour + 9) % 24).padStart(2, "0");
  const windows = [{ weekdays: [1, 2, 3, 4, 5, 6, 7], from: `${oclock}:00`, to: `${oclock}:59` }];
  await oven.put({ version: "1.0.0" });
  await house.offer(oven.id, releaseId, { windows });
  house.clock.forward(60_000 - (nowMs % 60_000));
  expect(await oven.links()).toEqual({});
  await oven.put({ timeZone: "Asia/Tokyo" });
  expect(Object.keys(await oven.links())).toEqual(["deploymentBase"]);
});

test("a release that is withdrawn is not offered any more, nor handed out", async () => {
  const withdrawn = await house.release("2.1.9", randomBytes(1_000));
  const oven = await appliance();
  await oven.put({ version: "1.0.0" });
  await house.offer(oven.id, withdrawn);
  const { artifact } = (await oven.deployment())!;
  const path = `/api/v1/firmware/releases/${withdrawn}/withdraw`;
  const asked = await house.ask("POST", path, { ...house.staff("release"), body: { reason: "Burns bread" } });
  expect(asked.status).toBe(200);
  expect(await oven.links()).toEqual({});
  expect((await oven.ask("GET", artifact._links.download.href)).status).toBe(404);
});

// Downloads

test("a file comes whole, in part, and not at all, as Range, If-Range, If-Match and HEAD ask", async () => {
  const { oven } = await updating();
  const { artifact } = (await oven.deployment())!;
  const { href } = artifact._links.download;
  const get = (headers: Record<string, string>, method: "GET" | "HEAD" = "GET") => oven.ask(method, href, { headers });
  const head = await get({}, "HEAD");
  const etag = `"${createHash("sha256").update(image).digest("hex")}"`;
  expect([head.status, head.headers["content-length"], head.text]).toEqual([200, "50000", ""]);
  expect(head.headers).toMatchObject({ "accept-ranges": "bytes", etag });
  expect(head.headers["content-disposition"]).toBe('attachment; filename="2.1.0.swu"');
  expect(await get({ range: "bytes=49990-" })).toMatchObject({
    status: 206,
    headers: { "content-range": "bytes 49990-49999/50000", "content-length": "10" },
  });
  expect(await get({ range: "bytes=50000-" })).toMatchObject({
    status: 416,
    headers: { "content-range": "bytes */50000" },
  });
  expect((await get({ range: "bytes=0-9", "if-range": etag })).status).toBe(206);
  expect((await get({ range: "bytes=0-9", "if-range": '"other"' })).headers["content-length"]).toBe("50000");
  expect((await get({ "if-match": etag })).status).toBe(200);
  expect((await get({ "if-match": '"other"' })).body).toMatchObject({ status: 412, code: "ddi_artifact_changed" });
  expect((await get({ range: "bytes=0-9" }, "HEAD")).status).toBe(200);
});

test("the files of an action are listed for its own appliance, while it may have them", async () => {
  const { oven, deliveryId } = await updating();
  const { actionId, artifact } = (await oven.deployment())!;
  const list = await oven.ask("GET", `/softwaremodules/${actionId}/artifacts`);
  expect(list.body).toEqual([artifact]);
  for (const path of ["/softwaremodules/9/artifacts", `/softwaremodules/${actionId}/artifacts/other.swu`])
    expect((await oven.ask("GET", path)).status).toBe(404);
  await house.slices.deliveries.cancel({ kind: "system" }, deliveryId);
  expect((await oven.ask("GET", artifact._links.download.href)).status).toBe(404);
  expect((await oven.ask("GET", `/softwaremodules/${actionId}/artifacts`)).status).toBe(404);
});
