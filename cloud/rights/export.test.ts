import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { Readable } from "node:stream";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { extract } from "tar-stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { comesTrue } from "../../test/support/comes-true.ts";
import { SetClock } from "../../test/support/down-road.ts";
import { Kitchen } from "../../test/support/kitchen.ts";
import type { HouseholdData } from "../platform/household-data.ts";
import { csvOf } from "./core/csv.ts";
import { exportArchive } from "./export-archive.ts";

let kitchen: Kitchen;
beforeAll(async () => {
  kitchen = await Kitchen.open({ clock: new SetClock() });
  const { status } = await kitchen.as("admin", "PUT", "/models/oven", {
    ...model,
    version: 2,
    metrics: [
      { name: "cavity_c", unit: "°C", label: "Cavity", min: 0, max: 300, everyMs: 10_000 },
      { name: "door_open", kind: "flag", personal: true },
    ],
  });
  if (status !== 200) throw new Error("the model was not changed");
});
afterAll(() => kitchen.close());

const model = {
  key: "oven",
  brand: "B",
  name: "Oven",
  kind: "oven",
  hardwareIds: ["h1"],
  locales: ["en"],
  capabilities: { programs: ["HotAir"] },
};

async function filesOf(archive: Buffer): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const reader = extract();
  reader.on("entry", ({ name }, stream, next) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk) => {
      if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    });
    stream.on("end", () => {
      files.set(name, Buffer.concat(chunks).toString("utf8"));
      next();
    });
  });
  Readable.from([gunzipSync(archive)]).pipe(reader);
  await once(reader, "finish");
  return files;
}

async function exported(path: string, key: string): Promise<{ status: number; files: Map<string, string> }> {
  const response = await kitchen.app.inject({
    url: `/api/v1${path}`,
    headers: { authorization: `Bearer ${key}` },
  });
  return {
    status: response.statusCode,
    files: response.statusCode === 200 ? await filesOf(response.rawPayload) : new Map(),
  };
}

test("the owner takes everything along: every reading, event, word and member, apart from what was computed, with a sheet of what it is", async () => {
  await kitchen.ovens("mine-1", "gone-1");
  const owner = await kitchen.newOwner("mine-1", "=Ada");
  await kitchen.call(owner.key, "POST", "/my/pair", { code: await kitchen.showCode("gone-1") });
  kitchen.clock.forward(1_000);
  for (const device of ["mine-1", "gone-1"]) {
    await kitchen.say({ device, channel: "telemetry", payload: { m: { cavity_c: 181.25, door_open: false } } });
    await kitchen.event(device, "program.finished", { program: "HotAir" });
  }
  await kitchen.call(owner.key, "POST", "/my/devices/mine-1/help", { text: "It beeps" });
  await kitchen.call(owner.key, "PUT", "/my/topics", { topics: ["rye", "bread"] });
  kitchen.clock.forward(1_000);
  await kitchen.call(owner.key, "POST", "/my/devices/gone-1/hand-over");
  kitchen.clock.forward(600_000);
  const next = await kitchen.newOwner("gone-1", "Next");
  await kitchen.say({ device: "gone-1", channel: "telemetry", payload: { m: { cavity_c: 66.5 } } });

  const { files } = await exported("/my/export", owner.key);
  const read = (name: string) => JSON.parse(files.get(name) ?? "null");
  const readings = read("said/readings.json") as { deviceId: string; cavity_c: number; door_open: boolean }[];
  // What it said while it was theirs, and nothing of what it says to the next.
  expect(readings.map(({ deviceId, cavity_c: c, door_open: open }) => `${deviceId} ${c} ${open}`).toSorted()).toEqual([
    "gone-1 181.25 false",
    "mine-1 181.25 false",
  ]);
  const types = (read("said/appliance_events.json") as { type: string }[]).map(({ type }) => type);
  expect(types.filter((type) => type === "program.finished")).toHaveLength(2);
  expect(files.get("said/case_lines.json")).toContain("It beeps");
  expect(read("said/members.json")).toMatchObject([{ name: "=Ada", role: "owner" }]);
  expect(read("said/chosen_topics.json")).toMatchObject([{ topic: "bread" }, { topic: "rye" }]);
  expect(read("derived/profile.json")).toMatchObject([{ appliances: 1 }]);
  const counts = read("contents.json").rows as Record<string, number>;
  expect(counts).toMatchObject({ "said/readings": 2, "said/members": 1 });
  expect([...files.keys()].filter((name) => name.startsWith("derived/")).length).toBeGreaterThan(1);

  const sheet = read("data-sheet.json");
  expect(sheet.appliances).toHaveLength(1);
  expect(sheet.appliances[0].readings.metrics).toEqual([
    expect.objectContaining({
      name: "cavity_c",
      type: "number",
      unit: "°C",
      max: 300,
      everyMs: 10_000,
      perRunningDayMax: 8_640,
      aboutPeople: false,
    }),
    expect.objectContaining({ name: "door_open", type: "boolean", aboutPeople: true }),
  ]);
  const described = [...sheet.said, ...sheet.derived].map(({ name }: { name: string }) => name);
  expect(described.toSorted()).toEqual(
    Object.keys(counts)
      .map((name) => name.split("/")[1] ?? "")
      .toSorted(),
  );
  expect(JSON.stringify(sheet)).toMatch(/howToEraseIt.*DELETE \/api\/v1\/my\/household/);

  const csv = (await exported("/my/export?format=csv", owner.key)).files;
  expect(csv.get("said/readings.csv")).toMatch(/^deviceId,atMs,clockSuspect,cavity_c,door_open\r\n/);
  // What a spreadsheet would run is only shown.
  expect(csv.get("said/members.csv")).toContain(",'=Ada,");
  expect((await exported("/my/export", next.key)).files.get("said/readings.json")).toContain("66.5");
});

