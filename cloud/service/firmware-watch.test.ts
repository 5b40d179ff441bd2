import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kitchen } from "../../test/support/kitchen.ts";

let kitchen: Kitchen;
const day = 86_400_000;

beforeAll(async () => {
  kitchen = await Kitchen.open();
});
afterAll(() => kitchen.close());

async function fleet(model: string, size: number): Promise<string[]> {
  const ids = Array.from({ length: size }, (_, at) => `${model}-${at}`);
  await sql`INSERT INTO device (id, model, serial, created_at_ms)
    SELECT id, ${model}, id, 0 FROM unnest(${ids}::text[]) AS id`.execute(kitchen.base.database.db);
  return ids;
}

const runs = (ids: readonly string[], firmware: string) =>
  kitchen.say(...ids.map((device) => ({ device, channel: "reported" as const, payload: { state: { firmware } } })));

const faults = (ids: readonly string[], code: string) =>
  kitchen.say(
    ...ids.map((device) => ({
      device,
      channel: "events" as const,
      payload: { id: randomUUID(), type: "fault.raised", data: { code } },
    })),
  );

const incidentsOf = async (model: string) =>
  (await kitchen.as("release", "GET", `/incidents?model=${model}`)).body.items as {
    id: string;
    kind: string;
    cause: string;
    title: string;
    status: string;
    evidence: Record<string, unknown>;
  }[];

const days = async (count: number, each: (at: number) => Promise<void> = async () => {}) => {
  for (let at = 0; at < count; at += 1) {
    kitchen.clock.forward(day);
    await each(at);
    await kitchen.slices.firmwareWatch.tick();
  }
};

test("a release that brings faults opens one incident with its figures; a sound one and its fleet open none", async () => {
  const [bad, good] = [await fleet("bad", 100), await fleet("good", 100)];
  await runs([...bad, ...good], "1.0.0");
  await kitchen.slices.firmwareWatch.tick();
  await days(6, (at) => faults([bad[at]!, good[at]!], "E1"));
  await runs([...bad, ...good], "1.1.0");
  await days(6, (at) => faults([...bad.slice(at * 3, at * 3 + 3), good[50 + at]!], "E42"));
  const [incident, ...others] = (await incidentsOf("bad")).filter(({ kind }) => kind === "release");
  expect(others).toEqual([]);
  expect(incident).toMatchObject({
    cause: "firmware_regression:1.1.0",
    title: "Firmware 1.1.0 has more faults than the one before it",
    status: "open",
    evidence: {
      version: "1.1.0",
      beforeVersions: [{ version: "1.0.0", devices: 100 }],
      figures: { devices: 100, code: "E42" },
    },
  });
  expect((await incidentsOf("good")).filter(({ kind }) => kind === "release")).toEqual([]);
  const { items } = (await kitchen.as("viewer", "GET", "/service/firmware-watch")).body;
  expect(items).toMatchObject([
    { model: "bad", version: "1.1.0", verdict: "worse" },
    { model: "good", version: "1.1.0", verdict: "sound" },
  ]);
  // A tick more changes nothing.
  await kitchen.slices.firmwareWatch.tick();
  expect((await incidentsOf("bad")).filter(({ kind }) => kind === "release")).toHaveLength(1);
});

test("an incident of a release ends when its appliances have left the release", async () => {
  const ids = await fleet("mended", 100);
  await runs(ids, "2.0.0");
  await kitchen.slices.firmwareWatch.tick();
  await days(6);
  await runs(ids, "2.1.0");
  await days(6, (at) => faults(ids.slice(at * 3, at * 3 + 3), "E7"));
  expect(await incidentsOf("mended")).toMatchObject([{ status: "open" }]);
  await runs(ids, "2.1.1");
  await days(2);
  expect(await incidentsOf("mended")).toMatchObject([{ status: "resolved" }]);
});

test("what staff resolved is not brought before them again", async () => {
  const ids = await fleet("known", 100);
  await runs(ids, "3.0.0");
  await kitchen.slices.firmwareWatch.tick();
  await days(6);
  await runs(ids, "3.1.0");
  await days(6, (at) => faults(ids.slice(at * 3, at * 3 + 3), "E7"));
  const [incident] = await incidentsOf("known");
  const body = { note: "A door sensor is read more often; harmless", standing: "leave" };
  expect((await kitchen.as("support", "POST", `/incidents/${incident?.id}/resolve`, body)).status).toBe(200);
  await days(2, () => faults(ids.slice(30, 40), "E7"));
  expect(await incidentsOf("known")).toMatchObject([{ status: "resolved" }]);
});
