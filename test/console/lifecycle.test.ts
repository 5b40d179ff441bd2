/** The stages of households in a real browser, on a real service whose ovens told their past. */
import { describe, expect, test } from "vitest";
import { until } from "../support/service-process.ts";
import { desk, faultsOf, hasChromium, onStage, overflow, param, phone } from "./browse.ts";
import { setLifecycleStage } from "./lifecycle-stage.ts";

const hearth = onStage(setLifecycleStage);
const { open } = hearth;

describe.skipIf(!hasChromium)("the lifecycle in the console", () => {
  describe.each([desk, phone])("at $name", (screen) => {
    test("flows are a picture whose stages say in words where households went, for a keyboard too, and stand in a table", async () => {
      const { page, complaints, strangers } = await open(screen, "/lifecycle");
      const picture = page.getByRole("figure", { name: "Flows of 8 households between stages" });
      await picture.getByRole("button", { name: /^Engagement 3 now: / }).waitFor();
      expect(Number(await picture.locator("svg").getAttribute("data-bands"))).toBeGreaterThan(3);
      const lost = picture.getByRole("button", { name: /^Disengaged 2 now: / });
      await lost.focus();
      await page.keyboard.press("Enter");
      expect(await lost.getAttribute("aria-pressed")).toBe("true");
      await picture.getByText(/^Disengaged, now: 2 households; 2 from engagement\.$/).waitFor();
      await picture.getByText("As a table").click();
      const rows = picture.getByRole("table", { name: "Flows between stages as a table" }).locator("[data-row]");
      await rows.filter({ hasText: /Engagement[^]*Disengaged[^]*2/ }).waitFor();
      const counts = page.getByRole("img", { name: /^Households by stage over the period:/ });
      expect(await counts.getAttribute("data-points")).toBe("31");
      await page.getByRole("list", { name: "Households by stage" }).getByText("silent or angry").waitFor();
      await page.getByRole("table", { name: "Changes of stage" }).waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByText("7 days", { exact: true }).click();
      await until("the period lies in the address", () => param(page, "days") === "7");
      expect([complaints, strangers]).toEqual([[], []]);
    });

    test("who is at risk this week stands with the top causes, the worst first, each with its own and its page", async () => {
      const { page, complaints } = await open(screen, "/lifecycle?tab=risk");
      const causes = page.getByRole("region", { name: "Top causes" });
      await causes.getByRole("heading", { name: "2 households at risk: the top causes" }).waitFor();
      const bars = await causes.getByRole("listitem").allInnerTexts();
      expect(bars.map((bar) => bar.replaceAll(/\s+/g, " ").trim()).toSorted()).toEqual([
        "A case is open 1",
        "Bad feedback 1",
        "Several faults 1",
      ]);
      const risk = page.getByRole("region", { name: "At risk this week" });
      const rows = risk.getByRole("table", { name: "Households at risk" }).locator("[data-row]");
      expect(await rows.count()).toBe(2);
      await rows.filter({ hasText: "The displeased" }).getByText("Rated us 1 of 5").waitFor();
      await rows.filter({ hasText: "The faulty" }).getByText("2 faults within 30 days: E-17, E-18").waitFor();
      const { body } = await hearth.service.api("/api/v1/lifecycle/at-risk");
      const worstFirst = body.items.map(({ name }: { name: string }) => name);
      expect(await risk.getByRole("link", { name: /^The / }).allTextContents()).toEqual(worstFirst);
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await risk.getByRole("link", { name: "The displeased" }).click();
      await page.getByRole("heading", { name: "The displeased", level: 1 }).waitFor();
      expect(complaints).toEqual([]);
    });

    test("who was lost stands with the causes, and leads to the household, whose page tells every step", async () => {
      const { page, complaints } = await open(screen, "/lifecycle?tab=risk");
      const lost = page.getByRole("table", { name: "Households that were lost" });
      await lost.getByText("Rated us 1 of 5").waitFor();
      await lost.getByText(/^2 faults within 30 days: E-17, E-18$/).waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await lost.getByRole("link", { name: "The angry" }).click();
      const section = page.getByRole("region", { name: " and how it got there" });
      const steps = section.getByRole("list", { name: "Steps, the newest first" });
      await steps.getByText("Rated us 1 of 5").waitFor();
      await steps.getByText("back from engagement").waitFor();
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });

    test("another definition is tried before it is put in force, and says who would move", async () => {
      const { page, complaints } = await open(screen, "/lifecycle?tab=definition");
      const programs = page.getByLabel("Fewer programs finished than");
      await programs.fill("2");
      expect(await page.getByRole("button", { name: "Put it in force" }).isDisabled()).toBe(true);
      await page.getByRole("button", { name: "Who would move?" }).click();
      await page.getByText("1 household would move").waitFor();
      await page.getByRole("figure", { name: "Flows of 1 household between stages" }).waitFor();
      expect(await page.getByRole("button", { name: "Put it in force" }).isEnabled()).toBe(true);
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });
  });

  test("what contradicts itself is refused with the field's name, and a viewer changes nothing", async () => {
    const { page } = await open(desk, "/lifecycle?tab=definition");
    await page.getByLabel("Used within so many of its usual pauses").fill("3");
    await page.getByRole("button", { name: "Who would move?" }).click();
    await page
      .getByRole("alert")
      .getByText(/nobody is engaged and silent at once/)
      .waitFor();
    const { body } = await hearth.service.api("/api/v1/staff/keys", {
      method: "POST",
      body: { name: "v", role: "viewer" },
    });
    const viewer = await open(desk, "/lifecycle?tab=definition", body.secret);
    await viewer.page.getByLabel("Fewer programs finished than").waitFor();
    expect(await viewer.page.getByRole("button", { name: "Who would move?" }).count()).toBe(0);
  });

  test("a definition that is put in force moves households, and stands among the versions", async () => {
    const { page } = await open(desk, "/lifecycle?tab=definition");
    await page.getByLabel("Fewer programs finished than").fill("2");
    await page.getByRole("button", { name: "Who would move?" }).click();
    await page.getByText("1 household would move").waitFor();
    await page.getByRole("button", { name: "Put it in force" }).click();
    await page.getByRole("region", { name: "Versions" }).getByText("Version 2").waitFor();
    await until("it has moved", async () => {
      const { body } = await hearth.service.api(`/api/v1/households/${hearth.stage.ids.new}/lifecycle`);
      return body.stage === "engagement";
    });
    const { body } = await hearth.service.api("/api/v1/lifecycle/definition");
    expect(body).toMatchObject({ version: 2, definition: { activation: { programs: 2 } } });
  });

  test("stages that somebody else changed meanwhile are not written over unread, and nothing that was typed is lost", async () => {
    const path = "/api/v1/lifecycle/definition";
    const inForce = async () => (await hearth.service.api(path)).body;
    const { version, definition } = await inForce();
    const put = async (days: number) =>
      hearth.service.api(path, {
        method: "PUT",
        body: { basedOn: (await inForce()).version, definition: { ...definition, advocacy: { days } } },
      });
    const { page, complaints } = await open(phone, "/lifecycle?tab=definition");
    const faultDays = page.getByLabel("Within so many days of each other").first();
    const alert = page.getByRole("alert", { name: "Changed meanwhile" });
    const who = page.getByRole("button", { name: "Who would move?" });
    const force = page.getByRole("button", { name: "Put it in force" });
    await faultDays.fill("71");
    await who.click();
    await put(301);
    await force.click();
    await alert.getByText(`advocacy / days was “${definition.advocacy.days}”, and is “301”`).waitFor();
    await alert.getByText("Look at their version").click();
    expect([await faultDays.inputValue(), await force.isDisabled()]).toEqual(["71", true]);
    expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
    await alert.getByRole("button", { name: "Go on with mine" }).click();
    // Against theirs it may move others: it is looked at once more.
    await alert.waitFor({ state: "detached" });
    expect(await force.isDisabled()).toBe(true);
    await who.click();
    await force.click();
    await until("mine is in force", async () => (await inForce()).version === version + 2);
    expect((await inForce()).definition).toMatchObject({
      advocacy: { days: 301 },
      disengaged: { faultDays: 71 },
    });
    expect(await alert.count()).toBe(0);
    await faultDays.fill("72");
    await put(302);
    await who.click();
    await force.click();
    await alert.getByRole("button", { name: "Take theirs, and drop mine" }).click();
    await until("theirs is shown", async () => (await faultDays.inputValue()) !== "72");
    expect(await page.getByLabel("Within so many days", { exact: true }).inputValue()).toBe("302");
    expect(complaints.filter((one) => !one.includes("409"))).toEqual([]);
  });
});