test("what the logs say that its appliances sent is in it, line by line, and nothing of another household's", async () => {
  await kitchen.ovens("logs-1", "logs-2");
  const [owner, other] = [await kitchen.newOwner("logs-1"), await kitchen.newOwner("logs-2")];
  for (const [device, log] of [
    ["logs-1", 'boot\npsk=correct horse battery\nfault code=E07, "hot"\n'],
    ["logs-2", "somebody else's\n"],
  ] as const) {
    const opened = { deviceId: device, severity: "service", cause: `odd_${device.at(-1)}`, title: "Odd" };
    const { id } = (await kitchen.as("support", "POST", "/cases", opened)).body;
    await kitchen.as("support", "POST", `/cases/${id}/diagnoses`, { kind: "send_log" });
    const asked = { deviceId: device, kind: "command" as const, phase: null, beforeId: null, limit: 1 };
    const [command] = await kitchen.slices.deliveries.list(asked);
    const found = await kitchen.slices.deliveries.get(command?.id ?? "");
    if (found === null) throw new Error("the log was not asked for");
    const told = kitchen.slices.service.diagnosis.renderBody({ ...found.delivery, body: found.body });
    const { upload } = told["args"] as { upload: { href: string } };
    const { pathname, search } = new URL(upload.href);
    const headers = { "content-type": "text/plain" };
    const sent = await kitchen.app.inject({ method: "PUT", url: pathname + search, headers, payload: log });
    expect(sent.statusCode).toBeLessThan(300);
  }
  const { files } = await exported("/my/export", owner.key);
  const lines = JSON.parse(files.get("said/logs.json") ?? "null") as { deviceId: string; line: number; text: string }[];
  expect(lines.map(({ deviceId, line }) => `${deviceId} ${line}`)).toEqual(["logs-1 1", "logs-1 2", "logs-1 3"]);
  expect(lines[2]?.text).toBe('fault code=E07, "hot"');
  expect(JSON.stringify(lines)).not.toContain("correct horse");
  const csv = (await exported("/my/export?format=csv", owner.key)).files;
  expect(csv.get("said/logs.csv")).toContain('"fault code=E07, ""hot"""');
  expect((await exported("/my/export", other.key)).files.get("said/logs.json")).toContain("somebody else's");
});

test("a member may not take it along; staff may when asked, and that they did is on record", async () => {
  await kitchen.ovens("asked-1");
  const owner = await kitchen.newOwner("asked-1");
  const member = await kitchen.newMember(owner);
  expect((await exported("/my/export", member.key)).status).toBe(403);
  expect((await exported(`/households/${owner.householdId}/export`, kitchen.staffKey("viewer"))).status).toBe(403);
  const { status, files } = await exported(`/households/${owner.householdId}/export`, kitchen.staffKey("support"));
  expect([status, files.has("said/household.json")]).toEqual([200, true]);
  const { body } = await kitchen.as("admin", "GET", `/audit?subject=household:${owner.householdId}`);
  expect((body.items as { action: string }[])[0]?.action).toBe("household.exported");
  const nobody = await exported("/households/01980000-0000-7000-8000-000000000000/export", kitchen.staffKey("support"));
  expect(nobody.status).toBe(404);
});

