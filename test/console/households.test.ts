/** The list of households and a household's page, in a real browser. */
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { until } from "../support/service-process.ts";
import { desk, faultsOf, hasChromium, onStage, overflow, param, phone } from "./browse.ts";
import { setHouseholds } from "./household-stage.ts";

const hearth = onStage(async (service) => {
  const made = await service.api("/api/v1/staff/keys", { method: "POST", body: { name: "Vera", role: "viewer" } });
  return { ...(await setHouseholds(service)), viewerKey: made.body.secret as string };
});
const { open } = hearth;
const region = (page: Page, name: string) => page.getByRole("region", { name, exact: true });
const consent = (page: Page, name: string) => region(page, "Consents").getByRole("listitem", { name, exact: true });
const api = async (path: string) => (await hearth.service.api(`/api/v1${path}`)).body;

describe.skipIf(!hasChromium)("the console of households", () => {
  describe.each([desk, phone])("at $name", (screen) => {
    test("the list finds by the beginning of a name, tells prospects apart, and says so where nobody fits", async () => {
      const { page, complaints, strangers } = await open(screen, "/households");
      await page.getByRole("link", { name: "Okonkwo" }).waitFor();
      await page.getByText("none yet: a prospect").first().waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByText("Prospects", { exact: true }).click();
      await until(
        "only prospects are listed",
        async () => (await page.getByRole("link", { name: "Okonkwo" }).count()) === 0,
      );
      await page.getByRole("link", { name: "Visitor 4711" }).waitFor();
      expect(param(page, "kind")).toBe("prospect");
      await page.getByRole("searchbox").fill("ngozi");
      await page.getByRole("heading", { name: "No household fits" }).waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("button", { name: "Show all households" }).click();
      await page.getByRole("searchbox").fill("ngozi@");
      await page.getByRole("link", { name: "Okonkwo" }).click();
      await page.getByRole("heading", { name: "Okonkwo" }).waitFor();
      expect([complaints, strangers]).toEqual([[], []]);
    });

    test("the page shows what a household has, who they are, what they agreed to and did, in one place and one order", async () => {
      const { page, complaints } = await open(screen, `/households/${hearth.stage.familyId}`);
      await region(page, "Appliances").getByRole("link", { name: "oven-7001" }).waitFor();
      await region(page, "People").getByText("ngozi@okonkwo.example").waitFor();
      await region(page, "Cases").getByRole("link", { name: "The door light flickers" }).waitFor();
      const facts = region(page, "Facts from outside");
      const bought = facts.getByRole("listitem").filter({ hasText: "An order" });
      await bought.getByText("order 2026-118").waitFor();
      await bought.getByText("the shop").waitFor();
      await facts.getByText("A search for recipes", { exact: true }).waitFor();
      // A type of the maker's own has no words.
      await facts.getByText("warranty.registered", { exact: true }).waitFor();
      await region(page, "How to reach them").getByText("21:00 to 07:30, what comes meanwhile waits").waitFor();
      await region(page, "How to reach them").getByText("appliance display, then e-mail").waitFor();
      await region(page, "How to reach them").getByText("none chosen").waitFor();
      await consent(page, "Choose recipes and tips for them").getByText("agreed", { exact: true }).waitFor();
      await consent(page, "Make the product better").getByText("not asked yet").waitFor();
      await consent(page, "Choose recipes and tips for them").getByText("1 receipt").click();
      await consent(page, "Choose recipes and tips for them").getByText("Sie dürfen nutzen, was ich koche").waitFor();
      await consent(page, "Choose recipes and tips for them").getByText("Evidence: Call 2026-1107").waitFor();
      const timeline = region(page, "Timeline");
      await timeline.getByText("An order (the shop)").waitFor();
      await timeline.getByText("Agreed: Choose recipes and tips for them").waitFor();
      await timeline.getByRole("button", { name: "Consent" }).click();
      await until(
        "only consents are shown",
        async () => (await timeline.getByText("An order (the shop)").count()) === 0,
      );
      await timeline.getByText("Agreed: Choose recipes and tips for them").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      expect(complaints).toEqual([]);
    });

    test("a withdrawal is entered with what shows it, and without that the form says what is missing", async () => {
      const { page, complaints } = await open(screen, `/households/${hearth.stage.familyId}`);
      const title = "Share with Green Energy";
      await consent(page, title).getByRole("button", { name: "They agree…" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByText("Sie dürfen Green Energy sagen, wann ich koche.").waitFor();
      await dialog.getByRole("button", { name: "They agreed" }).click();
      await dialog.getByText("without it nobody can show it later").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await dialog.getByRole("textbox", { name: "Where can that be read or heard?" }).fill("Form 77");
      await dialog.getByRole("combobox").selectOption("letter");
      await dialog.getByRole("button", { name: "They agreed" }).click();
      await consent(page, title).getByText("agreed", { exact: true }).waitFor();
      await consent(page, title).getByRole("button", { name: "Withdraw…" }).click();
      await dialog.getByRole("textbox", { name: "Where can that be read or heard?" }).fill("Call 78");
      await dialog.getByRole("button", { name: "They withdrew" }).click();
      await consent(page, title).getByText("withdrawn", { exact: true }).waitFor();
      const { receipts } = await api(`/households/${hearth.stage.familyId}/consents`);
      expect(receipts[0]).toMatchObject({ decision: "withdrawn", channel: "phone", evidence: "Call 78" });
      expect(receipts[1]).toMatchObject({
        decision: "given",
        channel: "letter",
        evidence: "Form 77",
        textLocale: "de",
      });
      expect(complaints).toEqual([]);
    });

    test("how they are reached is changed: the order of channels, quiet hours, and at most so many a week", async () => {
      const { page } = await open(screen, `/households/${hearth.stage.prospectId}`);
      await region(page, "How to reach them").getByRole("button", { name: "Change…" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("combobox", { name: "First on" }).selectOption("email");
      await dialog.getByRole("checkbox").check();
      await dialog.getByRole("textbox", { name: "Offers and news, at most so many a week" }).fill("x");
      await dialog.getByText("A whole number from 0 to 100").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      const perWeek = screen === desk ? "1" : "3";
      await dialog.getByRole("textbox", { name: "Offers and news, at most so many a week" }).fill(perWeek);
      await dialog.getByRole("button", { name: "Save" }).click();
      await region(page, "How to reach them").getByText(`at most ${perWeek} a week`).waitFor();
      const { channels } = await api(`/households/${hearth.stage.prospectId}`);
      expect(channels).toMatchObject({
        quiet: { fromMinute: 1_260, toMinute: 480, meanwhile: "hold" },
        perWeekMax: Number(perWeek),
      });
      expect(channels.order[0]).toBe("email");
    });

    test("a prospect is joined to a household with a reason, both pages say so, and it is taken back with one", async () => {
      const { page, complaints } = await open(screen, `/households/${hearth.stage.familyId}`);
      await region(page, "Who they are to others").getByRole("button", { name: "Join a prospect…" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("combobox", { name: "Prospect" }).selectOption(hearth.stage.prospectId);
      await dialog.getByRole("textbox", { name: "How do you know?" }).fill("They called and named the order");
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await dialog.getByRole("button", { name: "Join them" }).click();
      const merges = region(page, "Who they are to others").getByRole("list", { name: "Merges" }).getByRole("listitem");
      await merges.getByText("Said by staff: They called and named the order").first().waitFor();
      await region(page, "Facts from outside").getByText("sku OX-200").waitFor();
      await merges.getByRole("link", { name: "a prospect" }).first().click();
      await page.getByText("These people are part of").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("link", { name: "another household" }).first().click();
      await merges.getByRole("button", { name: "Undo…" }).click();
      await dialog.getByRole("textbox", { name: "Why?" }).fill(`Another Okonkwo, seen at ${screen.name}`);
      await dialog.getByRole("button", { name: "Undo the merge" }).click();
      await merges.getByText(`Another Okonkwo, seen at ${screen.name}`).waitFor();
      expect((await api(`/households/${hearth.stage.prospectId}`)).mergedInto).toBeNull();
      expect(complaints).toEqual([]);
    });
  });

  test.each([desk, phone])(
    "the words of a purpose have a next version, and another language, at $name",
    async (screen) => {
      const { page, complaints } = await open(screen, "/consents");
      const text = page.getByRole("listitem", { name: "Make the product better in en" });
      await text.getByText(/^version \d+,/).waitFor();
      await text.getByRole("button", { name: "Next version…" }).click();
      const dialog = page.getByRole("dialog");
      const words = `May we count your pizzas at ${screen.name}?`;
      await dialog.getByRole("textbox", { name: "What they agree to" }).fill(words);
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await dialog.getByRole("button", { name: "Put into force" }).click();
      await text.getByText(words).waitFor();
      await page.getByRole("button", { name: "Another text" }).click();
      await dialog.getByRole("textbox", { name: "Language" }).fill("french");
      await dialog.getByRole("textbox", { name: "What they agree to" }).fill("Vous pouvez compter mes pizzas.");
      await dialog.getByRole("textbox", { name: "What they get in return" }).fill("Le compte.");
      await dialog.getByRole("button", { name: "Put into force" }).click();
      await dialog.getByText("must be a language tag such as de or en-GB").waitFor();
      await dialog.getByRole("textbox", { name: "Language" }).fill("fr");
      await dialog.getByRole("button", { name: "Put into force" }).click();
      await page.getByRole("listitem", { name: "Make the product better in fr" }).waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      // What was refused is told in the browser's own log, and nothing else is.
      expect(complaints.filter((one) => !one.includes("400"))).toEqual([]);
    },
  );

  test("words that somebody else changed meanwhile are not written over unread, and nothing that was typed is lost", async () => {
    const { page, complaints } = await open(phone, "/consents");
    const shared = { purpose: "share", party: "green-energy", partyName: "Green Energy", locale: "de" };
    const path = "/api/v1/consents/texts";
    const put = async (words: string) =>
      (await hearth.service.api(path, { method: "PUT", body: { ...shared, words, inReturn: "Ein Tarif." } })).body;
    const { version } = await put("Vorher.");
    await page.getByText("Vorher.").waitFor();
    const text = page.getByRole("listitem").filter({ hasText: "Vorher." });
    await text.getByRole("button", { name: "Next version…" }).click();
    const dialog = page.getByRole("dialog");
    const words = dialog.getByRole("textbox", { name: "What they agree to" });
    const force = dialog.getByRole("button", { name: "Put into force" });
    await words.fill("Meines.");
    await put("Ihres.");
    await force.click();
    const alert = dialog.getByRole("alert", { name: "Changed meanwhile" });
    await alert.getByText("words was “Vorher.”, and is “Ihres.”").waitFor();
    await alert.getByText("Look at their version").click();
    expect([await words.inputValue(), await force.isDisabled()]).toEqual(["Meines.", true]);
    expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
    await alert.getByRole("button", { name: "Go on with mine" }).click();
    await force.click();
    await dialog.waitFor({ state: "hidden" });
    await page.getByText("Meines.").waitFor();
    const { items } = (await hearth.service.api(`${path}/versions?purpose=share&party=green-energy&locale=de`)).body;
    expect(items[0]).toMatchObject({ version: version + 2, words: "Meines." });
    expect(complaints.filter((one) => !one.includes("409"))).toEqual([]);
  });

  test("an objection to marketing is shown as final, and is offered to nobody of staff to take back", async () => {
    const { page } = await open(desk, `/households/${hearth.stage.prospectId}`);
    const market = consent(page, "Send offers and news");
    await market.getByRole("button", { name: "They object…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox").fill("Call 90");
    await dialog.getByRole("button", { name: "They withdrew" }).click();
    await market.getByText("objected", { exact: true }).waitFor();
    await market.getByText("only they take it back").waitFor();
    expect(await market.getByRole("button").count()).toBe(0);
  });

  test("a welcome code is shown once, to be sent to the prospect alone", async () => {
    const { page } = await open(desk, `/households/${hearth.stage.prospectId}`);
    await region(page, "Who they are to others").getByRole("button", { name: "Welcome code…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Send it to them alone.").waitFor();
    expect(await faultsOf(page)).toEqual([]);
  });

  test("a viewer reads it all and is offered nothing to change", async () => {
    const { page, complaints } = await open(desk, `/households/${hearth.stage.familyId}`, hearth.stage.viewerKey);
    await consent(page, "Send offers and news").getByText("agreed", { exact: true }).waitFor();
    const side = page.getByRole("main");
    for (const name of ["Withdraw…", "They agree…", "Change…", "Join a prospect…", "Undo…"])
      expect(await side.getByRole("button", { name }).count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test("a household that does not exist says so and what to do", async () => {
    const { page } = await open(desk, "/households/01980000-0000-7000-8000-000000000000");
    await page.getByRole("heading", { name: "There is no such household" }).waitFor();
    expect(await faultsOf(page)).toEqual([]);
  });
});
