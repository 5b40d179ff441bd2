import { Readable } from "node:stream";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { csrOf, type Factory, openFactory, system } from "../../test/support/factory.ts";

let factory: Factory;
beforeAll(async () => {
  factory = await openFactory({ importLimits: { linesPerChunk: 4, errorsMax: 5, linesMax: 1_000, bytesMax: 200_000 } });
  await factory.devices.addModel("hob");
  await factory.batch("b1", []);
  await factory.batch("b2", []);
  await factory.provisioning.batches.create(system, { key: "h1", model: "hob", quota: 1 });
});
afterAll(() => factory.close());

const serialsLike = async (pattern: string) => {
  const { rows } = await sql<{ serial: string }>`
    SELECT serial FROM manufactured_serial WHERE serial LIKE ${pattern} ORDER BY serial`.execute(factory.base.db);
  return rows.map(({ serial }) => serial);
};

test("a table is imported, and the same table again changes nothing", async () => {
  const table = `serial,model,batch\n${Array.from({ length: 10 }, (_, at) => `a-${at},oven,b1\n`).join("")}`;
  const report = { kind: "imported", errors: [], errorsMore: 0 };
  expect(await factory.importText(table)).toEqual({ ...report, imported: 10, unchanged: 0 });
  const lines = (await factory.staff.audit.verify(factory.base.db)).lines;
  expect(await factory.importText(table, 7)).toEqual({ ...report, imported: 0, unchanged: 10 });
  expect((await factory.staff.audit.verify(factory.base.db)).lines).toBe(lines);
  expect(await serialsLike("a-%")).toHaveLength(10);
});

test("each wrong line is named with its field, and the right ones are stored", async () => {
  const table = [
    "serial,model,batch",
    "b-1,oven,b1",
    "b 2,oven,b1",
    ".b3,oven,b1",
    "b-4,Oven,b1",
    "b-5,oven,device",
    "",
    "b-6,oven,b1",
  ].join("\n");
  expect(await factory.importText(table)).toEqual({
    kind: "imported",
    imported: 2,
    unchanged: 0,
    errors: [
      { line: 3, field: "serial", message: expect.stringContaining("must be 1-64 characters") },
      { line: 4, field: "serial", message: expect.stringContaining("must be 1-64 characters") },
      { line: 5, field: "model", message: expect.stringContaining("must be 1-64 characters") },
      { line: 6, field: "batch", message: "must not be 'device'" },
    ],
    errorsMore: 0,
  });
  expect(await serialsLike("b%")).toEqual(["b-1", "b-6"]);
});

test("an appliance has the country and the tags that its factory wrote down, from its enrolment on", async () => {
  const table = [
    "tags;serial;model;batch;country",
    "internal  ring-0 internal;l-1;oven;b1;DE",
    ";l-2;oven;b1;",
    "Internal;l-3;oven;b1;DE",
    "x;l-4;oven;b1;Germany",
    `${Array.from({ length: 21 }, (_, at) => `t${at}`).join(" ")};l-5;oven;b1;SE`,
  ].join("\n");
  expect(await factory.importText(table)).toMatchObject({
    imported: 2,
    errors: [
      { line: 4, field: "tags", message: expect.stringContaining("must be 1-32 characters") },
      { line: 5, field: "country", message: expect.any(String) },
      { line: 6, field: "tags", message: expect.any(String) },
    ],
  });
  for (const serial of ["l-1", "l-2"])
    expect(await factory.claim("b1", serial, await csrOf(serial))).toMatchObject({ kind: "issued" });
  expect(await factory.devices.get("l-1")).toMatchObject({ country: "DE", tags: ["internal", "ring-0"] });
  expect(await factory.devices.get("l-2")).toMatchObject({ country: null, tags: [] });
  expect(await factory.provisioning.serial("l-1")).toMatchObject({ country: "DE", tags: ["internal", "ring-0"] });
  for (const header of ["serial,model,batch,tags,tags", "serial,model,country", "serial,model,batch,colour"])
    expect(await factory.importText(`${header}\n`)).toMatchObject({ rule: "csv_header_wrong" });
});

