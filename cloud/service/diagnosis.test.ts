import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { comesTrue } from "../../test/support/comes-true.ts";
import { logBytesMax } from "#protocol/help.ts";
import { Kitchen } from "../../test/support/kitchen.ts";

let kitchen: Kitchen;

beforeAll(async () => {
  kitchen = await Kitchen.open();
  await kitchen.ovens("oven-1", "oven-2", "oven-3", "oven-4");
});
afterAll(() => kitchen.close());

async function newCase(deviceId: string): Promise<string> {
  const cause = `cause_${randomBytes(4).toString("hex")}`;
  const body = { deviceId, severity: "service", cause, title: "Odd" };
  return (await kitchen.as("support", "POST", "/cases", body)).body.id;
}

async function newestCommand(deviceId: string) {
  const all = { deviceId, kind: "command" as const, phase: null, beforeId: null, limit: 1 };
  const [delivery] = await kitchen.slices.deliveries.list(all);
  const found = await kitchen.slices.deliveries.get(delivery?.id ?? "");
  if (found === null) throw new Error("no command");
  return { ...found.delivery, body: found.body };
}

/** Asks for a log. `path` is where the appliance is told to send it. */
async function askForLog(deviceId: string, caseId?: string) {
  const id = caseId ?? (await newCase(deviceId));
  const asked = await kitchen.as("support", "POST", `/cases/${id}/diagnoses`, { kind: "send_log" });
  expect(asked.status).toBe(202);
  const command = await newestCommand(deviceId);
  const sent = kitchen.slices.service.diagnosis.renderBody(command) as { args: { upload: { href: string } } };
  const { pathname, search } = new URL(sent.args.upload.href);
  return { caseId: id, id: asked.body.id as string, command, path: pathname + search };
}

const signed = (path: string) => new URLSearchParams(path.split("?")[1]);

async function put(path: string, payload: Buffer | string | Readable, contentType = "text/plain") {
  const response = await kitchen.app.inject({
    method: "PUT",
    url: path,
    headers: { "content-type": contentType },
    payload,
  });
  return { status: response.statusCode, body: response.json() };
}

const diagnosisOf = async (caseId: string) =>
  (await kitchen.as("support", "GET", `/cases/${caseId}/diagnoses`)).body.items[0];
const filesOf = () => readdir(join(kitchen.artifactsDir, "logs"));
const readLog = (id: string, role: "support" | "viewer" = "support") =>
  kitchen.send(role, "GET", `/api/v1/diagnoses/${id}/log`);

test("a self-test is a command of 30 s, and its answer stands on the case, from its own appliance alone", async () => {
  const caseId = await newCase("oven-1");
  expect((await kitchen.as("support", "POST", `/cases/${caseId}/diagnoses`, { kind: "self_test" })).status).toBe(202);
  const command = await newestCommand("oven-1");
  expect(command.body).toEqual({ name: "self_test", args: {} });
  expect(command.expiresAtMs).toBe(kitchen.clock.nowMs() + 30_000);
  const again = await kitchen.as("support", "POST", `/cases/${caseId}/diagnoses`, { kind: "self_test" });
  expect(again.body.code).toBe("diagnosis_under_way");
  const result = {
    passed: false,
    parts: [
      { part: "relay", ok: false },
      { part: "wifi", ok: true },
    ],
  };
  const reply = { commandId: command.id, ok: true, result };
  await kitchen.say({ device: "oven-2", channel: "replies", payload: { ...reply, result: { passed: true } } });
  expect((await diagnosisOf(caseId)).state).toBe("asked");
  await kitchen.say({ device: "oven-1", channel: "replies", payload: reply });
  await kitchen.say({ device: "oven-1", channel: "replies", payload: { ...reply, result: { passed: true } } });
  expect(await diagnosisOf(caseId)).toMatchObject({ state: "answered", result });
  const { entries } = (await kitchen.as("support", "GET", `/cases/${caseId}`)).body;
  expect(entries.filter(({ kind }: { kind: string }) => kind === "diagnosis")).toMatchObject([
    { data: { diagnosis: "self_test", state: "asked" } },
    { by: "device:oven-1", data: { state: "answered", passed: false, broken: ["relay"] } },
  ]);
});

test("an appliance that is away never hears of it, and the case says so", async () => {
  const caseId = await newCase("oven-1");
  await kitchen.as("support", "POST", `/cases/${caseId}/diagnoses`, { kind: "self_test" });
  kitchen.clock.forward(30_000);
  await kitchen.slices.deliveries.tick(kitchen.clock.nowMs());
  expect((await diagnosisOf(caseId)).state).toBe("expired");
});

test("a log lies with its case, without its secrets; support reads it, and that is on record", async () => {
  const { caseId, id, path } = await askForLog("oven-1");
  const log = "boot\npsk=correct horse battery\nfault code=E07\nmail ada@example.org\n";
  const pieces = Readable.from([...gzipSync(log)].map((byte) => Buffer.from([byte])));
  expect(await put(path, pieces, "application/gzip")).toMatchObject({ status: 201, body: { isCut: false } });
  expect(await diagnosisOf(caseId)).toMatchObject({
    id,
    state: "answered",
    log: { removals: { secret: 1, email: 1 } },
  });
  const read = await readLog(id);
  expect(read).toEqual({ status: 200, body: "boot\npsk=[removed: secret]\nfault code=E07\nmail [removed: email]\n" });
  expect((await readLog(id, "viewer")).status).toBe(403);
  const audit = (await kitchen.as("admin", "GET", "/audit?limit=5")).body.items;
  expect(audit).toContainEqual(expect.objectContaining({ action: "case.log_opened", subject: `case:${caseId}` }));
});

