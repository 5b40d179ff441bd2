/** Campaigns, recalls and decisions in a real browser, on a real service. */
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { until } from "../support/service-process.ts";
import { desk, faultsOf, hasChromium, onStage, overflow, phone, styleOf } from "./browse.ts";
import { setCampaignStage } from "./campaign-stage.ts";

const hearth = onStage(setCampaignStage, { leave: (stage) => stage.leave() });
const { open } = hearth;

describe.skipIf(!hasChromium)("campaigns in the console", () => {
  describe.each([desk, phone])("at $name", (screen) => {
    test("the list names every campaign with its state", async () => {
      const { page, complaints, strangers } = await open(screen, "/campaigns");
      await page.getByRole("link", { name: "Sunday roasts" }).waitFor();
      await page
        .getByRole("listitem")
        .filter({ hasText: "Monday bread" })
        .getByText("Draft", { exact: true })
        .waitFor();
      await page
        .getByRole("listitem")
        .filter({ hasText: "Door hinge" })
        .first()
        .getByText("Oven X200 by serial number")
        .waitFor();
      const policy = page.getByRole("region", { name: "What holds for every campaign" });
      await policy.getByText("At most 5 messages unseen on a display at a time.").waitFor();
      await policy.getByText("Nobody is held out, so no campaign can say what it changed.").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      expect([complaints, strangers]).toEqual([[], []]);
    });

    test("the calendar has what runs and what is planned, told apart from the items, and leads to it", async () => {
      const { page, complaints } = await open(screen, "/calendar?span=week");
      const today = page.locator("section[data-today=true]");
      const roasts = today.getByRole("link", { name: "Campaign Begins: Sunday roasts (running)", exact: true });
      await roasts.waitFor();
      await today.getByRole("link", { name: "Recall Begins: Door hinge (running)", exact: true }).waitFor();
      // An item of that day says nothing of the kind.
      const item = today.getByRole("link", { name: /^Begins: Roast on Sunday/ });
      await item.waitFor();
      const looks = await Promise.all([roasts, item].map((link) => styleOf(link, "borderTopWidth")));
      expect(looks).toEqual(["1px", "0px"]);
      expect(await page.getByText("Monday bread").count()).toBe(0);
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.goto(`${hearth.service.http}/calendar?span=week&from=${hearth.stage.plannedDate}`);
      const plum = page.getByRole("link", { name: "Campaign Begins: Plum days (approved)", exact: true });
      await plum.waitFor();
      expect(await plum.getAttribute("href")).toBe(`/campaigns/${hearth.stage.plannedId}`);
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      // A month later they end.
      const { body } = await hearth.service.api(`/api/v1/campaigns/${hearth.stage.recallId}`);
      const last = new Date(body.definition.expiresAtMs).toISOString().slice(0, 10);
      await page.goto(`${hearth.service.http}/calendar?from=${last}`);
      await page.getByRole("link", { name: "Campaign Ends: Plum days (approved)", exact: true }).waitFor();
      await page.getByRole("link", { name: "Recall Ends: Door hinge (running)", exact: true }).click();
      await page.getByRole("heading", { name: "Door hinge", level: 1 }).waitFor();
      expect(complaints).toEqual([]);
    });

    test("a campaign that runs shows its funnel, who was left out and why, and the effect against the hold-out", async () => {
      const { page, complaints } = await open(screen, `/campaigns/${hearth.stage.campaignId}`);
      const funnel = page.getByRole("region", { name: "Funnel" });
      await funnel.getByRole("listitem").filter({ hasText: "To be sent" }).getByText("4", { exact: false }).waitFor();
      await funnel.getByText(/each side needs 150 households/).waitFor();
      const left = page.getByRole("region", { name: "Not sent, and why" });
      await left.getByRole("listitem").filter({ hasText: "No consent to marketing" }).getByText("2").waitFor();
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });

    test("a draft shows whom it would reach, whom it would not, and why", async () => {
      const { page, complaints } = await open(screen, `/campaigns/${hearth.stage.draftId}`);
      await page
        .getByRole("region", { name: "Estimate" })
        .getByText(/1\s*of 5 households would get it at once,\s*3\s*later/)
        .waitFor();
      await page.getByRole("region", { name: "Would not, and why" }).getByText("No consent to marketing").waitFor();
      await page.getByRole("region", { name: "Plan" }).getByText("A finished program within 7 days").waitFor();
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });

    test("a recall stands household by household, and its unreachable go out as a file", async () => {
      const { page, complaints } = await open(screen, `/campaigns/${hearth.stage.recallId}`);
      await page
        .getByRole("region", { name: "Plan" })
        .getByText(/^Oven X200, oven-/)
        .waitFor();
      const region = page.getByRole("region", { name: "Households of the recall" });
      await region.getByRole("table").getByText("oven-3").waitFor();
      await region.getByRole("table").getByRole("link", { name: "Household 3" }).waitFor();
      const [file] = await Promise.all([
        page.waitForEvent("download"),
        region.getByRole("button", { name: "Export the unreachable for letters" }).click(),
      ]);
      expect(file.suggestedFilename()).toMatch(/^recall-.*-letters\.csv$/);
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });

    test("a recall that one of two ovens acknowledged says so", async () => {
      const { page, complaints } = await open(screen, `/campaigns/${hearth.stage.halfRecallId}`);
      const table = page.getByRole("region", { name: "Households of the recall" }).getByRole("table");
      await table.getByText("Acknowledged 1 of 2").waitFor();
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });

    test("whom nothing but a person reaches is on a list of its own, page by page, and goes out as a file", async () => {
      const { page, complaints } = await open(screen, `/campaigns/${hearth.stage.personId}`);
      const region = page.getByRole("region", { name: "For a person to tell" });
      const homes = region.getByRole("table").getByRole("link");
      await region.getByText("Clean the filter of your dishwasher").first().waitFor();
      await region.getByText("Nothing but a person reaches 28 households. There is a case for each as well.").waitFor();
      expect(await homes.count()).toBe(25);
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      const [file] = await Promise.all([
        page.waitForEvent("download"),
        region.getByRole("button", { name: "Export them" }).click(),
      ]);
      expect(file.suggestedFilename()).toBe(`campaign-${hearth.stage.personId}-people.csv`);
      expect((await readFile(await file.path(), "utf8")).match(/Household of fan-\d\d/g)).toHaveLength(28);
      await region.getByRole("button", { name: "Next" }).click();
      await until("the last three are there", async () => (await homes.count()) === 3);
      await region.getByRole("button", { name: "First page" }).click();
      await until("the first are there again", async () => (await homes.count()) === 25);
      await region.getByRole("link", { name: "Household of fan-" }).first().click();
      const told = page.getByRole("region", { name: "Decisions" }).getByRole("listitem", { name: "Clean the filter" });
      await told.getByText("A person", { exact: true }).waitFor();
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });

    test("a household's page says what it got and why it did not get the rest, test by test", async () => {
      const { page, complaints } = await open(screen, `/households/${hearth.stage.silentId}`);
      const section = page.getByRole("region", { name: "Decisions" });
      const decision = section.getByRole("listitem", { name: hearth.stage.itemTitle });
      await decision.getByText("Not sent: the household did not agree to marketing.").waitFor();
      await decision.getByText("How it was decided").click();
      await decision.getByRole("listitem").filter({ hasText: "Consent" }).getByText("stops it").waitFor();
      await section.getByLabel("Why did they get it, or why not?").selectOption({ label: hearth.stage.itemTitle });
      await section.getByRole("button", { name: "Explain" }).click();
      await section.getByText("Decided again from what is stored with it: the same.").waitFor();
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });

    test("a campaign is written with its estimate beside it, and its own author is told that somebody else approves", async () => {
      const { page, complaints } = await open(screen, "/campaigns/new");
      await page.getByLabel("Name").fill(`Written at ${screen.name}`);
      await page.getByLabel("Segment", { exact: true }).selectOption({ label: "Quiet for three weeks" });
      await page.getByLabel("For", { exact: true }).selectOption("serials");
      await page.getByLabel("Model").selectOption("oven-x200");
      await page.getByLabel("First serial number").fill("oven-1");
      await page.getByLabel("Last serial number").fill("oven-2");
      await page.getByLabel(/^Roast on Sunday/).check();
      await page.getByLabel("Goal").selectOption({ label: "Something else" });
      await page.getByLabel("Type of the event or fact").fill("warranty.registered");
      await page
        .getByRole("region", { name: "Estimate" })
        .getByText(/of 2 households/)
        .waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByLabel("Goal").selectOption({ label: "An order" });
      expect(await page.getByLabel("Type of the event or fact").count()).toBe(0);
      await page.getByRole("button", { name: "Save the draft" }).click();
      await page.getByRole("heading", { name: `Written at ${screen.name}` }).waitFor();
      await page.getByRole("region", { name: "Plan" }).getByText("An order within 7 days").waitFor();
      await page.getByRole("button", { name: "Approve" }).click();
      await page.getByText(/second person/).waitFor();
      // The console writes a refusal of the service to the browser's log.
      expect(complaints.filter((line) => !line.includes("409"))).toEqual([]);
    });

    test("a draft that somebody else changed meanwhile is not written over unread, and nothing that was typed is lost", async () => {
      const api = (path: string, init?: object) => hearth.service.api(path, init);
      const path = `/api/v1/campaigns/${hearth.stage.sharedId}`;
      const { name: begun, ...rest } = (await api(path)).body.definition;
      const theirs = (name: string) => api(path, { method: "PUT", body: { ...rest, name, priority: 7 } });
      await api(path, { method: "PUT", body: { ...rest, name: begun, priority: 5 } });
      const { page, complaints } = await open(screen, `/campaigns/new?draft=${hearth.stage.sharedId}`);
      const name = page.getByLabel("Name");
      const save = page.getByRole("button", { name: "Save the draft" });
      await name.fill("Mine");
      await theirs("Theirs");
      await save.click();
      const alert = page.getByRole("alert", { name: "Changed meanwhile" });
      await alert.getByText(`name was “${begun}”, and is “Theirs”`).waitFor();
      await alert.getByText("priority was “5”, and is “7”").waitFor();
      await alert.getByText("Look at their version").click();
      await alert.getByRole("definition").getByText("Theirs", { exact: true }).waitFor();
      expect([await name.inputValue(), await save.isDisabled()]).toEqual(["Mine", true]);
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await alert.getByRole("button", { name: "Take theirs, and drop mine" }).click();
      await alert.waitFor({ state: "detached" });
      expect(await name.inputValue()).toBe("Theirs");
      await name.fill("Mine again");
      await theirs("Theirs again");
      await save.click();
      await alert.getByRole("button", { name: "Go on with mine" }).click();
      await save.click();
      await page.getByRole("heading", { name: "Mine again" }).waitFor();
      expect((await api(path)).body.definition.name).toBe("Mine again");
      expect(complaints.filter((line) => !line.includes("409"))).toEqual([]);
    });
  });
});