test("a serial number of another batch or model is a wrong line, whether it came before or comes in the same table", async () => {
  await factory.importText("serial,model,batch\nc-1,oven,b1\n");
  const table = [
    "serial,model,batch",
    "c-1,oven,b2",
    "c-2,hob,b1",
    "c-3,oven,b9",
    "c-4,oven,b1",
    "c-4,oven,b1",
    "c-4,oven,b2",
  ].join("\r\n");
  const outcome = await factory.importText(table);
  expect(outcome).toMatchObject({ imported: 1, unchanged: 1, errorsMore: 0 });
  expect(outcome.kind === "imported" && outcome.errors).toEqual([
    { line: 2, field: "batch", message: "the serial number is of batch b1 already" },
    { line: 3, field: "model", message: "batch b1 is of model oven" },
    { line: 4, field: "batch", message: "there is no batch b9" },
    { line: 7, field: "batch", message: expect.stringContaining("batch b1") },
  ]);
});

test("quotes, semicolons, a byte order mark and columns in another order are understood; what does not fit is told", async () => {
  const table = `\uFEFFBatch;"serial" ; Model\r\nb1;"d-1";oven\r\nb1;d-2";oven\r\nb1;d-3\r\nb1;d-4;oven;x\r\n b1 ; d-5 ; oven`;
  expect(await factory.importText(table, 3)).toEqual({
    kind: "imported",
    imported: 2,
    unchanged: 0,
    errors: [
      { line: 3, field: "line", message: "has quotes that do not fit together" },
      { line: 4, field: "line", message: "has 2 fields in place of 3" },
      { line: 5, field: "line", message: "has 4 fields in place of 3" },
    ],
    errorsMore: 0,
  });
  expect(await serialsLike("d-%")).toEqual(["d-1", "d-5"]);
});

test("a forgotten quote and a line without an end spoil themselves and nothing behind them", async () => {
  const table = `serial,model,batch\n"e-1,oven,b1\n${"x".repeat(600)}\n\0\ne-2,oven,b1\n`;
  const outcome = await factory.importText(table);
  expect(outcome).toMatchObject({ imported: 1 });
  expect(outcome.kind === "imported" && outcome.errors.map(({ line, field }) => [line, field])).toEqual([
    [2, "line"],
    [3, "line"],
    [4, "line"],
  ]);
});

test("so many wrong lines are told in full, and the rest is counted", async () => {
  const table = `serial,model,batch\n${"!,oven,b1\n".repeat(20)}f-1,oven,b1\n`;
  const outcome = await factory.importText(table);
  expect(outcome).toMatchObject({ imported: 1, errorsMore: 15 });
  expect(outcome.kind === "imported" && outcome.errors.map(({ line }) => line)).toEqual([2, 3, 4, 5, 6]);
});

test.each([
  "",
  "\n",
  "serial,model\n",
  "serial,model,batch,colour\n",
  "serial,serial,batch\n",
  "a-1,oven,b1\n",
  "x".repeat(600),
])("a table that begins with %j has no header that is known", async (table) => {
  expect(await factory.importText(table)).toMatchObject({ kind: "refused", rule: "csv_header_wrong" });
});

test("a table over the bounds is imported as far as they go, and the answer says how far", async () => {
  const lines = Array.from({ length: 1_100 }, (_, at) => `g-${String(at).padStart(4, "0")},oven,b1\n`);
  const long = `serial,model,batch\n${lines.join("")}`;
  expect(await factory.importText(long)).toMatchObject({
    rule: "import_too_large",
    detail: expect.stringContaining("Imported before that: 999"),
  });
  expect(await serialsLike("g-%")).toHaveLength(999);
  const wide = `serial,model,batch\ng-x,oven,b1\n${"y".repeat(300_000)}`;
  expect(await factory.importText(wide, 10_000)).toMatchObject({ rule: "import_too_large" });
  expect(await serialsLike("g-x")).toEqual(["g-x"]);
});

test("one import runs at a time, is read no faster than it is stored, and one that breaks ends its turn", async () => {
  let pulled = 0;
  const endless = new Readable({
    highWaterMark: 64,
    read() {
      pulled += 1;
      if (pulled > 20) this.destroy(new Error("the line broke"));
      else this.push(pulled === 1 ? "serial,model,batch\n" : `i-${pulled},oven,b1\n`);
    },
  });
  const running = factory.provisioning.imports.run(system, endless);
  expect(await factory.importText("serial,model,batch\n")).toMatchObject({ rule: "import_running" });
  await expect(running).rejects.toThrow("the line broke");
  expect((await serialsLike("i-%")).length % 4).toBe(0);
  expect(await factory.importText("serial,model,batch\n")).toMatchObject({ kind: "imported", imported: 0 });
});
