/** What a support agent does with the console, in a real browser, about an oven that has been wearing out for a month. */
import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { until } from "../support/service-process.ts";
import { desk, faultsOf, hasChromium, onStage, overflow, param, phone } from "./browse.ts";
import { ailingId, ailingSerial, healthyId, householdName, setSupport } from "./support-stage.ts";

const hearth = onStage(setSupport, { leave: (stage) => stage.leave() });
const { open } = hearth;
const field = (page: Page) => page.getByRole("combobox", { name: "Search" });
const chart = (page: Page) => page.getByRole("figure", { name: "Chart of readings" });
const pointsOf = async (page: Page) => Number(await chart(page).getAttribute("data-points"));
const dayMs = 86_400_000;
const optionsOf = (page: Page) => page.getByRole("listbox", { name: "Found" }).getByRole("option");

describe.skipIf(!hasChromium)("the console of support", () => {
  test("from a serial number to the cause is typing it, Enter, and one click", async () => {
    const { page, complaints, strangers } = await open(desk, "/");
    await page.getByTestId("connected").waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type(ailingSerial);
    // Before the answer is there: the agent does not wait for it.
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: ailingId }).waitFor();
    const brief = page.getByRole("region", { name: "Service" });
    const openCase = brief.getByRole("link", { name: /E-41/ });
    await openCase.getByText("Cause: Heating element worn out").waitFor();
    await openCase.getByText("Part HE-2200-3, lower heating element, 2.2 kW.").waitFor();
    await page
      .getByText(/^until \d+ \w+ \d{4}$/)
      .first()
      .waitFor();
    expect(await overflow(page)).toBe(0);
    await openCase.click();
    await until("the case is open", () => new URL(page.url()).pathname === `/cases/${hearth.stage.caseId}`);
    await page.getByText("Measure the lower element").first().waitFor();
    expect([complaints, strangers]).toEqual([[], []]);
  });

  describe.each([desk, phone])("at $name", (screen) => {
    test("the search finds by kind, is driven by keys, and says what it can find and that nothing fits", async () => {
      const { page, complaints } = await open(screen, "/devices");
      await page.getByRole("heading", { name: "Appliances" }).waitFor();
      await page.keyboard.press("Control+k");
      await page.getByText("What can be looked for").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await field(page).fill("marchetti");
      await page.getByRole("group", { name: "People" }).getByText("Elena Marchetti").waitFor();
      await page.getByRole("group", { name: "Households" }).getByText(householdName, { exact: true }).waitFor();
      expect(await faultsOf(page)).toEqual([]);
      const chosen = () => optionsOf(page).evaluateAll((all) => all.findIndex((one) => one.ariaSelected === "true"));
      const count = await optionsOf(page).count();
      const seen = [await chosen()];
      for (const key of ["ArrowDown", "ArrowUp", "ArrowUp"]) {
        await page.keyboard.press(key);
        seen.push(await chosen());
      }
      expect(seen).toEqual([0, 1 % count, 0, count - 1]);
      await field(page).fill("no such thing anywhere");
      await page.getByText("Nothing fits “no such thing anywhere”.").waitFor();
      await page.keyboard.press("Escape");
      await field(page).waitFor({ state: "hidden" });
      await page.getByRole("button", { name: "Search" }).click();
      await field(page).fill("HX-4417");
      await until("both ovens are found", async () => (await optionsOf(page).count()) === 2);
      await optionsOf(page).filter({ hasText: healthyId }).click();
      await page.getByRole("heading", { name: healthyId }).waitFor();
      await page.getByText("No case is open.").waitFor();
      expect(complaints).toEqual([]);
    });

    test("an appliance that goes and comes back again and again is one line, which opens to each time", async () => {
      await hearth.stage.flap(3);
      const { page, complaints } = await open(screen, `/devices/${healthyId}?kinds=presence`);
      const timeline = page.getByRole("region", { name: "Timeline" });
      const line = timeline.getByRole("button", { name: /Offline \d+ times, .+ in all/ }).first();
      await line.waitFor();
      const times = Number(/Offline (\d+)/.exec(await line.innerText())?.[1]);
      expect(times).toBeGreaterThanOrEqual(3);
      expect(await timeline.getByText("Went offline").count()).toBe(0);
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await line.click();
      await timeline.getByText("Went offline").first().waitFor();
      expect(await timeline.getByText("Went offline").count()).toBeGreaterThanOrEqual(times);
      await timeline
        .getByRole("button", { name: /Went offline/ })
        .first()
        .click();
      await timeline.getByRole("button", { name: /Went offline/, expanded: true }).waitFor();
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
      await line.click();
      await timeline.getByText("Went offline").first().waitFor({ state: "detached" });
    });

    test("a household shows its people, its appliances and its cases", async () => {
      const { page, complaints } = await open(screen, `/households/${hearth.stage.householdId}`);
      await page.getByRole("heading", { name: householdName }).waitFor();
      await page.getByRole("region", { name: "People", exact: true }).getByText("elena@marchetti.example").waitFor();
      await page.getByRole("table", { name: "Cases of this household" }).getByRole("link").first().waitFor();
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
      await page.getByRole("link", { name: ailingId }).click();
      await page.getByRole("link", { name: householdName }).waitFor();
    });

    test("the chart goes out to a month and back, keeps what it shows meanwhile, and shades nothing that is right", async () => {
      const { page, complaints } = await open(screen, `/devices/${ailingId}?range=24h`);
      await until("the chart has points", async () => (await pointsOf(page)) > 50);
      const spanMs = () => Number(param(page, "to")) - Number(param(page, "from"));
      for (let press = 1; press <= 5; press += 1) {
        const before = spanMs();
        await page.getByRole("button", { name: "See more" }).click();
        await until("more is seen", () => spanMs() > before);
        // The lines of before stay until those of the new range have come.
        expect(await pointsOf(page)).toBeGreaterThan(0);
      }
      expect(spanMs()).toBe(30 * dayMs);
      await until("the month is there", async () => (await pointsOf(page)) > 100);
      await until("its fault is marked", async () => Number(await chart(page).getAttribute("data-milestones")) >= 2);
      expect(await page.getByText(/^Shaded:/).count()).toBe(0);
      await page.getByRole("button", { name: "Earlier" }).click();
      await page.getByRole("slider").press("+");
      await until("it looks closer", () => spanMs() === 15 * dayMs);
      await page.getByRole("button", { name: "Back to live" }).click();
      await until("it lives again", () => param(page, "from") === null);
      if (!screen.isMobile) {
        await page.locator(".u-over").hover();
        await page.keyboard.down("Control");
        await page.mouse.wheel(0, -300);
        await page.keyboard.up("Control");
        await until("the wheel looks closer", () => spanMs() > 0 && spanMs() < 3_600_000);
        const before = Number(param(page, "from"));
        await page.mouse.wheel(-200, 0);
        await until("sideways it moves", () => Number(param(page, "from")) < before);
      }
      expect([await overflow(page), complaints]).toEqual([0, []]);
    });

    test("an appliance is compared with another, by metrics of two units, and what lies outside its range is shaded", async () => {
      hearth.stage.oven.publish(
        `hearth/v1/devices/${ailingId}/telemetry`,
        JSON.stringify({ atMs: Date.now() - 60_000, m: { power_w: 9_000 } }),
        { qos: 1 },
      );
      const { page, complaints } = await open(screen, `/devices/${ailingId}?range=24h&metrics=cavity_c,power_w`);
      await until("the chart has points", async () => (await pointsOf(page)) > 50);
      const alone = await pointsOf(page);
      await page.getByText("Shaded: Power outside 0 to 3,600 W. Kept as it came.").waitFor();
      await page.getByRole("combobox", { name: "Compare with another appliance" }).fill(healthyId);
      await page.keyboard.press("Enter");
      await until("both are drawn", async () => (await pointsOf(page)) > alone * 1.3);
      expect(param(page, "with")).toBe(healthyId);
      await page.getByText("Show as a table").click();
      await page.getByRole("columnheader", { name: `Power, W, ${healthyId}` }).waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("button", { name: "Stop comparing" }).click();
      await until("it is alone", () => param(page, "with") === null);
      expect(complaints).toEqual([]);
    });

    test("what it said is read in its own words, its fault with what staff know of it, and both say so", async () => {
      const { page, complaints } = await open(screen, `/devices/${ailingId}?range=24h&kinds=event`);
      const entry = page.getByTestId("timeline-list").locator("[data-entry]").filter({ hasText: "Fault raised: E-41" });
      await entry.click();
      await page.getByTestId("timeline-list").getByText("Measure the lower element").waitFor();
      await until("the cursor stands at it", async () => Number(await chart(page).getAttribute("data-cursor-ms")) > 0);
      await page.getByRole("link", { name: "Messages" }).click();
      await page.getByText("that you looked is on record").waitFor();
      await page.getByRole("combobox", { name: "Show" }).selectOption("events");
      await page
        .getByRole("table", { name: "Messages" })
        .getByText(/"type":"fault\.raised"/)
        .waitFor();
      expect(param(page, "channel")).toBe("events");
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });

    test("a model's page has its metrics, and what is sent beside them is adopted with one form", async () => {
      const name = screen.isMobile ? "steam_pct" : "humidity_pct";
      hearth.stage.say({ [name]: 41 });
      await until("it is known that it is sent", async () => {
        const { body } = await hearth.service.api("/api/v1/models/oven-x200/metrics");
        return body.unknown.some((metric: { name: string }) => metric.name === name);
      });
      const { page, complaints } = await open(screen, "/devices?model=oven-x200");
      await page.getByRole("link", { name: "Models and their metrics" }).click();
      const declared = page.getByRole("table", { name: "Declared metrics" });
      await declared.getByText("0 to 3,600").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("button", { name: `Adopt ${name}` }).click();
      const form = page.getByRole("dialog", { name: `Adopt ${name}` });
      expect(await form.getByRole("textbox", { name: "Unit" }).inputValue()).toBe("%");
      await form.getByRole("textbox", { name: "up to" }).fill("100");
      expect(await faultsOf(page)).toEqual([]);
      await form.getByRole("button", { name: "Adopt", exact: true }).click();
      await form.waitFor({ state: "hidden" });
      await declared.getByText(name).waitFor();
      await declared.getByText("at most 100").first().waitFor();
      expect(complaints).toEqual([]);
    });
  });

  test("watching live has the oven asked to sample faster, draws what comes, and ends with the switch", async () => {
    const { page, complaints } = await open(desk, `/devices/${ailingId}`);
    await until("the chart has points", async () => (await pointsOf(page)) > 0);
    await hearth.stage.oven.subscribeAsync(`hearth/v1/devices/${ailingId}/inbox`, { qos: 1 });
    await page.getByRole("switch", { name: "Live" }).click();
    await page.getByText("It was asked to sample faster").waitFor();
    hearth.stage.say({ cavity_c: 201.5 });
    await page.getByRole("button", { name: /^Cavity 201\.5/ }).waitFor();
    const ended = page.waitForEvent("requestfailed", (request) => request.url().includes("/telemetry/live"));
    await page.getByRole("switch", { name: "Live" }).click();
    await ended;
    expect(param(page, "live")).toBeNull();
    expect(complaints).toEqual([]);
  });

  test("what is shown is taken away as a file, and as a line for a terminal", async () => {
    const { page } = await open(desk, `/devices/${ailingId}?range=24h&metrics=cavity_c`);
    await until("the chart has points", async () => (await pointsOf(page)) > 50);
    await page.getByRole("button", { name: "Export" }).click();
    const coming = page.waitForEvent("download");
    await page.getByRole("menuitem", { name: "CSV" }).click();
    const text = await readFile(await (await coming).path(), "utf8");
    expect(text.split("\n")[0]).toContain("cavity_c");
    expect(text.split("\n").length).toBeGreaterThan(100);
    await page.getByRole("button", { name: "Copy as curl" }).click();
    const lines = page.getByRole("dialog", { name: "Copy as curl" });
    await lines.getByText("/api/v1/telemetry/export?").waitFor();
    await lines.getByText("/api/v1/telemetry/live?").waitFor();
  });

  test("who compares with an appliance of a household that agreed to nothing keeps the chart that they had", async () => {
    const { service } = hearth;
    const made = await service.api("/api/v1/households", {
      method: "POST",
      body: { name: "Next door", locale: "de", timeZone: "Europe/Berlin" },
    });
    await service.api(`/api/v1/households/${made.body.id}/devices/${healthyId}`, { method: "PUT" });
    const { page, complaints } = await open(desk, `/devices/${ailingId}?range=24h&metrics=cavity_c&with=${healthyId}`);
    await page.getByText(`${healthyId} is not shown beside it`).waitFor();
    await until("the chart has points", async () => (await pointsOf(page)) > 50);
    await page.getByText("Show as a table").click();
    expect(await page.getByRole("columnheader", { name: healthyId }).count()).toBe(0);
    expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
  });

  test("a measurement that nothing can have measured does not burst the page", async () => {
    hearth.stage.say({ fan_rpm: 1.7e308 });
    for (const screen of [desk, phone]) {
      const { page } = await open(screen, `/devices/${ailingId}`);
      await page.getByRole("button", { name: /^Fan 1.7e\+308/ }).waitFor();
      expect(await overflow(page)).toBe(0);
    }
  });

  test("a viewer may look at the chart, and sees no tab for raw messages and no way to adopt", async () => {
    const made = await hearth.service.api("/api/v1/staff/keys", {
      method: "POST",
      body: { name: "looker", role: "viewer" },
    });
    const { page } = await open(desk, `/devices/${ailingId}?tab=messages`, made.body.secret);
    await page.getByText("Messages cannot be seen with this key").waitFor();
    expect(await page.getByRole("link", { name: "Messages" }).count()).toBe(0);
    hearth.stage.say({ smoke_pct: 2 });
    await page.goto(`${hearth.service.http}/models?model=oven-x200`);
    await page.getByText("The roles release and admin may adopt.").waitFor();
    expect(await page.getByRole("button", { name: /^Adopt/ }).count()).toBe(0);
  });

  test("an appliance in another zone offers its own clock, on a phone too", async () => {
    hearth.stage.oven.publish(
      `hearth/v1/devices/${ailingId}/reported`,
      JSON.stringify({ atMs: Date.now(), state: { timeZone: "America/Los_Angeles" } }),
      { qos: 1 },
    );
    const { page } = await open(phone, `/devices/${ailingId}`);
    await page.getByText("Appliance’s", { exact: true }).waitFor();
    expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
  });

  test("a store of readings that is away is told in words, with what waits for it and what does not", async () => {
    const { page } = await open(desk, "/");
    await page.route("**/api/v1/health", async (route) => {
      const answer = await route.fetch();
      const body = await answer.json();
      const telemetry = { ...body.telemetry, store: "influx", up: false, behindRecords: 1_204, behindMs: 95_000 };
      await route.fulfill({ status: 503, json: { ...body, status: "degraded", problems: ["It is away."], telemetry } });
    });
    await page.reload();
    await page.getByText("Readings are kept in InfluxDB, which does not answer: 1,204 records wait for it").waitFor();
    expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
  });

  test("rollups that lag are told in words, and that charts are right meanwhile", async () => {
    const { page } = await open(desk, "/");
    await page.route("**/api/v1/health", async (route) => {
      const answer = await route.fetch();
      const body = await answer.json();
      const telemetry = { ...body.telemetry, rollups: { hoursBehind: 4_200, behindMs: 240_000 } };
      await route.fulfill({ status: 200, json: { ...body, status: "ok", problems: [], telemetry } });
    });
    await page.reload();
    await page.getByText("Rollups of 4,200 hours are being made, the oldest for 4 min").waitFor();
    expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
  });
});