test("it streams: a long history comes in several parts, and no faster than it is read", async () => {
  let read = 0;
  const ended = Promise.withResolvers<void>();
  const endless: HouseholdData = {
    name: "readings",
    describes: "Many",
    async *rows() {
      try {
        for (; read < 200_000; read += 1) yield { at: read, what: randomUUID() };
      } finally {
        ended.resolve();
      }
    },
    erase: async () => 0,
  };
  const errors: unknown[] = [];
  const archive = () =>
    exportArchive({
      db: kitchen.base.db,
      data: [endless],
      parts: ["one"],
      format: "json",
      sheet: {},
      onError: (error) => errors.push(error),
    });
  const left = archive();
  await once(left, "readable");
  await comesTrue(() => expect(read).toBeGreaterThan(0));
  left.destroy();
  await once(left, "close");
  // Whoever goes away ends the work, and it is no error.
  await ended.promise;
  expect(read).toBeLessThan(200_000);
  expect(errors).toEqual([]);

  read = 150_000;
  const chunks: Buffer[] = [];
  for await (const chunk of archive()) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  const files = await filesOf(Buffer.concat(chunks));
  const parts = [...files.keys()].filter((name) => name.startsWith("said/"));
  expect(parts).toEqual(["said/readings.json", "said/readings-2.json", "said/readings-3.json"]);
  const rows = parts.flatMap((name) => JSON.parse(files.get(name) ?? "[]") as object[]);
  expect(rows).toHaveLength(50_000);
  expect(JSON.parse(files.get("contents.json") ?? "{}")).toEqual({ rows: { "said/readings": 50_000 } });
});

test("the sheet of a model says before anybody buys one which data it makes", async () => {
  const { status, body } = await kitchen.as("viewer", "GET", "/models/oven/data-sheet");
  expect(status).toBe(200);
  expect(body).toMatchObject({
    model: "oven",
    readings: { realTime: true, metrics: [{ name: "cavity_c" }, { name: "door_open" }] },
  });
  expect((await kitchen.as("viewer", "GET", "/models/nothing/data-sheet")).status).toBe(404);
});

test("how long it is kept is said as it is set here, and where InfluxDB keeps the readings, that it does", async () => {
  const [day, year] = [86_400_000, 365 * 86_400_000];
  const retention = { readingsMs: 30 * day, minutesMs: 45 * day, hoursMs: year, daysMs: 2 * year, eventsMs: 60 * day };
  const influx = { url: "http://127.0.0.1:9", token: undefined, org: "o", bucket: "b", writePath: "/write" };
  for (const [options, readings] of [
    [{ retention }, "30 days; averages of minutes 45 days, of hours a year, of days 2 years"],
    [{ retention, influx }, "as long as the maker's InfluxDB is set to keep them"],
  ] as const) {
    const other = await Kitchen.open(options);
    try {
      await other.ovens("set-1");
      const { key } = await other.newOwner("set-1");
      const { body: sheet } = await other.call(key, "GET", "/my/data-sheet");
      const said = (sheet.said as { name: string; kept: string }[]).filter(({ name }) =>
        ["readings", "appliance_events"].includes(name),
      );
      expect(said.map(({ kept }) => kept)).toEqual([readings, "60 days"]);
      expect(sheet.appliances).toMatchObject([{ readings: { kept: readings }, events: { kept: "60 days" } }]);
      const { body: bought } = await other.as("viewer", "GET", "/models/oven/data-sheet");
      expect([bought.readings.kept, bought.events.kept]).toEqual([readings, "60 days"]);
    } finally {
      await other.close();
    }
  }
  const { body: usual } = await kitchen.as("viewer", "GET", "/models/oven/data-sheet");
  expect([usual.readings.kept, usual.events.kept]).toEqual([
    "90 days; averages of minutes a year, of hours 5 years, of days 10 years",
    "3 years",
  ]);
});

test("a CSV keeps every value of every row, whatever is in it", () => {
  const value = fc.oneof(fc.integer(), fc.boolean(), fc.string({ unit: "grapheme" }), fc.constant(null));
  fc.assert(
    fc.property(fc.array(fc.dictionary(fc.constantFrom("a", "b", "c"), value), { minLength: 1 }), (rows) => {
      const [header = [], ...lines] = parsed(csvOf(rows));
      expect(lines).toHaveLength(rows.length);
      for (const [at, row] of rows.entries())
        for (const [column, name] of header.entries()) {
          const wanted = row[name] === null || row[name] === undefined ? "" : String(row[name]);
          expect((lines[at]?.[column] ?? "").replace(/^'(?=[=+\-@\t\r])/, "")).toBe(wanted);
        }
    }),
  );
});

/** CSV read by RFC 4180. */
function parsed(text: string): string[][] {
  const rows: string[][] = [];
  let [row, cell, quoted]: [string[], string, boolean] = [[], "", false];
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at] ?? "";
    if (quoted && sign === '"' && text[at + 1] === '"') [cell, at] = [`${cell}"`, at + 1];
    else if (sign === '"') quoted = !quoted;
    else if (quoted) cell += sign;
    else if (sign === ",") [row, cell] = [[...row, cell], ""];
    else if (sign === "\r" && text[at + 1] === "\n") {
      rows.push([...row, cell]);
      [row, cell, at] = [[], "", at + 1];
    } else cell += sign;
  }
  return rows;
}
