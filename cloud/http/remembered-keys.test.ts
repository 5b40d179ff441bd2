import { expect, test } from "vitest";
import type { Principal } from "../staff/staff.ts";
import { RememberedKeys } from "./remembered-keys.ts";

const monitor: Principal = { kind: "staff", id: "m", name: "prometheus", role: "monitor" };

/** A database that a test takes away. */
function setUp() {
  const keys = new Map<string, Principal>([["good", monitor]]);
  const database = { isAway: false };
  const remembered = new RememberedKeys(async (secret) => {
    if (database.isAway) throw new Error("connect ECONNREFUSED");
    return keys.get(secret) ?? null;
  });
  return { keys, database, ask: (secret: string) => remembered.authenticate(secret) };
}

test("a key that was good before is good while the database is away; any other has to wait for it", async () => {
  const { database, ask } = setUp();
  expect(await ask("good")).toEqual(monitor);
  expect(await ask("bad")).toBeNull();
  database.isAway = true;
  expect(await ask("good")).toEqual(monitor);
  for (const secret of ["bad", "never seen"]) await expect(ask(secret)).rejects.toMatchObject({ code: "unavailable" });
});

test("nothing is remembered against the database's word", async () => {
  const { keys, database, ask } = setUp();
  await ask("good");
  keys.delete("good");
  expect(await ask("good")).toBeNull();
  database.isAway = true;
  await expect(ask("good")).rejects.toMatchObject({ code: "unavailable" });
});

test("however many keys are used, few are remembered, the newest", async () => {
  const { keys, database, ask } = setUp();
  for (let at = 0; at < 300; at += 1) keys.set(`key-${at}`, monitor);
  for (let at = 0; at < 300; at += 1) await ask(`key-${at}`);
  database.isAway = true;
  const answers = await Promise.allSettled(Array.from({ length: 300 }, (_, at) => ask(`key-${at}`)));
  expect(answers.map(({ status }) => status === "fulfilled")).toEqual(answers.map((_, at) => at >= 200));
});
