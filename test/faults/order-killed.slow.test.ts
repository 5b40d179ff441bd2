/**
 * An offer redeemed at the oven, and the whole service killed with SIGKILL while the shop is called: once when the shop has the order and has
 * not answered, once when it has answered and nothing of that is written yet. Started again, the service asks under the same key.
 */
import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { promisify } from "node:util";
import mqtt from "mqtt";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { registerOvens } from "../support/ovens.ts";
import { preparedDataDir } from "../support/prepared-data-dir.ts";
import {
  databaseOf,
  removeDataDir,
  type RunningService,
  startServiceProcess,
  stopServiceProcess,
  until,
} from "../support/service-process.ts";
import { shopSecret, TestShop } from "../support/shop.ts";

const run = promisify(execFile);
const env = { HEARTH_WEBHOOK_REACH: "loopback" };
const dayMs = 86_400_000;
/** A touch can be taken back for ten seconds, and whoever died in a call is waited for half a minute. */
const patienceMs = 180_000;

let dataDir: string;
let shop: TestShop;
let service: RunningService;

beforeAll(async () => {
  dataDir = await preparedDataDir();
  shop = await TestShop.open();
  service = await startServiceProcess({ dataDir, env });
  await put("/loyalty/shop", { url: shop.url, secret: shopSecret });
  const prices = [{ tier: null, priceMinor: 1_800, reason: "You cook with us" }];
  const filter = { title: "Water filter", article: "F-1", currency: "EUR", listPriceMinor: 2_000, floorMinor: 1_000 };
  await put("/loyalty/offers/filter", { ...filter, prices, pointsCost: 40 });
});
beforeEach(() => {
  shop.calls.length = 0;
  shop.charged.clear();
  shop.beforeAnswer = async () => {};
});
afterAll(async () => {
  await stopServiceProcess(service);
  await shop.close();
  await removeDataDir(dataDir);
});

async function put(path: string, body: object): Promise<void> {
  const { status } = await service.api(`/api/v1${path}`, { method: "PUT", body });
  expect([path, status]).toEqual([path, 200]);
}
const staff = async (path: string) => (await service.api(`/api/v1${path}`)).body;

/** Somebody pairs an oven, cooks, is made an offer and touches it. */
async function touched(oven: string): Promise<Touched> {
  const [token = ""] = await registerOvens(service, [oven]);
  const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${service.mqttPort}`, {
    clientId: oven,
    username: oven,
    password: token,
    protocolVersion: 4,
    reconnectPeriod: 0,
  });
  const say = (type: string, data: object = {}) =>
    device.publishAsync(
      `hearth/v1/devices/${oven}/events`,
      JSON.stringify({ id: randomUUID(), atMs: Date.now(), type, data }),
      { qos: 1 },
    );
  const code = createHash("sha256").update(oven).digest("hex").slice(0, 8).toUpperCase();
  await say("pairing.opened", { codeSha256: createHash("sha256").update(code).digest("hex"), validMs: 600_000 });
  await until("the cloud knows the code", async () =>
    JSON.stringify(await staff(`/devices/${oven}/timeline`)).includes("Pairing opened"),
  );
  const answer = await fetch(`${service.http}/api/v1/my/pair`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ code, name: "Ada", locale: "de", timeZone: "Europe/Berlin" }),
  });
  expect(answer.status).toBe(201);
  const householdId = ((await answer.json()) as { household: { id: string } }).household.id;
  await say("program.finished");
  await until("it has points", async () => (await staff(`/households/${householdId}/balance`)).active >= 40);
  const asked = { offer: "filter", expiresAtMs: Date.now() + dayMs };
  const made = await service.api(`/api/v1/households/${householdId}/offers`, { method: "POST", body: asked });
  const { offerId } = made.body;
  await say("offer.redeemed", { offerId });
  await device.endAsync(true);
  return { householdId, offerId };
}

async function killAndStartAgain(): Promise<void> {
  await stopServiceProcess(service, "SIGKILL");
  service = await startServiceProcess({ dataDir, env, key: service.key });
}

interface Touched {
  householdId: string;
  offerId: string;
}

/** What the shop saw and what the ledger holds, once it is redeemed. */
async function whatBecameOf({ householdId, offerId }: Touched) {
  await until(
    "it is redeemed",
    async () => {
      const { items } = await staff("/loyalty/grants");
      return items.some((one: Touched & { state: string }) => one.offerId === offerId && one.state === "redeemed");
    },
    patienceMs,
  );
  const client = await databaseOf(dataDir);
  // Points of two lots are spent in two lines.
  const spent = "SELECT sum(points)::int AS points FROM ledger_transfer WHERE cause = $1 AND kind = 'spending'";
  const { rows } = await client.query<{ points: number }>(spent, [offerId]);
  await client.end();
  const { stdout } = await run("npm", ["run", "--silent", "ledger", "--", "verify", "--json"], {
    env: { ...process.env, HEARTH_DATA_DIR: dataDir },
  });
  const { ok, broken, reserved } = JSON.parse(stdout);
  return {
    wasAskedAgain: shop.calls.length > 1,
    keys: [...new Set(shop.calls)],
    charged: [...shop.charged],
    balance: (await staff(`/households/${householdId}/balance`)).active,
    spent: rows,
    ledger: { ok, broken, reserved },
  };
}
/** Of the 60 points that a first program gives, the offer takes 40. */
const once = ({ offerId }: Touched) => ({
  wasAskedAgain: true,
  keys: [offerId],
  charged: [[offerId, 1_800]],
  balance: 20,
  spent: [{ points: 40 }],
  ledger: { ok: true, broken: [], reserved: 0 },
});

test("the service killed before the shop answered: asked again under the same key, charged once, redeemed once", async () => {
  const answers = Promise.withResolvers<void>();
  shop.beforeAnswer = () => answers.promise;
  const one = await touched("oven-killed-before");
  await until("the shop has the order", () => shop.calls.length > 0, patienceMs);
  await killAndStartAgain();
  shop.beforeAnswer = async () => {};
  answers.resolve();
  expect(await whatBecameOf(one)).toEqual(once(one));
});

test("the service killed between the shop's answer and the commit: asked again under the same key, charged once, redeemed once", async () => {
  const outside = await databaseOf(dataDir);
  // What would record the answer waits for this lock.
  shop.beforeAnswer = async () => {
    await outside.query("BEGIN");
    await outside.query("SELECT 1 FROM loyalty_grant WHERE id = $1 FOR UPDATE", [shop.calls[0]]);
  };
  const one = await touched("oven-killed-after");
  const watching = await databaseOf(dataDir);
  await until(
    "the answer waits to be written",
    async () => {
      const { rows } = await watching.query(
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%loyalty_grant%' AND pid <> pg_backend_pid()",
      );
      return rows.length > 0;
    },
    patienceMs,
  );
  await killAndStartAgain();
  shop.beforeAnswer = async () => {};
  await Promise.all([outside, watching].map((client) => client.end().catch(() => {})));
  expect(await whatBecameOf(one)).toEqual(once(one));
});
