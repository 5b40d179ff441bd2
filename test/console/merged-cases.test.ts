/** Two cases that are one, and many that are given to somebody at once, in a real browser. */
import { describe, expect, test } from "vitest";
import { loadModels } from "../../device-sim/models.ts";
import { type RunningService, until } from "../support/service-process.ts";
import { desk, faultsOf, hasChromium, onStage, overflow, phone, type Screen } from "./browse.ts";

/** A household with an oven, and the case of that oven which others turn out to be the same matter as. */
async function setCases(service: RunningService): Promise<{ householdId: string; hotCaseId: string }> {
  const made = async (method: string, path: string, body?: unknown) => {
    const answer = await service.api(`/api/v1${path}`, { method, body });
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const model = loadModels().get("oven-x200");
  await made("PUT", "/models/oven-x200", model);
  await made("POST", "/devices/batch", { devices: [{ id: "oven-1", model: "oven-x200", serial: "SN-1" }] });
  const home = await made("POST", "/households", { name: "Lindqvist", locale: "en-GB", timeZone: "Europe/Stockholm" });
  await made("PUT", `/households/${home.id}/devices/oven-1`);
  const hot = { deviceId: "oven-1", severity: "safety", cause: "over_temperature", title: "Cavity too hot" };
  return { householdId: home.id, hotCaseId: (await made("POST", "/cases", hot)).id };
}

const hearth = onStage(setCases);
const { open } = hearth;
let made = 0;

/** A case of the household whose oven grew too hot, that nobody has. */
async function newCase(title: string): Promise<string> {
  const asked = { householdId: hearth.stage.householdId, severity: "service", cause: `asked_${(made += 1)}`, title };
  const { status, body } = await hearth.service.api("/api/v1/cases", {
    method: "POST",
    body: { ...asked, text: "They called" },
  });
  expect(status).toBe(201);
  return body.id;
}
const read = async (id: string) => (await hearth.service.api(`/api/v1/cases/${id}`)).body;
const nameOf = (screen: Screen, words: string) => `${words} ${screen.name}`;

describe.skipIf(!hasChromium)("several cases in the console", () => {
  describe.each([desk, phone])("at $name", (screen) => {
    test("a case goes into another one with a key or a press, its address leads there, and it is taken out again", async () => {
      const title = nameOf(screen, "Asks whether it is safe");
      const id = await newCase(title);
      const into = hearth.stage.hotCaseId;
      await hearth.service.api(`/api/v1/cases/${id}/notes`, { method: "POST", body: { text: `Note of ${title}` } });
      const { page, complaints, strangers } = await open(screen, `/cases/${id}`);
      await page.getByRole("heading", { name: title }).waitFor();
      if (screen.isMobile) await page.getByRole("button", { name: "Merge into another…" }).click();
      else await page.keyboard.press("m");
      await page.getByRole("radio", { name: /Cavity too hot/ }).check();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("button", { name: "Merge into it" }).click();
      await until("the page is the other case's", () => new URL(page.url()).pathname === `/cases/${into}`);
      await page.getByText(`“${title}” was merged into this case`).waitFor();
      await page.getByRole("region", { name: "Notes among staff" }).getByText(`Note of ${title}`).waitFor();
      const merged = page.getByRole("region", { name: "Merged cases" });
      await merged.getByText(title, { exact: true }).waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      // Whoever has the older link comes here too.
      await page.goto(`${hearth.service.http}/cases/${id}`);
      await until("it leads there", () => new URL(page.url()).pathname === `/cases/${into}`);
      await merged.getByRole("button", { name: `Take it out again… ${title}` }).click();
      await page.getByRole("button", { name: "Take it out", exact: true }).click();
      await merged.getByText(title, { exact: true }).waitFor({ state: "detached" });
      expect(await read(id)).toMatchObject({ status: "open", mergedInto: null });
      expect([complaints, strangers]).toEqual([[], []]);
    });

    test("cases are chosen by key or press and given to somebody at once; what leaves the page is chosen no more", async () => {
      const titles = ["First", "Second", "Third"].map((words) => nameOf(screen, words));
      const ids: string[] = [];
      for (const title of titles) ids.push(await newCase(title));
      const { page, complaints } = await open(screen, "/cases?assignee=none");
      const box = (at: number) => page.getByRole("checkbox", { name: `Choose ${titles[at]}` });
      const link = (at: number) => page.getByRole("link", { name: titles[at] ?? "" });
      await box(2).waitFor();
      if (screen.isMobile) {
        for (const at of [0, 1, 2]) await box(at).check();
      } else {
        // One by a press and off again by its key, the first by its key, and the rest up to the last with Shift.
        await box(1).check();
        await page.keyboard.press("x");
        await box(1).and(page.locator(":not(:checked)")).waitFor();
        await link(0).focus();
        await page.keyboard.press("x");
        await link(2).focus();
        await page.keyboard.press("Shift+X");
      }
      const bar = page.getByRole("region", { name: "Chosen cases" });
      await bar.getByText("3 cases chosen").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      // Somebody takes one of them meanwhile: it leaves the page, and is chosen no more.
      await hearth.service.api(`/api/v1/cases/${ids[2]}/take`, { method: "POST" });
      await bar.getByText("2 cases chosen").waitFor();
      await bar.getByRole("combobox", { name: "Give to" }).selectOption({ index: 1 });
      await bar.getByRole("button", { name: "Give them" }).click();
      await page.getByText(/^2 cases given to /).waitFor();
      for (const id of ids) expect((await read(id)).assignee).toMatch(/^staff:/);
      expect(complaints).toEqual([]);
    });
  });

  test("many are resolved with one note, and one that somebody merged away meanwhile stays and says why", async () => {
    const [gone, stays] = [await newCase("Goes elsewhere"), await newCase("Is done")];
    const { page } = await open(desk, "/cases");
    for (const title of ["Goes elsewhere", "Is done"])
      await page.getByRole("checkbox", { name: `Choose ${title}` }).check();
    // What the page shows is from before: it hears nothing new for a while.
    await page.route("**/api/v1/cases/queue?*", (route) => route.abort());
    const into = { into: hearth.stage.hotCaseId };
    expect((await hearth.service.api(`/api/v1/cases/${gone}/merge`, { method: "POST", body: into })).status).toBe(200);
    await page.getByRole("button", { name: "Resolve them…" }).click();
    await page.getByLabel("Note for colleagues").fill("The street had no power");
    await page.getByRole("button", { name: "Resolve them", exact: true }).click();
    await page.getByText("1 case resolved.").waitFor();
    await page.getByText("The case went into another one").waitFor();
    expect((await read(stays)).status).toBe("resolved");
    expect((await read(gone)).status).toBe("merged");
  });
});
