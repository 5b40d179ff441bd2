/** What is known of causes, and the answers that are kept, in a real browser on a real service. */
import { describe, expect, test } from "vitest";
import { loadModels } from "../../device-sim/models.ts";
import type { RunningService } from "../support/service-process.ts";
import { desk, faultsOf, hasChromium, onStage, overflow, phone } from "./browse.ts";

const oven = "oven-0001";

interface Cases {
  /** Its cause has an article. */
  seal: string;
  /** About its cause nobody has written. */
  rattle: string;
}

async function asked(service: RunningService, method: string, path: string, body?: object) {
  const answer = await service.api(`/api/v1${path}`, { method, ...(body === undefined ? {} : { body }) });
  if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** An oven of a family. */
async function setCausesStage(service: RunningService): Promise<void> {
  for (const key of ["oven-x200", "oven-s80"]) await asked(service, "PUT", `/models/${key}`, loadModels().get(key));
  await asked(service, "POST", "/devices", { id: oven, model: "oven-x200" });
  const household = { name: "Huber", locale: "de-AT", timeZone: "Europe/Vienna" };
  const { id } = await asked(service, "POST", "/households", household);
  await asked(service, "PUT", `/households/${id}/devices/${oven}`);
}

const hearth = onStage(setCausesStage);
const { open } = hearth;
const api = (method: string, path: string, body?: object) => asked(hearth.service, method, path, body);
const told = (complaints: string[]) => complaints.filter((one) => !one.includes("404") && !one.includes("409"));

let opened: Promise<Cases> | undefined;

const openCase = async (title: string, cause: string): Promise<string> =>
  (await api("POST", "/cases", { deviceId: oven, severity: "service", title, cause })).id;

async function openCases(): Promise<Cases> {
  return {
    seal: await openCase("Heat at the door", "door_seal_leaking"),
    rattle: await openCase("It rattles", "fan_rattles"),
  };
}

/** Two cases that somebody opened by hand, once. */
const cases = () => (opened ??= openCases());

const articled = (title: string) => ({
  title,
  fix: "Tighten the screws of the fan.",
  part: { number: "FN-0320", name: "Fan" },
  article: { en: { title: "Your oven rattles", text: "You can go on cooking." } },
});

describe.skipIf(!hasChromium)("causes and answers in the console", () => {
  // The first, since whatever was found once stands among the causes.
  test("without causes and answers the pages say what they are for", async () => {
    const shipped: { path: string; definition: object }[] = [];
    for (const kind of ["causes", "answers"])
      for (const { key, definition } of (await api("GET", `/${kind}`)).items)
        shipped.push({ path: `/${kind}/${key}`, definition });
    for (const { path } of shipped) await api("DELETE", path);
    const { page, complaints } = await open(phone, "/causes");
    await page.getByRole("heading", { name: "Nothing is known of any cause" }).waitFor();
    expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
    await page.getByRole("link", { name: "Answers" }).click();
    await page.getByRole("heading", { name: "No answer is kept yet" }).waitFor();
    expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    for (const { path, definition } of shipped) await api("PUT", path, definition);
  });

  describe.each([desk, phone])("at $name", (screen) => {
    const at = screen.viewport.width;

    test("the list has every cause by how often it came, also those that nobody has written about", async () => {
      await cases();
      const { page, complaints } = await open(screen, "/causes");
      const rows = page.getByRole("table", { name: "Causes" }).locator("[data-row]");
      await rows.first().waitFor();
      const rattle = rows.filter({ hasText: "fan_rattles" });
      await rattle.getByText("nothing yet").waitFor();
      const seal = rows.filter({ hasText: "door_seal_leaking" });
      expect(await seal.innerText()).toMatch(/Door seal leaks heat[^]*1 case[^]*every model[^]*en, de[^]*DS-3305/);
      expect(await rows.last().innerText()).not.toContain("1 case");
      await page.getByText("About 1 cause of those found lately nothing is written").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("searchbox", { name: "Words in it" }).fill("DS-3305 heat");
      await rattle.waitFor({ state: "detached" });
      await seal.getByRole("link", { name: "1 case" }).click();
      await page.getByRole("link", { name: "Heat at the door" }).waitFor();
      expect(told(complaints)).toEqual([]);
    });

    test("from a case one comes to its cause, writes what was found out, and the case says so", async () => {
      const cause = `hinge_creaks_${at}`;
      const { id } = await api("POST", "/cases", { deviceId: oven, severity: "info", title: "It creaks", cause });
      const { page, complaints } = await open(screen, `/cases/${id}`);
      const card = page.getByRole("region", { name: "What to do" });
      await card.getByRole("link", { name: "Write it down" }).click();
      await page.getByText("No article is written yet.").waitFor();
      const save = page.getByRole("button", { name: "Put it in force" });
      await page.getByLabel("What it is called").fill("Hinge creaks");
      await save.click();
      await page.getByText("Say what your colleagues should look at and do.").waitFor();
      await page.getByLabel("What staff should look at and do").fill("Oil both hinges.");
      await page.getByLabel("Title in en").fill("Your door creaks");
      await page.getByLabel("Text in en").fill("It does no harm.");
      await page.getByRole("textbox", { name: "Another language" }).fill("de");
      await page.getByRole("button", { name: "Add language" }).click();
      await page.getByLabel("Title in de").fill("Ihre Tür knarrt");
      await page.getByLabel("Text in de").fill("");
      await page.getByRole("group", { name: "Languages" }).getByRole("button", { name: "en", exact: true }).click();
      await save.click();
      // What is wrong in another language is shown in that language.
      await page.getByText("Say it in this language, or remove the language.").waitFor();
      await page.getByLabel("Text in de").fill("Das schadet nicht.");
      const markets = page.getByRole("region", { name: "What each market reads" });
      await markets.getByRole("row", { name: /^de de its own text/ }).waitFor();
      await markets.getByRole("row", { name: /^fr en English, since its language is missing/ }).waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await save.click();
      await page.getByText(/^Version 1, by first admin/).waitFor();
      await page.getByRole("heading", { level: 1, name: "Hinge creaks", exact: true }).waitFor();
      expect(await api("GET", `/causes/${cause}`)).toMatchObject({
        version: 1,
        definition: { part: null, article: { de: { text: "Das schadet nicht." } } },
      });
      await page.goto(`${hearth.service.http}/cases/${id}`);
      await card.getByText("Oil both hinges.").waitFor();
      await page.getByRole("definition").getByRole("link", { name: "Hinge creaks", exact: true }).waitFor();
      expect([await overflow(page), await faultsOf(page), told(complaints)]).toEqual([0, [], []]);
    });

    test("a cause has words of its own for a model, and loses them again; what was said stays among its versions", async () => {
      const cause = `lamp_flickers_${at}`;
      await api("PUT", `/causes/${cause}`, articled("Lamp flickers"));
      const { page, complaints } = await open(screen, `/causes/${cause}`);
      await page.getByLabel("Write it for one model alone").selectOption("oven-s80");
      await page.getByText("oven-s80 has no article of its own").waitFor();
      await page.getByLabel("What it is called").fill("Lamp of the S80 flickers");
      await page.getByRole("button", { name: "Put it in force" }).click();
      await page.getByText(/^Version 1, by first admin/).waitFor();
      await page.getByRole("link", { name: "Every model" }).click();
      await page.getByRole("heading", { level: 1, name: "Lamp flickers" }).waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("link", { name: "oven-s80" }).click();
      await page.getByRole("button", { name: "Withdraw…" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByText("What stands for every model counts for oven-s80 again.").waitFor();
      expect(await faultsOf(page)).toEqual([]);
      await dialog.getByRole("button", { name: "Withdraw it" }).click();
      await page.getByText(/^Version 2 withdrew it: nothing is in force/).waitFor();
      expect((await api("GET", `/causes/${cause}?model=oven-s80`)).model).toBeNull();
      const versions = page.getByRole("region", { name: "Versions" });
      await versions.getByText("Version 2: withdrawn").waitFor();
      await versions.getByText("Version 1", { exact: false }).last().click();
      await versions.getByText("is new: “Lamp of the S80 flickers”").waitFor();
      await page.getByRole("button", { name: "Put it in force again" }).click();
      await page.getByText(/^Version 3, by first admin/).waitFor();
      expect([await overflow(page), await faultsOf(page), told(complaints)]).toEqual([0, [], []]);
    });

    test("an article that somebody else changed meanwhile is not written over unread, and nothing that was typed is lost", async () => {
      const path = `/causes/fan_hums_${at}`;
      await api("PUT", path, articled("Fan hums"));
      const { page, complaints } = await open(screen, path);
      const fix = page.getByLabel("What staff should look at and do").first();
      const save = page.getByRole("button", { name: "Save the changes" });
      await fix.fill("Look at its bearing.");
      await api("PUT", path, articled("Fan hums aloud"));
      await save.click();
      const alert = page.getByRole("alert", { name: "Changed meanwhile" });
      await alert.getByText("title was “Fan hums”, and is “Fan hums aloud”").waitFor();
      await alert.getByText("Look at their version").click();
      expect(await alert.getByLabel("What it is called").inputValue()).toBe("Fan hums aloud");
      expect([await fix.inputValue(), await save.isDisabled()]).toEqual(["Look at its bearing.", true]);
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await alert.getByRole("button", { name: "Go on with mine" }).click();
      await save.click();
      await page.getByText(/^Version 3, by/).waitFor();
      // What was typed, and what they changed elsewhere.
      expect((await api("GET", path)).definition).toEqual({
        ...articled("Fan hums aloud"),
        fix: "Look at its bearing.",
      });
      // Withdrawn by somebody else, it is said to be so.
      await fix.fill("Look at its bearing twice.");
      await api("DELETE", path);
      await save.click();
      await alert.getByText("withdrawn is new: “yes”").waitFor();
      await alert.getByRole("button", { name: "Take theirs, and drop mine" }).click();
      await page.getByRole("button", { name: "Put it in force again" }).waitFor();
      expect(await fix.inputValue()).toBe("Look at its bearing.");
      expect(told(complaints)).toEqual([]);
    });

    test("an answer is written with what is filled in, is offered first for its cause, and comes in the household's language", async () => {
      const { page, complaints } = await open(screen, "/causes/door_seal_leaking");
      await page.getByRole("link", { name: "Write an answer" }).click();
      // The cause that one comes from has a field of the same name.
      await page.getByRole("heading", { level: 1, name: "An answer written anew" }).waitFor();
      const title = `New seal at ${at}`;
      await page.getByLabel("What it is called").fill(title);
      const text = page.getByLabel("Text in en");
      await text.fill("We send you {{seal}}.");
      await page.getByRole("button", { name: "Keep the answer" }).click();
      await page.getByText("{{seal}} stands for nothing").waitFor();
      await text.fill("We send you: ");
      await page.getByText("What is filled in from the case").click();
      await page.getByRole("button", { name: "{{part}}" }).click();
      await page.getByText("We send you: Power board (PB-2040)").waitFor();
      await page.getByRole("textbox", { name: "Another language" }).fill("de");
      await page.getByRole("button", { name: "Add language" }).click();
      await page.getByLabel("Text in de").fill("Wir schicken Ihnen: {{part}}");
      await page.getByRole("button", { name: "Take off Door seal leaks heat" }).waitFor();
      // Its name is wider than a phone leaves room for.
      const long = "Temperature sensor shows the same value for ever";
      await page.getByLabel("Offer it first for").selectOption({ label: long });
      await page.getByRole("button", { name: `Take off ${long}` }).waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("button", { name: "Keep the answer" }).click();
      await page.getByRole("heading", { level: 1, name: title }).waitFor();
      const { items } = await api("GET", `/cases/${(await cases()).seal}/answers`);
      expect(items.find((one: { title: string }) => one.title === title)).toMatchObject({
        suggested: true,
        text: "Wir schicken Ihnen: Door seal with hooks (DS-3305)",
      });
      await page.getByRole("link", { name: "Answers" }).click();
      const row = page.getByRole("table", { name: "Answers" }).locator("[data-row]").filter({ hasText: title });
      await row.getByText("Door seal leaks heat").waitFor();
      expect(await row.innerText()).toMatch(/every model[^]*en, de/);
      expect([await overflow(page), await faultsOf(page), told(complaints)]).toEqual([0, [], []]);
    });
  });

  test.each(["light", "dark"] as const)(
    "the editors of a cause and of an answer fit a phone and are readable when it is %s",
    async (colorScheme) => {
      const { page } = await open(phone, "/causes");
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      for (const [path, words] of [
        ["/causes/over_temperature", "What staff should look at and do"],
        ["/answers/technician", "Text in en"],
      ] as const) {
        await page.goto(hearth.service.http + path);
        await page.getByLabel(words).waitFor();
        await page.getByRole("region", { name: "What each market reads" }).getByRole("cell").first().waitFor();
        expect([path, await overflow(page), await faultsOf(page)]).toEqual([path, 0, []]);
      }
    },
  );

  test("a cause that a rule will name is begun by its key, and who chose a key that is none is told so", async () => {
    await cases();
    const { page } = await open(desk, "/causes");
    await page.getByRole("button", { name: "Write about a cause" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Cause", { exact: true }).fill("Door Seal");
    await dialog.getByText("Small letters, digits and _").waitFor();
    expect(await faultsOf(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Fan rattles" }).click();
    await dialog.getByRole("button", { name: "Go on" }).click();
    await page.getByRole("heading", { level: 1, name: "Fan rattles" }).waitFor();
    await page.getByRole("link", { name: "1 case" }).waitFor();
  });

  test("who may only read sees what is written and nothing to press", async () => {
    const { secret } = await api("POST", "/staff/keys", { name: "reader", role: "viewer" });
    const { page, complaints } = await open(desk, "/causes/door_seal_leaking", secret as string);
    const fix = page.getByLabel("What staff should look at and do");
    await fix.waitFor();
    expect(await fix.isEditable()).toBe(false);
    await page.getByRole("group", { name: "Languages" }).getByRole("button", { name: "de" }).click();
    expect(await page.getByLabel("Title in de").inputValue()).toBe("An der Tür entweicht Wärme");
    for (const name of ["Save the changes", "Withdraw…", "Add language"])
      expect(await page.getByRole("button", { name }).count()).toBe(0);
    expect(await page.getByRole("link", { name: "Write an answer" }).count()).toBe(0);
    expect([await faultsOf(page), told(complaints)]).toEqual([[], []]);
    await page.goto(`${hearth.service.http}/causes`);
    await page.getByRole("table", { name: "Causes" }).waitFor();
    expect(await page.getByRole("button", { name: "Write about a cause" }).count()).toBe(0);
    await page.goto(`${hearth.service.http}/cases/${(await cases()).rattle}`);
    await page.getByText("Nothing is written about this cause yet.").waitFor();
    expect(await page.getByRole("link", { name: "Write it down" }).count()).toBe(0);
  });
});
