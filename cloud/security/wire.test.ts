import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { CloudMessage } from "#protocol/link/messages.ts";
import type { WirePacket } from "#protocol/link/wire.ts";
import { readStream } from "../../test/support/server-sent.ts";
import { until } from "../../test/support/service-process.ts";
import { createSliceHttp } from "../../test/support/slice-http.ts";
import type { Principal } from "../staff/staff.ts";
import { wireRoutes } from "./wire-routes.ts";
import { WireStreams } from "./wire-streams.ts";

const oven = { key: 1, id: "oven-1", model: "oven", householdId: null, householdSinceMs: null };
const packet = (id: string, over: Partial<WirePacket> = {}): WirePacket => ({
  id,
  atMs: 1,
  count: 1,
  direction: "in",
  type: "puback",
  size: 4,
  messageId: 1,
  publish: null,
  filters: [],
  codes: [],
  connect: null,
  reasons: [],
  ...over,
});

let app: FastifyInstance;
let wires: WireStreams;
let nowMs = 0;
let address = "";
const said: CloudMessage[] = [];
const opened: [Principal, string][] = [];

beforeEach(async () => {
  nowMs = 1_000_000;
  said.length = 0;
  opened.length = 0;
  wires = new WireStreams({
    clock: { nowMs: () => nowMs },
    send: (message) => said.push(message),
    limits: { streamsMax: 2, lifeMsMax: 100_000 },
  });
  app = await createSliceHttp((server) =>
    wireRoutes(server, {
      wires,
      findDevices: async ([id]) => new Map(id?.startsWith("oven") ? [[id, { ...oven, id }]] : []),
      opened: async (by, id) => void opened.push([by, id]),
    }),
  );
  address = await app.listen({ port: 0, host: "127.0.0.1" });
});
afterEach(async () => {
  await wires.stop();
  await app.close();
});

interface Told {
  event: string;
  data: { packets: (WirePacket & { sentence: string | null })[]; sentence: string | null };
}

/** Reads a device's wire until it is called off. */
const watch = (id: string, role = "support") => readStream<Told>(`${address}/api/v1/devices/${id}/wire`, role);

test("who may watches a snapshot and then what comes, each refusal with its sentence, and it is on record who looked", async () => {
  const reader = await watch("oven-1");
  expect(reader.status).toBe(200);
  expect(opened).toEqual([[expect.objectContaining({ kind: "staff", role: "support" }), "oven-1"]]);
  expect(said).toEqual([{ kind: "watch", name: "oven-1", on: true }]);
  wires.receive({
    kind: "wire",
    name: "oven-1",
    whole: true,
    packets: [
      packet("r1", { type: "connack", direction: "out", codes: [5], reasons: ["wrong_token"] }),
      packet("p1", { type: "closed", direction: "none", reasons: ["publish_refused", "not_allowed"] }),
      packet("p2", { type: "closed", direction: "none", reasons: ["lost"] }),
    ],
  });
  wires.receive({ kind: "wire", name: "oven-2", whole: false, packets: [packet("p9")] });
  wires.receive({ kind: "wire", name: "oven-1", whole: false, packets: [packet("p3")] });
  await until("both are told", () => reader.told.length === 2);
  const [first, second] = reader.told;
  expect([first?.event, first?.data.sentence]).toEqual(["snapshot", null]);
  expect(first?.data.packets.map(({ sentence }) => sentence)).toEqual([
    "Refused: the token does not fit, or its grace is over.",
    "It published where it may not: not one of its own topics.",
    "The line was lost.",
  ]);
  expect([second?.event, second?.data.packets.map(({ id }) => id)]).toEqual(["packets", ["p3"]]);
  await reader.leave();
  await until("the gateway hears that nobody watches", () => said.length === 2);
  expect(said[1]).toEqual({ kind: "watch", name: "oven-1", on: false });
});

test("an appliance that no gateway has seen is an empty snapshot and a sentence, also where no gateway answers", async () => {
  const unseen = await watch("oven-1");
  wires.receive({ kind: "wire", name: "oven-1", whole: true, packets: [] });
  const unanswered = await watch("oven-2");
  nowMs += 3_000;
  await until("both are told", () => unseen.told.length === 1 && unanswered.told.length === 1);
  expect(unseen.told[0]).toEqual({
    event: "snapshot",
    data: { packets: [], sentence: "Nothing has been seen of this appliance since its gateway started." },
  });
  expect(unanswered.told[0]?.data).toEqual({
    packets: [],
    sentence: "No gateway answers at the moment. What it sees shows here as soon as one does.",
  });
  said.length = 0;
  wires.gatewayCame();
  expect(said.map((message) => message.kind === "watch" && message.name)).toEqual(["oven-1", "oven-2"]);
  await Promise.all([unseen.leave(), unanswered.leave()]);
});

test("two who watch one appliance are told the same, and the gateway stops when the last is gone", async () => {
  const readers = [await watch("oven-1"), await watch("oven-1", "admin")];
  expect((await watch("oven-1")).status).toBe(503);
  wires.receive({ kind: "wire", name: "oven-1", whole: false, packets: [packet("p1")] });
  for (const reader of readers) await until("it is told", () => reader.told.length === 1);
  said.length = 0;
  await readers[0]?.leave();
  await until("one is gone", () => wires.count === 1);
  expect(said).toEqual([]);
  await readers[1]?.leave();
  await until("both are gone", () => wires.count === 0);
  expect(said).toEqual([{ kind: "watch", name: "oven-1", on: false }]);
});

test("a stream ends after its time, so that a key that was revoked sees no further", async () => {
  const reader = await watch("oven-1");
  nowMs += 100_001;
  await until("it has ended", () => reader.hasEnded());
  expect(wires.count).toBe(0);
});

test("only support and admin may watch, and nobody an appliance that is not there", async () => {
  for (const role of ["viewer", "content", "release"]) expect((await watch("oven-1", role)).status).toBe(403);
  expect((await watch("nobody")).status).toBe(404);
  expect([opened, said]).toEqual([[], []]);
});
