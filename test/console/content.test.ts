/** The library, the editor and the calendar in a real browser, on a real service. */
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { desk, faultsOf, hasChromium, onStage, overflow, param, phone, type Screen, styleOf } from "./browse.ts";
import { setContent } from "./content-stage.ts";

const hearth = onStage(setContent);
const open = (screen: Screen, path: string, key = hearth.stage.mara) => hearth.open(screen, path, key);

const rest = (text: string) => ({ kind: "tip", topics: ["baking"], locales: { en: { title: "Rest", text } } });
const dialog = (page: Page) => page.getByRole("dialog");

describe.skipIf(!hasChromium)("content in the console", () => {
  for (const screen of [desk, phone]) {
    test(`every page of content has nothing that axe finds, and fits ${screen.name}`, async () => {
      const paths: [string, string][] = [
        ["/content", "Apple pie"],
        ["/content?q=nothing", "Nothing matches"],
        [`/content/${hearth.stage.pie}`, "Steam oven S80 goes up to 230 °C"],
        [`/content/${hearth.stage.pie}?tab=versions`, "What changed"],
        ["/content/new?kind=offer", "What is granted"],
        ["/calendar", "Begins: Five minutes early"],
        ["/calendar?span=week", "Days are those of"],
      ];
      const { page, complaints, strangers } = await open(screen, paths[0]?.[0] ?? "/");
      for (const [path, words] of paths) {
        await page.goto(hearth.service.http + path);
        await page.getByText(words).first().waitFor();
        expect([path, await faultsOf(page), await overflow(page)]).toEqual([path, [], 0]);
      }
      expect([complaints, strangers]).toEqual([[], []]);
    });
  }

  test("the library is filtered by state, and the filter is in the address", async () => {
    const { page } = await open(desk, "/content");
    await page.getByLabel("State").selectOption("scheduled");
    await page.getByText("Apple pie").waitFor({ state: "detached" });
    expect(param(page, "state")).toBe("scheduled");
    await page.getByText("Five minutes early").waitFor();
    expect(await page.getByRole("list", { name: "Library" }).getByRole("listitem").count()).toBe(1);
  });

  test("a step that is too hot is marked where it stands, and the display shows what is typed, in the reader's units", async () => {
    const { page } = await open(desk, `/content/${hearth.stage.pie}`);
    const wrong = page.getByRole("list", { name: "What is wrong with step 2" });
    await wrong.waitFor();
    expect(await wrong.textContent()).toBe("Steam oven S80 goes up to 230 °C");
    expect(await page.getByRole("region", { name: "Safety limits" }).textContent()).toContain("cannot do step 2");
    await page.getByLabel("Title").fill("Plum cake");
    await page.getByLabel("Temperature, °C").fill("200");
    await wrong.waitFor({ state: "detached" });
    const display = page.locator("[data-preview]");
    expect(await display.textContent()).toContain("Plum cake");
    expect((await display.textContent())?.replaceAll("\u00A0", " ")).toContain("Hot air, 200 °C, 45 min");
    await page.getByText("°F", { exact: true }).click();
    expect((await display.textContent())?.replaceAll("\u00A0", " ")).toContain("Hot air, 390 °F, 45 min");
  });

  test("the display wears the colours of the model that it is seen on", async () => {
    const models = "/api/v1/models/oven-s80";
    const { body: model } = await hearth.service.api(models);
    const colours = { accent: "#0f766e", ink: "#10211f", paper: "#f0fdfa" };
    const branding = { name: "Nordlicht", colours };
    await hearth.service.api(models, { method: "PUT", body: { ...model, version: model.version + 1, branding } });
    const { page } = await open(phone, `/content/${hearth.stage.pie}`);
    const display = page.locator("[data-preview]");
    const worn = async (brand: string) => {
      const [name, machine] = [display.getByText(brand, { exact: true }), display.getByText(/^Hot air/)];
      await name.waitFor();
      return Promise.all([
        styleOf(display, "backgroundColor"),
        styleOf(display, "color"),
        styleOf(name, "color"),
        styleOf(machine, "color"),
      ]);
    };
    await page.getByLabel("As seen on").selectOption("oven-s80");
    const accent = "rgb(15, 118, 110)";
    expect(await worn("Nordlicht")).toEqual(["rgb(240, 253, 250)", "rgb(16, 33, 31)", accent, accent]);
    expect([await faultsOf(page), await overflow(page)]).toEqual([[], 0]);
    await page.getByLabel("As seen on").selectOption("oven-x200");
    const { body: other } = await hearth.service.api("/api/v1/models/oven-x200");
    const plain = "rgb(154, 52, 18)";
    expect(await worn(other.brand)).toEqual(["rgb(255, 255, 255)", "rgb(28, 25, 23)", plain, plain]);
  });

  test("versions are compared word by word", async () => {
    const { page } = await open(desk, `/content/${hearth.stage.pie}?tab=versions`);
    const changed = page.getByRole("region", { name: "What changed" });
    await changed.locator("ins").first().waitFor();
    expect(await changed.locator("del").allTextContents()).toEqual(["180", "180"]);
    expect(await changed.locator("ins").allTextContents()).toEqual(["hot ", "250", "250"]);
  });

  test("an item goes from import over review by somebody else to the feed; its author cannot approve it", async () => {
    const { page } = await open(desk, "/content");
    await page.getByRole("button", { name: "Import a recipe…" }).click();
    const recipe = {
      "@context": "https://schema.org",
      "@type": "Recipe",
      name: "Grandma&#39;s bread",
      inLanguage: "de",
      image: "https://bread.example/bread.jpg",
      author: { "@type": "Person", name: "Grandma" },
      recipeIngredient: ["500 g flour"],
      recipeInstructions: [{ "@type": "HowToStep", text: "<b>Knead</b> and bake at 220 °C." }],
    };
    await page.getByLabel("JSON-LD").fill("{");
    await page.getByRole("button", { name: "Read it" }).click();
    await dialog(page).getByText("That is no recipe of schema.org").waitFor();
    await page.getByLabel("JSON-LD").fill(JSON.stringify(recipe));
    await page.getByRole("button", { name: "Read it" }).click();
    await page.getByRole("heading", { name: "New recipe" }).waitFor();
    expect(await page.getByLabel("What to do in step 1").inputValue()).toBe("Knead and bake at {{220 °C}}.");
    await page.getByText("Not taken along, since a recipe here has no place for it: author, image.").waitFor();
    expect([await faultsOf(page), await overflow(page)]).toEqual([[], 0]);
    await page.getByRole("button", { name: "Save as a draft" }).click();
    await page.getByRole("heading", { name: "Grandma's bread" }).waitFor();
    await page.getByRole("button", { name: "Hand in for review…" }).click();
    await dialog(page).getByRole("button", { name: "Hand in" }).click();
    await dialog(page).waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Review…", exact: true }).click();
    await dialog(page).getByRole("button", { name: "Approve" }).click();
    await dialog(page).getByText("Who wrote it cannot approve it").waitFor();

    const { pathname } = new URL(page.url());
    const second = await open(phone, pathname, hearth.stage.jonas);
    await second.page.getByRole("button", { name: "Review…", exact: true }).click();
    await dialog(second.page).getByRole("button", { name: "Approve" }).click();
    await second.page.getByRole("button", { name: "Schedule…" }).click();
    await dialog(second.page).getByLabel("Oven X200").check();
    expect([await faultsOf(second.page), await overflow(second.page)]).toEqual([[], 0]);
    await dialog(second.page).getByRole("button", { name: "Publish now" }).click();
    await second.page.getByText("On the feed of oven-x200").waitFor();
  });

  test("what an import left out is named on a phone, whatever it is called", async () => {
    const { page } = await open(phone, "/content");
    await page.getByRole("button", { name: "Import a recipe…" }).click();
    const long = "aggregateRatingOfEverybodyWhoEverCookedItAndOfThoseWhoOnlyLookedAtItForAWhile";
    const recipe = {
      "@context": "https://schema.org",
      "@type": "Recipe",
      name: "Rye bread",
      inLanguage: "en",
      image: "https://bread.example/rye.jpg",
      [long]: 4,
      recipeIngredient: ["500 g rye"],
      recipeInstructions: [{ "@type": "HowToStep", text: "Bake at 220 °C." }],
    };
    await page.getByLabel("JSON-LD").fill(JSON.stringify(recipe));
    await page.getByRole("button", { name: "Read it" }).click();
    await page.getByText(`Not taken along, since a recipe here has no place for it: ${long}, image.`).waitFor();
    expect([await faultsOf(page), await overflow(page)]).toEqual([[], 0]);
  });

  test("a draft goes to the test appliance of whoever writes it", async () => {
    const { page } = await open(desk, `/content/${hearth.stage.pie}`);
    await page.getByRole("button", { name: "Send to my test device…" }).click();
    await dialog(page).getByLabel("Appliance to add").fill("desk-oven");
    await dialog(page).getByRole("button", { name: "Add" }).click();
    await dialog(page).getByRole("button", { name: "Take desk-oven off the list" }).waitFor();
    await dialog(page).getByRole("button", { name: "Send", exact: true }).click();
    await dialog(page).getByText("Sent to 1 appliance.").waitFor();
    const { body } = await hearth.service.api("/api/v1/deliveries?device=desk-oven");
    expect(body.items).toMatchObject([{ kind: "recipe", label: "Apple pie" }]);
  });

  test("what is live is given its end while the next version is a draft, and the draft stays one", async () => {
    const { page } = await open(phone, `/content/${hearth.stage.pie}`);
    await page.getByRole("button", { name: "Time of version 1…" }).click();
    await dialog(page).getByText("Version 1, live. What is still written, version 2, stays as it is.").waitFor();
    expect(await dialog(page).getByLabel("Oven X200").isChecked()).toBe(true);
    await dialog(page).getByLabel("Until").fill("2099-12-01T18:00");
    expect([await faultsOf(page), await overflow(page)]).toEqual([[], 0]);
    await dialog(page).getByRole("button", { name: "Publish now" }).click();
    await page.getByText("Version 1 is live until 2099-12-01 18:00").waitFor();
    await page.getByText("Version 2: draft").waitFor();
  });

  test("who lowers a model's limit is told which live recipes that takes off its feed, before it is saved and after", async () => {
    for (const screen of [desk, phone]) {
      const { page, complaints } = await hearth.open(screen, "/models?model=oven-s80");
      const limits = page.getByRole("region", { name: "Limits" });
      await limits.getByText("Every live recipe that is meant for its feed is on it").waitFor();
      await limits.getByRole("button", { name: "Change limits…" }).click();
      await dialog(page).getByLabel("Hottest, °C").fill("170");
      await dialog(page).getByRole("button", { name: "See what changes" }).click();
      await dialog(page).getByText("1 live recipe would leave its feed").waitFor();
      await dialog(page).getByText("Steam oven S80 goes up to 170 °C").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      // Another number has to be looked at anew.
      await dialog(page).getByLabel("Hottest, °C").fill("160");
      await dialog(page).getByText("Steam oven S80 goes up to 170 °C").waitFor({ state: "detached" });
      await dialog(page).getByRole("button", { name: "See what changes" }).click();
      await dialog(page)
        .getByRole("button", { name: /^Save version/ })
        .click();
      await limits.getByText("1 live recipe kept off its feed by these limits:").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await limits.getByRole("link", { name: "Apple pie" }).click();
      await page.getByText("Kept off the feed of oven-s80 by its limits").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.goto(`${hearth.service.http}/models?model=oven-s80`);
      await limits.getByRole("button", { name: "Change limits…" }).click();
      await dialog(page).getByLabel("Hottest, °C").fill("230");
      await dialog(page).getByRole("button", { name: "See what changes" }).click();
      await dialog(page).getByText("1 live recipe would come back to its feed:").waitFor();
      await dialog(page)
        .getByRole("button", { name: /^Save version/ })
        .click();
      await limits.getByText("Every live recipe that is meant for its feed is on it").waitFor();
      expect(complaints).toEqual([]);
    }
  });

  test("who may only look sees the library and the display, and nothing to change", async () => {
    const made = await hearth.service.api("/api/v1/staff/keys", {
      method: "POST",
      body: { name: "looker", role: "viewer" },
    });
    const { page } = await open(desk, `/content/${hearth.stage.pie}`, made.body.secret);
    await page.locator("[data-preview]").getByText("Apple pie").waitFor();
    expect(await page.getByRole("button", { name: /Hand in|Save|Withdraw|Send to/ }).count()).toBe(0);
    expect(await page.getByLabel("Title").isDisabled()).toBe(true);
  });

  for (const screen of [desk, phone]) {
    test(`whose item somebody else saved meanwhile reads what they changed, and loses nothing typed, at ${screen.name}`, async () => {
      const put = (id: string, text: string) =>
        hearth.service.api(`/api/v1/content/items/${id}`, { method: "PUT", body: rest(text) });
      const made = await hearth.service.api("/api/v1/content/items", { method: "POST", body: rest("As it was") });
      const { id } = made.body;
      const { page, complaints } = await open(screen, `/content/${id}`);
      const text = page.getByRole("textbox", { name: "Text", exact: true });
      const topics = page.getByRole("textbox", { name: "Topics" });
      await text.fill("Mine");
      await put(id, "Theirs");
      await page.getByRole("button", { name: "Save as version 2" }).click();
      const alert = page.getByRole("alert", { name: "Changed meanwhile" });
      await alert.getByText("locales / en / text was “As it was”, and is “Theirs”").waitFor();
      await alert.getByText("Look at their version").click();
      await alert.locator("[data-preview]").getByText("Theirs").waitFor();
      expect([await text.inputValue(), await overflow(page), await faultsOf(page)]).toEqual(["Mine", 0, []]);
      await alert.getByRole("button", { name: "Go on with mine" }).click();
      await page.getByRole("button", { name: "Save as version 3" }).click();
      // What one saved oneself is nobody else's.
      await page.getByText("Version 3: draft").waitFor();
      expect([await alert.count(), await text.inputValue()]).toEqual([0, "Mine"]);
      await topics.fill("resting");
      await put(id, "Theirs again");
      await page.getByRole("button", { name: "Save as version 4" }).click();
      await alert.getByRole("button", { name: "Take theirs, and drop mine" }).click();
      expect([await text.inputValue(), await topics.inputValue()]).toEqual(["Theirs again", "baking"]);
      expect((await hearth.service.api(`/api/v1/content/items/${id}`)).body).toMatchObject({ version: 4 });
      expect(complaints.filter((one) => !one.includes("409"))).toEqual([]);
    });
  }

  test("what is typed and not saved is there after a look at the versions", async () => {
    const made = await hearth.service.api("/api/v1/content/items", { method: "POST", body: rest("As it was") });
    const { page, complaints } = await open(desk, `/content/${made.body.id}`);
    const text = page.getByRole("textbox", { name: "Text", exact: true });
    await text.fill("Not saved yet");
    await page.getByRole("link", { name: "Versions (1)" }).click();
    await text.waitFor({ state: "hidden" });
    await page.getByRole("link", { name: "Text", exact: true }).click();
    await text.waitFor();
    expect(await text.inputValue()).toBe("Not saved yet");
    await page.getByRole("button", { name: "Save as version 2" }).click();
    await page.getByText("Version 2: draft").waitFor();
    expect(complaints).toEqual([]);
  });
});