test("an address that stands nowhere but in the command: not in the database, not in the API", async () => {
  const { caseId, command, path } = await askForLog("oven-1");
  const signature = new URLSearchParams(path.split("?")[1]).get("signature") ?? "none";
  expect(JSON.stringify(command.body)).not.toContain(signature);
  const seen = [
    await kitchen.as("viewer", "GET", `/deliveries/${command.id}`),
    await kitchen.as("viewer", "GET", `/cases/${caseId}`),
  ];
  expect(JSON.stringify(seen.map(({ body }) => body))).not.toContain(signature);
});

test("an address works once, in time, for its own appliance, and for nothing else", async () => {
  const first = await askForLog("oven-2");
  const second = await askForLog("oven-3");
  const own = signed(first.path);
  // Another appliance's name, another diagnosis, a later end, a signature cut short, another's signature.
  const wrong = [
    first.path.replace("device=oven-2", "device=oven-3"),
    first.path.replace(first.id, second.id),
    first.path.replace(/expires=\d+/, `expires=${Number(own.get("expires")) + 1}`),
    first.path.slice(0, -4),
    first.path.replace(/signature=.*/, `signature=${signed(second.path).get("signature")}`),
  ];
  for (const path of wrong)
    expect(await put(path, "x")).toMatchObject({ status: 403, body: { code: "upload_link_not_valid" } });
  for (const path of ["/files/uploads/..%2f..%2fetc%2fpasswd", "/files/uploads/%00", "/files/uploads/x.log"])
    expect((await put(`${path}?${own.toString()}`, "x")).status).toBe(400);
  expect((await put(first.path, "one\n")).status).toBe(201);
  expect(await put(first.path, "two\n")).toMatchObject({ status: 409, body: { code: "upload_link_used" } });
  expect((await readLog(first.id)).body).toBe("one\n");
  kitchen.clock.forward(900_000);
  expect(await put(second.path, "late")).toMatchObject({ status: 403, body: { code: "upload_link_expired" } });
  await kitchen.slices.service.diagnosis.tick();
  expect((await diagnosisOf(second.caseId)).state).toBe("expired");
});

test("two at once: one is taken", async () => {
  const { path } = await askForLog("oven-2");
  const answers = await Promise.all([put(path, "a"), put(path, "b"), put(path, "c")]);
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 409)).toHaveLength(2);
});

test("what is too long is refused where it says so, and cut where it does not", async () => {
  const declared = await askForLog("oven-2");
  expect((await put(declared.path, Buffer.alloc(logBytesMax + 1, "a\n"))).status).toBe(413);
  // The address was not used up by that.
  expect((await put(declared.path, "short\n")).status).toBe(201);
  const line = Buffer.from("0123456789 abcdef\n".repeat(4_000));
  async function* endless() {
    for (;;) yield line;
  }
  const streamed = await askForLog("oven-2");
  const cut = await put(streamed.path, Readable.from(endless()));
  expect(cut.body).toEqual({ bytes: expect.any(Number), isCut: true });
  expect(cut.body.bytes).toBeLessThanOrEqual(logBytesMax);
});

test("what is no log leaves nothing: another type, no gzip, no text, or broken off", async () => {
  const other = await askForLog("oven-2");
  expect((await put(other.path, "{}", "application/json")).status).toBe(415);
  expect(await put(other.path, Buffer.from([1, 2, 0, 3]))).toMatchObject({
    status: 422,
    body: { code: "upload_not_text" },
  });
  expect(await diagnosisOf(other.caseId)).toMatchObject({ state: "failed", reason: "upload_not_text" });
  const packed = await askForLog("oven-2");
  expect(await put(packed.path, "no gzip", "application/gzip")).toMatchObject({ body: { code: "upload_not_gzip" } });
  const broken = await askForLog("oven-2");
  const base = await kitchen.app.listen({ port: 0, host: "127.0.0.1" });
  const socket = connect(Number(new URL(base).port), "127.0.0.1");
  const becomes = (state: string) =>
    comesTrue(async () => expect((await diagnosisOf(broken.caseId)).state).toBe(state));
  try {
    socket.write(
      `PUT ${broken.path} HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\nhalf`,
    );
    await becomes("receiving");
  } finally {
    // Whatever was found: an upload that goes on would be in the way of the tests that follow.
    socket.destroy();
  }
  await becomes("failed");
  expect((await put(broken.path, "again")).body.code).toBe("upload_link_used");
  const refused = [other.id, packed.id, broken.id];
  expect((await filesOf()).filter((name) => refused.some((id) => name.startsWith(id)))).toEqual([]);
});

test("a log goes with its household, with its time, and leaves no file", async () => {
  const person = await kitchen.newOwner("oven-4");
  const theirs = await askForLog("oven-4");
  await put(theirs.path, "theirs\n");
  const waiting = await askForLog("oven-4");
  expect((await kitchen.call(person.key, "POST", "/my/devices/oven-4/hand-over")).status).toBe(204);
  expect((await readLog(theirs.id)).body.code).toBe("no_log");
  expect((await put(waiting.path, "too late\n")).body.code).toBe("upload_link_used");
  const old = await askForLog("oven-4", waiting.caseId);
  await put(old.path, "old\n");
  await kitchen.slices.service.diagnosis.tick();
  expect(await filesOf()).not.toContain(`${theirs.id}.log`);
  expect(await filesOf()).toContain(`${old.id}.log`);
  kitchen.clock.forward(31 * 86_400_000);
  await kitchen.slices.service.diagnosis.tick();
  expect(await filesOf()).toEqual([]);
  expect(await diagnosisOf(waiting.caseId)).toMatchObject({ state: "removed", log: null, result: null });
});
