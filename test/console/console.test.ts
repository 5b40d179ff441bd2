/** The console in a real browser, on a real service with a small fleet, at the width of a desk and of a phone. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";
import { describe, expect, onTestFinished, test } from "vitest";
import { consoleDistDir } from "../../cloud/http/console-build.ts";
import { until } from "../support/service-process.ts";
import { desk, faultsOf, hasChromium, onStage, overflow, param, phone } from "./browse.ts";
import { babblerId, connectedCount, deviceCount, setStage, starId } from "./stage.ts";

const hearth = onStage(setStage, {
  // Ten messages a second for long, a thousand at once: more than anybody says here but the one who is to be held back.
  env: { HEARTH_LIMIT_MESSAGES_PER_SECOND_MAX: "10" },
  leave: (stage) => stage.leave(),
});
const { open } = hearth;

const chart = (page: Page) => page.getByRole("figure", { name: "Chart of readings" });
const pointsOf = async (page: Page) => Number(await chart(page).getAttribute("data-points"));
const cursorOf = async (page: Page) => Number(await chart(page).getAttribute("data-cursor-ms"));

describe.skipIf(!hasChromium)("the console", () => {
  test("a wrong key is refused in a sentence, the right one opens the page that was asked for, and signing out forgets it", async () => {
    const { page } = await open(desk, "/devices?model=dishwasher-d4", "");
    await page.getByRole("textbox", { name: "Key" }).fill("hearth_wrong");
    await page.getByRole("button", { name: "Enter" }).click();
    await page.getByText("Hearth does not know this key.").waitFor();
    await page.getByRole("textbox", { name: "Key" }).fill(` ${hearth.service.key} `);
    await page.getByRole("button", { name: "Enter" }).click();
    await page.getByRole("link", { name: "dishwasher-0008" }).waitFor();
    expect(param(page, "model")).toBe("dishwasher-d4");
    expect(await page.evaluate(() => localStorage.length)).toBe(0);
    await page.getByRole("button", { name: /^Your key/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.getByRole("textbox", { name: "Key" }).waitFor();
    await page.reload();
    await page.getByRole("textbox", { name: "Key" }).waitFor();
  });

  test("what is served was built for people and not for developers, though a test had it built", async () => {
    const assets = join(consoleDistDir, "assets");
    const scripts = (await readdir(assets)).filter((name) => name.endsWith(".js"));
    const texts = await Promise.all(scripts.map((name) => readFile(join(assets, name), "utf8")));
    expect(texts.some((text) => text.includes("react.dev/errors"))).toBe(true);
    expect(texts.some((text) => text.includes("React DevTools"))).toBe(false);
  });

  test("a key that is ended while its page is open leads back to the door, which says why", async () => {
    const made = await hearth.service.api("/api/v1/staff/keys", {
      method: "POST",
      body: { name: "leaver", role: "viewer" },
    });
    const { page } = await open(desk, "/", made.body.secret);
    await page.getByTestId("connected").waitFor();
    await hearth.service.api(`/api/v1/staff/keys/${made.body.key.id}`, { method: "DELETE" });
    await page.getByText("Your key is no longer accepted").waitFor();
    expect(await page.evaluate<string | null>("sessionStorage.getItem('hearth.key')")).toBeNull();
  });

  describe.each([desk, phone])("at $name", (screen) => {
    test("the overview shows the fleet's numbers, and they live", async () => {
      const { page, complaints, strangers } = await open(screen, "/");
      await page.getByTestId("connected").getByText(String(connectedCount)).waitFor();
      expect(await page.getByTestId("connected").textContent()).toBe(`${connectedCount} of ${deviceCount}`);
      await page.getByText("All is well.").waitFor();
      await until("a reading shows in the rate", async () => {
        hearth.stage.beat();
        const rate = (await page.getByTestId("rate").textContent()) ?? "";
        return /^[1-9]/.test(rate) || /^0\.[1-9]/.test(rate);
      });
      expect(await page.getByRole("region", { name: "Deliveries" }).textContent()).toMatch(/2 deliveries/);
      expect(await page.getByRole("region", { name: "What came of it" }).textContent()).toContain("1In quarantine");
      await page.getByRole("region", { name: "Newest open cases" }).getByRole("link", { name: /E-17/ }).waitFor();
      expect(await overflow(page)).toBe(0);
      expect([complaints, strangers]).toEqual([[], []]);
    });

    test("a filter is in the address, narrows what the service answers, and survives a reload", async () => {
      const { page, complaints, strangers } = await open(screen, "/devices");
      await page.getByRole("searchbox", { name: "Find by id or serial number" }).fill("oven-001");
      await page.getByRole("combobox", { name: "Model" }).selectOption("oven-s80");
      await page.getByRole("radiogroup", { name: "Connection" }).getByText("Online").click();
      await until(
        "the address holds all filters",
        () => param(page, "q") === "oven-001" && param(page, "online") === "true",
      );
      await page.reload();
      await page.getByRole("link", { name: "oven-0012" }).waitFor();
      expect(await page.locator("[data-row-link]").allTextContents()).toEqual(["oven-0012"]);
      expect(await page.getByRole("searchbox").inputValue()).toBe("oven-001");
      expect(param(page, "model")).toBe("oven-s80");
      await page.getByRole("searchbox").fill("no-such-thing");
      await page.getByRole("button", { name: "Show all appliances" }).click();
      await until("the filters are gone", () => new URL(page.url()).search === "");
      expect(await overflow(page)).toBe(0);
      expect([complaints, strangers]).toEqual([[], []]);
    });

    test("the list goes on page by page and back again", async () => {
      const { page } = await open(screen, "/devices");
      await page.getByText(`1 to 50 of ${deviceCount}`).waitFor();
      await page.getByRole("link", { name: "Next" }).click();
      await page.getByText(`51 to ${deviceCount} of ${deviceCount}`).waitFor();
      await page.reload();
      await page.getByText(`51 to ${deviceCount} of ${deviceCount}`).waitFor();
      await page.getByRole("link", { name: "Previous" }).click();
      await page.getByText(`1 to 50 of ${deviceCount}`).waitFor();
      expect(param(page, "cursor")).toBeNull();
    });

    test("an appliance shows its readings, and one timeline of everything that happened", async () => {
      const { page, complaints, strangers } = await open(screen, `/devices/${starId}`);
      await until("the chart has points", async () => (await pointsOf(page)) > 200);
      const list = page.getByTestId("timeline-list");
      for (const kind of ["reading", "event", "delivery", "case", "points", "presence", "quarantine"]) {
        await list.locator(`[data-kind="${kind}"]`).first().waitFor();
      }
      const times = await list
        .locator("time")
        .evaluateAll((all) => all.map((one) => one.getAttribute("datetime") ?? ""));
      expect(times).toEqual(times.toSorted((a, b) => b.localeCompare(a)));
      await page.getByRole("group", { name: "Show only" }).getByRole("button", { name: "Events" }).click();
      await until(
        "only events are left",
        async () =>
          (await list.locator("[data-entry]").count()) === (await list.locator('[data-kind="event"]').count()),
      );
      expect(param(page, "kinds")).toBe("event");
      expect(await overflow(page)).toBe(0);
      expect([complaints, strangers]).toEqual([[], []]);
    });

    test("selecting an entry moves the chart's cursor, wherever it lies, and survives a reload", async () => {
      const { page, complaints } = await open(screen, `/devices/${starId}?kinds=event`);
      await until("the chart has points", async () => (await pointsOf(page)) > 200);
      const entries = page.getByTestId("timeline-list").locator("[data-entry]");
      await entries.filter({ hasText: "Fault raised" }).click();
      const faultMs = await cursorAtSelected(page);
      expect(param(page, "item")).toBe("event:fault-1");
      expect(param(page, "from")).toBeNull();
      await page.reload();
      await until("the cursor is where it was", async () => (await cursorOf(page)) === faultMs);
      // The oldest entry lies before the range that is shown: the range goes to it.
      await entries.last().click();
      await until("the range moved", () => param(page, "from") !== null);
      const cursorMs = await cursorAtSelected(page);
      expect(cursorMs).toBeLessThan(faultMs - 20 * 3_600_000);
      expect([Number(param(page, "from")) < cursorMs, Number(param(page, "to")) > cursorMs]).toEqual([true, true]);
      await page.getByRole("button", { name: "Back to live" }).click();
      await until("the range lives again", () => param(page, "from") === null);
      expect(complaints).toEqual([]);
    });

    test("a batch is made, its secret is seen once, a list is imported with its errors by line, and the batch is closed", async () => {
      const { page, complaints, strangers } = await open(screen, "/provisioning");
      const key = `line-${screen.viewport.width}`;
      await page.getByRole("button", { name: "New batch" }).click();
      await page.getByRole("textbox", { name: "Key of the batch" }).fill(key);
      await page.getByRole("combobox", { name: "Model" }).selectOption("oven-x200");
      await page.getByRole("textbox", { name: "How many" }).fill("5");
      await page.getByRole("button", { name: "Make the batch" }).click();
      await page.getByText(/^hearth_claim_/).waitFor();
      await page.getByRole("button", { name: "I have stored it" }).click();
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      await page.getByRole("link", { name: "Import", exact: true }).click();
      const table = `serial,model,batch\nA-${key},oven-x200,${key}\nB-${key},oven-x200,no-such-batch\n`;
      const file = { name: "made.csv", mimeType: "text/csv", buffer: Buffer.from(table) };
      await page.getByLabel("CSV file").setInputFiles(file);
      await page.getByRole("button", { name: "Import", exact: true }).click();
      const wrong = page.getByRole("table", { name: "Lines that were not imported" });
      await wrong.locator("[data-row]").waitFor();
      expect(await wrong.locator("[data-row]").textContent()).toMatch(/^3/);
      expect(await faultsOf(page)).toEqual([]);
      await page.getByRole("link", { name: "Batches" }).click();
      const batch = page.getByRole("region", { name: `Batch ${key}` });
      await batch.getByText("0 of 5 enrolled").waitFor();
      await batch.getByRole("button", { name: "Close" }).click();
      await page.getByRole("button", { name: "Close the batch" }).click();
      await batch.getByRole("button", { name: "Reopen" }).waitFor();
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      expect(await page.getByText(/^hearth_claim_/).count()).toBe(0);
      expect([await overflow(page), await faultsOf(page), complaints, strangers]).toEqual([0, [], [], []]);
    });

    test("an appliance's packets show as they go, a refusal with its sentence, and a pause holds them still", async () => {
      const id = `oven-00${screen.isMobile ? 41 : 42}`;
      const guest = await hearth.stage.visit(id);
      onTestFinished(() => guest.endAsync(true));
      await guest.subscribeAsync(`hearth/v1/devices/${id}/inbox`, { qos: 1 });
      const { page, complaints } = await open(screen, `/devices/${id}`);
      await page.getByRole("link", { name: "Wire" }).click();
      const packets = page.getByRole("table", { name: "Packets" });
      const rowOf = (type: string) => packets.locator("[data-row]").filter({ hasText: type });
      await rowOf("CONNECT").filter({ hasText: "from the appliance" }).filter({ hasText: "login: token" }).waitFor();
      await rowOf("CONNACK").filter({ hasText: "to the appliance" }).filter({ hasText: "0: accepted" }).waitFor();
      await rowOf("SUBSCRIBE")
        .filter({ hasText: `hearth/v1/devices/${id}/inbox` })
        .waitFor();
      await page.getByRole("button", { name: "Pause" }).click();
      guest.publish(`hearth/v1/devices/${starId}/telemetry`, "{}", { qos: 1 });
      await page.getByText(/more since/).waitFor();
      const refusal = "It published where it may not: not one of its own topics.";
      expect(await page.getByText(refusal).count()).toBe(0);
      await page.getByRole("button", { name: "Go on" }).click();
      const refused = rowOf("Connection ended").filter({ hasText: refusal });
      await refused.waitFor();
      expect(await refused.getAttribute("data-tone")).toBe("wrong");
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("combobox", { name: "Show" }).selectOption("trouble");
      await until("only the refusal is left", async () => (await packets.locator("[data-row]").count()) === 1);
      expect(param(page, "packet")).toBe("trouble");
      await page.reload();
      await refused.waitFor();
      await until("it is gone from the fleet's numbers", async () => {
        const { body } = await hearth.service.api("/api/v1/overview");
        return body.devices.online === connectedCount;
      });
      expect(complaints).toEqual([]);
    });

    test("security events are filtered by the address, and lead to the appliance's connections and credentials", async () => {
      await hearth.service.api(`/api/v1/devices/${starId}/token`, { method: "POST", body: {} });
      const { page, complaints } = await open(screen, `/security?kind=token_rotated&device=${starId}`);
      const events = page.getByRole("table", { name: "Security events" });
      await events.getByText("The appliance got a new token.").first().waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("radiogroup", { name: "Severity" }).getByText("Alerts").click();
      await page.getByText("No event fits these filters").waitFor();
      expect(param(page, "severity")).toBe("alert");
      await page.goBack();
      await events.getByRole("link", { name: starId }).first().click();
      await page.getByRole("link", { name: "Connections" }).click();
      await page.getByRole("table", { name: "Connections" }).getByText("Connected now").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("link", { name: "Credentials" }).click();
      await page.getByText("In its grace").first().waitFor();
      await page.getByRole("button", { name: "New token" }).click();
      await page.getByRole("button", { name: "Make a new token" }).click();
      await page.getByRole("button", { name: "I have stored it" }).click();
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });
  });

  test("a viewer sees no action and no page that its role may not use", async () => {
    const made = await hearth.service.api("/api/v1/staff/keys", {
      method: "POST",
      body: { name: "looker", role: "viewer" },
    });
    const { page, complaints } = await open(desk, "/security", made.body.secret);
    await page.getByText("Security events cannot be seen with this key").waitFor();
    await page.getByRole("link", { name: "Provisioning" }).click();
    await page.getByRole("link", { name: "Certificates" }).waitFor();
    expect(await page.getByRole("button", { name: "New batch" }).count()).toBe(0);
    expect(await page.getByRole("link", { name: "Security" }).count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test("picking a mark on the chart selects its entry; dragging opens a range; metrics are chosen by their tiles", async () => {
    const { page, complaints } = await open(desk, `/devices/${starId}?kinds=event`);
    await until("the chart has points", async () => (await pointsOf(page)) > 200);
    const over = page.locator(".u-over");
    const { width } = (await over.boundingBox()) ?? { width: 0 };
    const fault = page.getByTestId("timeline-list").locator("[data-entry]").filter({ hasText: "Fault raised" });
    const faultMs = Date.parse((await fault.locator("time").getAttribute("datetime")) ?? "");
    const share = 1 - (Date.now() - faultMs) / 3_600_000;
    // On the chart and not on the window: what stands above it may still come, and push it further down.
    await over.click({ position: { x: width * share, y: 20 } });
    await until("the fault is selected", async () => (await fault.getAttribute("aria-expanded")) === "true");
    expect(param(page, "item")).toBe("event:fault-1");

    await over.dragTo(over, {
      sourcePosition: { x: width * 0.3, y: 80 },
      targetPosition: { x: width * 0.6, y: 80 },
      steps: 5,
    });
    await until("a range is open", () => param(page, "from") !== null);
    const span = Number(param(page, "to")) - Number(param(page, "from"));
    expect(span).toBeGreaterThan(0.25 * 3_600_000);
    expect(span).toBeLessThan(0.35 * 3_600_000);

    await page
      .getByRole("button", { name: "7 d", exact: true })
      .or(page.getByText("7 d", { exact: true }))
      .click();
    await until("the range is a week", () => param(page, "range") === "7d" && param(page, "from") === null);
    await page.getByRole("button", { name: /^Power/ }).click();
    await until("power is on the chart", () => (param(page, "metrics") ?? "").split(",").includes("power_w"));
    await page.getByText("Show as a table").click();
    await page.getByRole("columnheader", { name: "Power, W" }).waitFor();
    expect(complaints).toEqual([]);
  });

  test("a key that may not look at the wire sees no tab for it, and is told who may", async () => {
    const made = await hearth.service.api("/api/v1/staff/keys", {
      method: "POST",
      body: { name: "guest", role: "viewer" },
    });
    const { page, complaints } = await open(phone, `/devices/${starId}?tab=wire`, made.body.secret);
    await page.getByText("The wire cannot be seen with this key").waitFor();
    await page.getByText("The roles support and admin may see this page.").waitFor();
    await page.getByRole("link", { name: "Credentials" }).waitFor();
    expect(await page.getByRole("link", { name: "Wire" }).count()).toBe(0);
    expect([await overflow(page), complaints]).toEqual([0, []]);
  });

  test("the wire goes on by itself when the service is back, and its stream ends with the tab", async () => {
    const { page } = await open(desk, `/devices/${starId}`);
    await page.route("**/wire", (route) => route.abort());
    await page.getByRole("link", { name: "Wire" }).click();
    await page.getByText("Hearth does not answer").waitFor();
    await page.unroute("**/wire");
    await page
      .getByRole("status")
      .filter({ hasText: /^Live$/ })
      .waitFor();
    expect(await page.getByText("Hearth does not answer").count()).toBe(0);
    const ended = page.waitForEvent("requestfailed", (request) => request.url().endsWith("/wire"));
    await page.getByRole("link", { name: "Credentials" }).click();
    await ended;
  });

  test("the keys work: search, help, along the list, along the timeline", async () => {
    const { page } = await open(desk, "/");
    await page.getByTestId("connected").waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await page.keyboard.press("/");
    await page.getByRole("combobox", { name: "Search" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await page.getByRole("link", { name: "Appliances" }).click();
    await page.getByRole("searchbox").fill("oven-000");
    await until("the list is narrowed", async () => (await page.locator("[data-row-link]").count()) === 8);
    await page.getByRole("searchbox").blur();
    expect(await page.getByRole("searchbox").inputValue(), "the list stays narrowed").toBe("oven-000");
    for (const [key, at] of [
      ["j", 0],
      ["j", 1],
      ["k", 0],
    ] as const) {
      await page.keyboard.press(key);
      const row = page.locator("[data-row-link]").nth(at);
      await until(`row ${at} has the focus`, () => row.evaluate((link) => link.matches(":focus")));
    }
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: starId }).waitFor();
    await page.getByTestId("timeline-list").locator("[data-entry]").first().waitFor();
    await page.keyboard.press("j");
    await until("an entry is selected", () => param(page, "item") !== null);
    await page.keyboard.press("Escape");
    await until("none is", () => param(page, "item") === null);
    expect(new URL(page.url()).pathname).toBe(`/devices/${starId}`);
  });

  test("an appliance that says more than it may is shown as held back, with the reason in words", async () => {
    hearth.stage.babble();
    for (const screen of [phone, desk]) {
      const { page, complaints } = await open(screen, `/devices/${babblerId}`);
      const notice = page.getByRole("status").filter({ hasText: "Held back" });
      await notice.waitFor();
      expect(await notice.textContent()).toContain(
        "It sends more than 10 messages a second: Hearth reads it no faster",
      );
      await page.getByText("Held back: sends more than 10 messages a second").waitFor();
      expect([await overflow(page), complaints]).toEqual([0, []]);
    }
  });

  test("an id that nobody has is answered in words, and leads on", async () => {
    const { page } = await open(phone, "/devices/nobody");
    await page.getByText("There is no appliance nobody").waitFor();
    await page.getByRole("link", { name: "Look for ids that contain it" }).click();
    await page.getByText("No appliance fits these filters").waitFor();
    expect(param(page, "q")).toBe("nobody");
  });

  test.each(["light", "dark"] as const)(
    "in the %s scheme no page has a fault that axe can find",
    async (colorScheme) => {
      const { page } = await open(desk, "/");
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const faults: string[] = [];
      const look = async (name: string) => {
        const axe = new AxeBuilder({ page });
        // The schemes differ in their colours and in nothing else.
        const { violations } = await (colorScheme === "light" ? axe : axe.withRules("color-contrast")).analyze();
        for (const { id, nodes } of violations)
          for (const node of nodes) faults.push(`${name}: ${id}: ${node.html.slice(0, 200)}`);
      };
      await page.getByTestId("connected").waitFor();
      await page.getByRole("link", { name: /E-17/ }).waitFor();
      await look("overview");
      await page.keyboard.press("?");
      await page.getByRole("dialog", { name: "Keys" }).waitFor();
      await look("keys");
      await page.goto(`${hearth.service.http}/devices?q=oven-000`);
      await page.locator("[data-row-link]").first().waitFor();
      await look("appliances");
      await page.goto(`${hearth.service.http}/devices/${starId}?item=event:fault-1`);
      await until("the chart has points", async () => (await pointsOf(page)) > 200);
      await page.locator('[data-selected="true"]').waitFor();
      await page.getByText("Show as a table").click();
      await look("appliance");
      await page.getByRole("button", { name: "Copy as curl" }).click();
      await page.getByRole("dialog", { name: "Copy as curl" }).waitFor();
      await look("copy as curl");
      await page.evaluate("sessionStorage.removeItem('hearth.key')");
      await page.reload();
      await page.getByRole("textbox", { name: "Key" }).waitFor();
      await look("key");
      expect(faults).toEqual([]);
    },
  );

  test("what can be pressed on a phone is as large as a finger", async () => {
    for (const path of ["/", "/devices", `/devices/${starId}`]) {
      const { page } = await open(phone, path);
      await page.locator("[data-entry], [data-row-link], [data-testid=connected]").first().waitFor();
      const small = await page
        .locator("button:visible, input[type=search]:visible, select:visible, nav a:visible")
        .evaluateAll((all) =>
          all.filter((one) => one.getBoundingClientRect().height < 43.5).map((one) => one.outerHTML.slice(0, 120)),
        );
      expect(small).toEqual([]);
    }
  });

  test("a service that is away is said so, what was seen stays, and it goes on when the service is back", async () => {
    const { page } = await open(desk, "/");
    await page.getByTestId("connected").waitFor();
    await page.route("**/api/v1/overview", (route) => route.abort());
    await page.getByText("Hearth does not answer").waitFor();
    expect(await page.getByTestId("connected").textContent()).toContain(`of ${deviceCount}`);
    await page.unroute("**/api/v1/overview");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("Hearth does not answer").waitFor({ state: "hidden" });
  });

  // The last: it is one delivery more.
  test("what was taken back stands in the overview's legend with what it means, on a phone, light and dark", async () => {
    const { service } = hearth;
    const away = (await service.api("/api/v1/devices?online=false&limit=1")).body.items[0].id;
    const asked = { method: "POST", body: { name: "identify", args: {} } };
    const { id } = (await service.api(`/api/v1/devices/${away}/commands`, asked)).body;
    expect((await service.api(`/api/v1/deliveries/${id}/cancel`, { method: "POST" })).status).toBe(200);
    const { page, complaints } = await open(phone, "/");
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const legend = page.getByRole("region", { name: "Deliveries" }).getByRole("list").first();
      await legend.getByText("taken back by staff, by a limit or at a hand-over").waitFor();
      expect([colorScheme, await overflow(page), await faultsOf(page)]).toEqual([colorScheme, 0, []]);
    }
    expect(complaints).toEqual([]);
  });
});

/** Waits for a cursor, and answers where it stands. */
async function cursorAtSelected(page: Page): Promise<number> {
  await until("the chart's cursor is set", async () => (await cursorOf(page)) > 0);
  const selected = page.locator('[data-selected="true"] time');
  const atMs = Date.parse((await selected.getAttribute("datetime")) ?? "");
  await until("the cursor stands at the entry", async () => (await cursorOf(page)) === atMs);
  return atMs;
}
