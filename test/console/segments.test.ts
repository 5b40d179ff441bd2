/** Segments in a real browser, on a real service whose households look at prices. */
import { describe, expect, test } from "vitest";
import { type RunningService, until } from "../support/service-process.ts";
import { desk, faultsOf, hasChromium, onStage, overflow, phone } from "./browse.ts";

const hearth = onStage(prospects);
const { open } = hearth;
const poster = (service: RunningService) => (path: string, body: unknown) =>
  service.api(`/api/v1${path}`, { method: "POST", body });

/** Twelve prospects, of whom four looked at a price lately and agreed that it may be used. */
async function prospects(service: RunningService): Promise<void> {
  const post = poster(service);
  for (let at = 0; at < 12; at += 1) {
    const name = `${["Berg", "Huber", "Lind"][at % 3]} ${at + 1}`;
    const { body } = await post("/households", {
      name,
      locale: at % 2 === 0 ? "de-DE" : "sv-SE",
      timeZone: "Europe/Berlin",
    });
    if (at >= 4) continue;
    await post(`/households/${body.id}/consents`, agreement);
    await post("/facts", {
      facts: [{ source: "web", id: `check-${at}`, type: "price.checked", atMs: Date.now(), householdId: body.id }],
    });
  }
  await until("the segments of the beginning are filled", async () => {
    const { body } = await service.api("/api/v1/segments");
    return (body.items as { isFilling: boolean }[]).every(({ isFilling }) => !isFilling);
  });
}

const agreement = { purpose: "personalise", locale: "en", version: 1, channel: "phone", evidence: "Call 12" };

describe.skipIf(!hasChromium)("segments in the console", () => {
  describe.each([desk, phone])("at $name", (screen) => {
    test("the list says how many are in each segment, and a segment says who they are", async () => {
      const { page, complaints, strangers } = await open(screen, "/segments");
      await page
        .getByRole("row", { name: /Looking at prices/ })
        .getByText("4", { exact: true })
        .waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("link", { name: "Looking at prices" }).click();
      const members = page.getByRole("table", { name: "Members" });
      await members.getByRole("link", { name: "Berg 1" }).waitFor();
      expect(await members.getByRole("link").count()).toBe(4);
      await page.getByRole("region", { name: "Whom it means now" }).getByText("of 12 households").waitFor();
      expect([await overflow(page), await faultsOf(page), complaints, strangers]).toEqual([0, [], [], []]);
      await members.getByRole("link", { name: "Berg 1" }).click();
      const ofHousehold = page.getByRole("region", { name: "Segments" });
      await ofHousehold.getByRole("link", { name: "Looking at prices" }).waitFor();
      await ofHousehold.getByText("What segments see of them").click();
      const seen = ofHousehold.getByRole("listitem").filter({ hasText: "Number of prices looked at: 1" });
      await seen.getByText("price_checks", { exact: true }).waitFor();
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });

    test("a segment is written from facts that are chosen, shows whom it means while it is written, and where it is wrong", async () => {
      const { page, complaints } = await open(screen, "/segments");
      await page.getByRole("link", { name: "New segment" }).click();
      const condition = page.getByRole("textbox", { name: "Condition" });
      await page.getByText("Customer", { exact: true }).click();
      await page.getByRole("button", { name: "language", exact: true }).click();
      await condition.fill('language == "sv" && colour == "red"');
      await page.getByText(/There is no fact colour/).waitFor();
      expect(await page.locator("mark").textContent()).toBe("colour");
      expect(await page.getByRole("button", { name: "Save the segment" }).isDisabled()).toBe(true);
      await condition.fill('language == "sv"');
      const means = page.getByRole("region", { name: "Whom it means now" });
      await means.getByText("6", { exact: true }).waitFor();
      // Those of the sample come in no order.
      const huber = means.getByRole("listitem").filter({ has: page.getByText("Huber 2", { exact: true }) });
      await huber.getByText("Huber 2").click();
      await huber.getByText("met", { exact: true }).waitFor();
      await huber.getByText("Its language is “Swedish”.").waitFor();
      await huber.getByText("Language: Swedish").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("textbox", { name: "Name" }).first().fill(`Swedes at ${screen.name}`);
      await page.getByRole("button", { name: "Save the segment" }).click();
      await page.getByRole("heading", { level: 1, name: `Swedes at ${screen.name}` }).waitFor();
      await page.getByRole("table", { name: "Members" }).getByRole("link", { name: "Huber 2" }).waitFor();
      // Whose writer said nothing of it reads in the list whom it means.
      await page.getByRole("link", { name: "Segments", exact: true }).first().click();
      const row = page.getByRole("row", { name: new RegExp(`Swedes at ${screen.name}`) });
      await row.getByText("Its language is “Swedish”.").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      expect(complaints).toEqual([]);
    });

    test("a household is tried, and the page says which condition it does not meet and which fact is missing", async () => {
      const { page, complaints } = await open(screen, "/segments/looking-at-prices");
      const trying = page.getByRole("region", { name: "Try a household" });
      await trying.getByRole("searchbox").fill("Lind 12");
      await trying.getByRole("button", { name: "Lind 12" }).click();
      await trying.getByText("Lind 12 is not meant").waitFor();
      await trying.getByText("Missing: Number of days since it last looked at a price").waitFor();
      await trying.getByText(/: no consent/).waitFor();
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });
  });

  test("a segment that somebody else changed meanwhile is not written over unread, and nothing that was written is lost", async () => {
    const path = "/api/v1/segments/two-at-once";
    const put = (title: string) =>
      hearth.service.api(path, { method: "PUT", body: { title, description: "", expression: "has_probe" } });
    await put("Two at once");
    const { page, complaints } = await open(desk, "/segments/two-at-once");
    const name = page.getByRole("textbox", { name: "Name" }).first();
    await name.fill("Mine");
    await put("Theirs");
    await page.getByRole("button", { name: "Save the changes" }).click();
    const alert = page.getByRole("alert", { name: "Changed meanwhile" });
    await alert.getByText("title was “Two at once”, and is “Theirs”").waitFor();
    expect([await name.inputValue(), await overflow(page), await faultsOf(page)]).toEqual(["Mine", 0, []]);
    await alert.getByRole("button", { name: "Go on with mine" }).click();
    await page.getByRole("button", { name: "Save the changes" }).click();
    await page.getByRole("heading", { level: 1, name: "Mine" }).waitFor();
    expect((await hearth.service.api(path)).body).toMatchObject({ title: "Mine", version: 3 });
    expect(complaints.filter((one) => !one.includes("409"))).toEqual([]);
  });

  test("who may only read sees the condition and tries households, and is offered nothing to change", async () => {
    const { body } = await poster(hearth.service)("/staff/keys", { name: "reader", role: "viewer" });
    const { page, complaints } = await open(desk, "/segments/top-cooks", body.secret as string);
    const condition = page.getByRole("region", { name: "Condition" });
    await condition.getByText("The number of programs finished in the last 30 days is at least 12.").waitFor();
    await condition.getByText("programs_30d >= 12", { exact: true }).waitFor();
    expect(await page.getByRole("button", { name: "Delete" }).count()).toBe(0);
    expect(await page.getByRole("textbox", { name: "Condition" }).count()).toBe(0);
    expect([await faultsOf(page), complaints]).toEqual([[], []]);
  });
});
