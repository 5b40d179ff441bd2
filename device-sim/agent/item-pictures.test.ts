import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ContentItem, contentItem } from "#protocol/content.ts";
import { DeviceVoice } from "../device-voice.ts";
import { systemTimers } from "../platform/timers.ts";
import { eventually, ManualClock } from "../testing/parts.ts";
import { ItemPictures } from "./item-pictures.ts";
import { transferLimits } from "./rate-watch.ts";

const whole = Buffer.from(Array.from({ length: 5_000 }, (_, at) => at % 251));
const changed = Buffer.from(whole);
changed[4_321] = (whole[4_321] ?? 0) ^ 1;
const served: Record<string, Buffer> = {
  "/whole": whole,
  "/changed": changed,
  "/longer": Buffer.concat([whole, Buffer.of(0)]),
  "/shorter": whole.subarray(1),
};
/** How often each was asked for. */
const asked: string[] = [];
let isAway = false;
const server = createServer((request, response) => {
  const path = request.url ?? "";
  asked.push(path);
  const bytes = isAway ? undefined : served[path];
  response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
});
let base = "";
beforeAll(async () => {
  await new Promise<void>((done) => {
    server.listen(0, "127.0.0.1", done);
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

const recipe = (path: string, href = base + path): ContentItem =>
  contentItem.parse({
    kind: "recipe",
    id: path.slice(1),
    version: 1,
    locale: "de",
    title: "Plum cake",
    steps: [{ text: "Bake." }],
    image: {
      href,
      sha256: createHash("sha256").update(whole).digest("hex"),
      sizeBytes: whole.length,
      mimeType: "image/png",
      alt: "A cake",
    },
  });

function newDisplay() {
  const voice = new DeviceVoice({ deviceId: "oven-1", clock: new ManualClock(), boots: () => 1, send() {} });
  const reach = { fetch, timers: systemTimers, allowRemote: false, limits: transferLimits };
  const pictures = new ItemPictures(reach, (what, data) => {
    voice.note(what, data);
  });
  const { counters } = pictures;
  const settled = (count: number) =>
    eventually("fetched", () => counters.fetched + counters.wrong + counters.failed === count);
  const why = () => voice.log.map((line) => line.replace(/^\S+ /, ""));
  return { pictures, settled, why };
}

/** What the log says of a picture that is left out. */
const leftOut = (itemId: string, reason: string) => `picture.left_out ${JSON.stringify({ itemId, why: reason })}`;

test("a recipe's picture is fetched by its reference, and shown where its bytes have the size and the hash that stand there", async () => {
  const { pictures, settled, why } = newDisplay();
  const items = ["/whole", "/changed", "/longer", "/shorter", "/lost"].map((path) => recipe(path));
  const elsewhere = recipe("/elsewhere", "http://maker.example/picture.png");
  pictures.want([...items, elsewhere]);
  await settled(6);
  expect([...items, elsewhere].filter((item) => pictures.has(item)).map(({ id }) => id)).toEqual(["whole"]);
  expect(pictures.counters).toEqual({ fetched: 1, wrong: 3, failed: 2 });
  // Each that is left out says so.
  expect(why()).toEqual([
    leftOut("changed", "hash"),
    leftOut("longer", "size"),
    leftOut("shorter", "size"),
    leftOut("lost", "status_404"),
    leftOut("elsewhere", "not_allowed"),
  ]);
  await pictures.stop();
});

test("a picture is fetched once, one that failed again with the next word of its feed, and what is listed no more is forgotten", async () => {
  const { pictures, settled } = newDisplay();
  const item = recipe("/whole");
  asked.length = 0;
  isAway = true;
  pictures.want([item, recipe("/changed")]);
  await settled(2);
  isAway = false;
  pictures.want([item, recipe("/changed")]);
  await settled(4);
  pictures.want([item, recipe("/changed")]);
  expect(pictures.has(item)).toBe(true);
  // Wrong bytes under the same reference stay wrong.
  expect(asked).toEqual(["/whole", "/changed", "/whole", "/changed"]);
  pictures.want([]);
  expect(pictures.has(item)).toBe(false);
  await pictures.stop();
  pictures.want([item]);
  await pictures.stop();
  expect(asked).toHaveLength(4);
});
