/** The program's page, its rules, and a household's points, in a real browser. */
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { type RunningService, until } from "../support/service-process.ts";
import { desk, faultsOf, hasChromium, onStage, overflow, phone } from "./browse.ts";

const dayMs = 86_400_000;

const hearth = onStage(setProgram);
const { open } = hearth;
const region = (page: Page, name: string) => page.getByRole("region", { name, exact: true });

async function made(service: RunningService, method: string, path: string, body: object) {
  const answer = await service.api(`/api/v1${path}`, { method, body });
  if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** A household that checked prices, told what it thinks, ordered, and was made an offer that it took. */
async function setProgram(service: RunningService): Promise<{ householdId: string; viewerKey: string }> {
  const home = { name: "Lindqvist", locale: "en", timeZone: "Europe/Stockholm" };
  const { id } = await made(service, "POST", "/households", home);
  const nowMs = Date.now();
  await made(service, "PUT", "/loyalty/rewards/apron", {
    title: "Linen apron",
    pointsCost: 200,
    stock: 12,
    tier: "silver",
  });
  await made(service, "PUT", "/loyalty/offers/filter", {
    title: "Water filter",
    article: "F-1",
    currency: "EUR",
    listPriceMinor: 2_400,
    floorMinor: 1_500,
    prices: [{ tier: null, priceMinor: 1_900, reason: "You descale in time" }],
  });
  const { offerId } = await made(service, "POST", `/households/${id}/offers`, {
    offer: "filter",
    expiresAtMs: nowMs + 30 * dayMs,
  });
  const fact = (at: number, type: string, source: string, ago: number, data: object = {}) => ({
    householdId: id,
    source,
    id: `f${at}`,
    type,
    atMs: nowMs - ago,
    data,
  });
  const facts = [
    fact(1, "price.checked", "web", 3 * dayMs),
    fact(2, "feedback.given", "app", 2 * dayMs, { rating: 5 }),
    fact(3, "order.placed", "shop", dayMs, { order_id: "o-1", amount_minor: 64_900 }),
    fact(4, "offer.redeemed", "app", 1_000, { offerId }),
  ];
  const { items } = await made(service, "POST", "/facts", { facts });
  expect(items.map(({ outcome }: { outcome: string }) => outcome)).toEqual(Array(4).fill("accepted"));
  const { secret } = await made(service, "POST", "/staff/keys", { name: "Vera", role: "viewer" });
  return { householdId: id, viewerKey: secret };
}

describe.skipIf(!hasChromium)("the console of loyalty", () => {
  describe.each([desk, phone])("at $name", (screen) => {
    test("the program's page says what is owed, what earns in words, the tiers, the rewards and the offers", async () => {
      const { page, complaints, strangers } = await open(screen, "/loyalty");
      await region(page, "What the program owes").getByText("Expire within 365 days").waitFor();
      await region(page, "What earns points")
        .getByText("30 points for maintenance.done from appliance", { exact: false })
        .waitFor();
      await region(page, "Tiers").getByText("2,000 points").waitFor();
      await region(page, "Rewards").getByText("Linen apron").waitFor();
      await region(page, "Offers").getByText("You descale in time").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      expect([complaints, strangers]).toEqual([[], []]);
    });

    test("a rule is tried before it is in force, told what is wrong with it, and then put in force", async () => {
      const { page, complaints } = await open(screen, "/loyalty/rules/new");
      const key = `asked_${screen.viewport.width}`;
      const rule = {
        title: "Asked for a price",
        act: { type: "price.checked" },
        effects: [{ points: 7 }],
        limit: { kind: "none" },
      };
      const text = page.getByLabel("Definition, as JSON");
      await text.fill(JSON.stringify(rule, null, 2));
      await page.getByRole("button", { name: "Try it" }).click();
      await page.getByText("The rule would mint without limit").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await text.fill(JSON.stringify({ ...rule, limit: { kind: "per", period: "day", count: 1 } }, null, 2));
      await page.getByRole("button", { name: "Try it" }).click();
      await region(page, "Dry run").getByText("7 points").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByLabel("Name of the rule").fill(key);
      await page.getByRole("button", { name: "Put it in force" }).click();
      await until("it is in force", () => new URL(page.url()).pathname === `/loyalty/rules/${key}`);
      await page.getByText("7 points for price.checked, once a day.").waitFor();
      // The 422 of the first try is the one complaint that the browser may have.
      expect(complaints.filter((line) => !line.includes("422"))).toEqual([]);
    });

    test("a household's points are read entry by entry, and an earning is taken back with a reason", async () => {
      const { page, complaints } = await open(screen, `/households/${hearth.stage.householdId}`);
      const points = region(page, "Points");
      await points.getByText("Not yet active").waitFor();
      await points.getByText("Water filter").waitFor();
      const entries = points.getByRole("list", { name: "Entries of the ledger" });
      await entries.getByText("Ordered at the shop").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      const wanted = screen.isMobile ? "Checked a price" : "Told us how it is";
      await entries
        .getByRole("listitem")
        .filter({ hasText: wanted })
        .getByRole("button", { name: "Take back" })
        .click();
      await page.getByLabel("Reason").fill("A test of the shop");
      expect(await faultsOf(page)).toEqual([]);
      await page.getByRole("button", { name: "Take them back" }).click();
      await entries.getByText("A test of the shop", { exact: false }).first().waitFor();
      await entries.getByText("taken back later", { exact: false }).first().waitFor();
      expect(complaints).toEqual([]);
    });

    test("whoever may only read sees the program and changes nothing", async () => {
      const { page } = await open(screen, "/loyalty/rules/first_cook", hearth.stage.viewerKey);
      await page.getByRole("heading", { name: "First program of the household" }).waitFor();
      expect(await page.getByRole("button", { name: /force|Try it/ }).count()).toBe(0);
      expect(await page.getByLabel("Definition, as JSON").getAttribute("readonly")).not.toBeNull();
    });
  });
});
