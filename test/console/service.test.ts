/** Cases, incidents, rules and staff notices in a real browser, on a real service whose ovens have had trouble. */
import { describe, expect, test } from "vitest";
import { until } from "../support/service-process.ts";
import { desk, faultsOf, hasChromium, onStage, overflow, param, phone } from "./browse.ts";
import { lateId, setServiceStage, spareIds } from "./service-stage.ts";

/** The first of those that ship with Hearth. */
const overTemperatureId = "01890000-0000-7000-8000-000000000001";

const hearth = onStage(setServiceStage, { leave: (stage) => stage.leave() });
const { open } = hearth;

describe.skipIf(!hasChromium)("service in the console", () => {
  describe.each([desk, phone])("at $name", (screen) => {
    test("the queue has what is most severe first, says in words when each is due, and keeps its filters in the address", async () => {
      const { page, complaints, strangers } = await open(screen, "/cases");
      const table = page.getByRole("table", { name: "Cases" });
      const rows = table.locator("[data-row]");
      await rows.nth(1).waitFor();
      expect(await rows.nth(0).innerText()).toMatch(/Cavity too hot[^]*Safety[^]*due in/);
      // By the title of its article, and not by `help_requested`.
      expect(await rows.nth(1).innerText()).toMatch(/Asks for help[^]*Help asked/);
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByLabel("Severity").selectOption("without safety");
      await rows.filter({ hasText: "Cavity too hot" }).waitFor({ state: "detached" });
      expect(param(page, "notSeverity")).toBe("safety");
      await page.getByRole("button", { name: "Take off: without Safety" }).click();
      await rows.filter({ hasText: "Cavity too hot" }).waitFor();
      await page.getByRole("link", { name: /^Mine/ }).click();
      await until("whose it is lies in the address", () => param(page, "assignee") === "me");
      expect([complaints, strangers]).toEqual([[], []]);
    });

    test("a case shows what it is, what to do and its evidence, and every point of the chart stands in a table", async () => {
      const { page, complaints } = await open(screen, `/cases/${hearth.stage.hotCaseId}`);
      await page.getByRole("heading", { name: "Cavity too hot" }).waitFor();
      await page.getByText(/covered, until/).waitFor();
      await page.getByText("PB-2040").waitFor();
      const chart = page.getByRole("figure", { name: /Readings of the 72 hours before/ });
      await chart.getByRole("slider").waitFor();
      expect(Number(await chart.getAttribute("data-points"))).toBeGreaterThan(15);
      expect(await chart.getAttribute("data-marks")).toBe("3");
      await chart.getByText(/readings behind it/).waitFor();
      await page.getByText("Around the opening").click();
      const near = page.getByRole("figure", { name: /Readings around/ });
      await near.getByRole("slider").waitFor();
      expect(Number(await near.getAttribute("data-points"))).toBeGreaterThan(60);
      await near.getByText("As a table").click();
      await near.getByRole("region", { name: "Readings as a table" }).waitFor();
      await page.getByRole("region", { name: "Similar and past cases" }).waitFor();
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });
  });

  describe.each([desk, phone])("beyond one appliance, at $name", (screen) => {
    test("an incident says what to do about its cause, and has the cause by the name of its article", async () => {
      const written = {
        title: "Mains dropped below 190 V",
        fix: "Look whether one street has it. The ovens need nothing.",
        part: { number: "EM-1100", name: "mains filter" },
        article: { en: { title: "The power was too weak", text: "Your oven is well." } },
      };
      await hearth.service.api("/api/v1/causes/fault:E42", { method: "PUT", body: written });
      const { page, complaints } = await open(screen, "/incidents");
      await page.getByRole("table", { name: "Incidents" }).getByText("Mains dropped below 190 V · oven-x200").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("table", { name: "Incidents" }).getByRole("link").first().click();
      await page.getByRole("definition").getByText("Mains dropped below 190 V").waitFor();
      const card = page.getByRole("region", { name: "What to do" });
      await card.getByText(written.fix).waitFor();
      await card.getByText("EM-1100").waitFor();
      await card.getByText("What the owner reads: “The power was too weak”").click();
      await card.getByText("Your oven is well.").waitFor();
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });

    test("an incident shows whom it hits over time, what they have in common, and can be taken and noted", async () => {
      const { page, complaints } = await open(screen, "/incidents");
      await page.getByRole("table", { name: "Incidents" }).getByText(/24, /).waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("table", { name: "Incidents" }).getByRole("link").first().click();
      await page.getByText("24 appliances, none has cleared so far").waitFor();
      const chart = page.getByRole("figure", { name: "Appliances with the cause over time" });
      expect(Number(await chart.getAttribute("data-points"))).toBeGreaterThan(1);
      await chart.getByText("As a table").click();
      await chart.getByRole("region", { name: "Members as a table" }).waitFor();
      await page.getByRole("region", { name: "What they have in common" }).getByText("2.5.0").waitFor();
      await page.getByRole("button", { name: "Write a note…" }).click();
      const note = `The depot in Kiel, seen at ${screen.name}`;
      await page.getByLabel("Note for colleagues").fill(note);
      await page.getByRole("button", { name: "Keep the note" }).click();
      await page.getByRole("region", { name: "What happened" }).getByText(note).waitFor();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      const made = { name: `Rosa at ${screen.name}`, role: "support" };
      await hearth.service.api("/api/v1/staff/keys", { method: "POST", body: made });
      await page.reload();
      await page.getByRole("button", { name: "Give to…" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("combobox", { name: "To whom" }).selectOption({ label: made.name });
      await dialog.getByRole("button", { name: "Give it" }).click();
      await page.getByRole("region", { name: "What happened" }).getByText(`Given to ${made.name}`).waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.goto(`${hearth.service.http}/incidents`);
      await page.getByRole("combobox", { name: "Who has it" }).selectOption({ label: "Nobody" });
      await page.getByText("No incident is among these").waitFor();
      await page.getByRole("combobox", { name: "Who has it" }).selectOption({ label: made.name });
      await page.getByRole("table", { name: "Incidents" }).getByText(made.name).waitFor();
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });

    test("rules say in a sentence what they watch, and one says what it found, with its trace", async () => {
      const { page, complaints } = await open(screen, "/rules");
      await page.getByText(/Cavity stays above 290\s°C for 20 s/).waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("link", { name: "Cavity too hot" }).first().click();
      const found = page.getByRole("region", { name: "What it found" });
      await found.getByRole("link", { name: "oven-0001" }).waitFor();
      await found.getByText("5 readings behind it").click();
      await found.getByText(/290.5/).waitFor();
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });

    test("what came too late for a rule is a line on its page and on the appliance's timeline", async () => {
      const { page, complaints } = await open(screen, `/rules/${overTemperatureId}`);
      const lines = page.getByRole("region", { name: "Came too late" });
      await lines.getByText(/1 reading or event of /).waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await lines.getByRole("link", { name: lateId }).click();
      await page.getByText("1 reading or event came too late for the rule: Cavity too hot").first().waitFor();
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });

    test("a back-test tells fired from never fired and from no data, and marks where it fired on a chart", async () => {
      const { page, complaints } = await open(screen, `/rules/${overTemperatureId}`);
      const card = page.getByRole("region", { name: "Back-test" });
      await card.getByLabel("When").selectOption("7");
      const [started] = await Promise.all([
        page.waitForResponse((one) => one.request().method() === "POST" && one.url().endsWith("/rules/backtest")),
        card.getByRole("button", { name: "Try it" }).click(),
      ]);
      // Until it is there, the one before it is shown.
      const { id } = await started.json();
      await card.locator(`[data-backtest="${id}"][data-status="done"]`).waitFor();
      const chart = card.getByRole("figure", { name: "Readings of oven-0001 with marks where the rule fired" });
      await chart.getByRole("slider").waitFor();
      expect(Number(await chart.getAttribute("data-marks"))).toBeGreaterThan(0);
      expect(Number(await chart.getAttribute("data-points"))).toBeGreaterThan(10);
      expect(await card.getByText("No data to look at").count()).toBe(1);
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });
  });

  test("what is wrong with a rule is said at its line, and a good one runs in its shadow", async () => {
    const { page } = await open(desk, "/rules/new");
    const text = page.getByLabel("Definition, as JSON");
    const good = await text.inputValue();
    await text.fill(good.replace('"limit": 280', '"limit": 280,\n  "where": "door_open +"'));
    await page.getByRole("button", { name: "Keep the rule" }).click();
    await page.getByRole("alert", { name: "What is wrong with it" }).getByText("Line 10.").waitFor();
    await text.fill("{");
    expect(await page.getByRole("button", { name: "Keep the rule" }).isDisabled()).toBe(true);
    await text.fill(good);
    await page.getByRole("button", { name: "Keep the rule" }).click();
    await page.getByRole("heading", { name: "Kitchen gets too warm" }).waitFor();
    const mode = page.getByRole("region", { name: "Whether it acts" });
    await mode.getByText("is noted, and nothing follows").waitFor();
    await mode.getByText("Live", { exact: true }).click();
    await mode.getByText("opens cases").waitFor();
    expect(await faultsOf(page)).toEqual([]);
    // In force it would open a second case for each oven that grows too hot after this.
    await mode.getByText("Off", { exact: true }).click();
    await mode.getByText("opens cases").waitFor({ state: "detached" });
  });

  test("j and k move, e opens and a takes; ? shows the keys", async () => {
    const { page, complaints } = await open(desk, "/cases");
    const links = page.locator("a[data-case]");
    await links.nth(1).waitFor();
    const focused = () => page.evaluate<string>("document.activeElement?.textContent ?? ''");
    await page.keyboard.press("j");
    expect(await focused()).toBe("Cavity too hot");
    await page.keyboard.press("j");
    expect(await focused()).toBe("Asks for help");
    await page.keyboard.press("k");
    await page.keyboard.press("a");
    await page.locator("[data-row]").first().getByText("first admin").waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog").getByText("Take the case that is chosen, or open").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("e");
    await page.getByRole("heading", { name: "Cavity too hot" }).waitFor();
    await page.keyboard.press("j");
    await page.getByRole("heading", { name: "Asks for help" }).waitFor();
    expect(complaints).toEqual([]);
  });

  test("an answer to the owner and a note among staff are never the same, and a sending that fails loses no word", async () => {
    const { page } = await open(desk, `/cases/${hearth.stage.helpCaseId}`);
    const talk = page.getByRole("region", { name: "Conversation with the owner" });
    await talk.getByText("The door does not close any more.").waitFor();
    await talk.getByText("They asked for a person.").waitFor();
    const box = page.getByLabel("Your answer to the owner");
    await box.fill("Please send a picture of the hinge.");
    await page.route("**/messages", (route) => route.abort());
    await page.getByRole("button", { name: "Send to the owner" }).click();
    await talk.getByRole("alert").getByText("Hearth does not answer").waitFor();
    await page.reload();
    await box.waitFor();
    expect(await box.inputValue()).toBe("Please send a picture of the hinge.");
    await page.unroute("**/messages");
    await page.getByLabel(/Then wait for the owner/).check();
    await page.getByRole("button", { name: "Send to the owner" }).click();
    await talk.getByRole("listitem").getByText("Please send a picture of the hinge.").waitFor();
    await page.getByText("Waits for the owner", { exact: true }).first().waitFor();
    expect(await box.inputValue()).toBe("");
    const notes = page.getByRole("region", { name: "Notes among staff" });
    await page.getByLabel("A note for your colleagues").fill("Second call about this hinge.");
    await page.getByRole("button", { name: "Keep the note" }).click();
    await notes.getByRole("listitem").getByText("Second call about this hinge.").waitFor();
    expect(await talk.getByText("Second call about this hinge.").count()).toBe(0);
    const { body } = await hearth.service.api(`/api/v1/cases/${hearth.stage.helpCaseId}`);
    const kinds = body.entries.map(({ kind, text }: { kind: string; text: string | null }) => [kind, text]);
    expect(kinds).toContainEqual(["note", "Second call about this hinge."]);
    expect(kinds).toContainEqual(["message_to_owner", "Please send a picture of the hinge."]);
    expect(await faultsOf(page)).toEqual([]);
  });

  test("a kept answer is filled in from the case", async () => {
    const { page } = await open(desk, `/cases/${hearth.stage.hotCaseId}`);
    const kept = page.getByLabel("Begin with a kept answer");
    await kept.waitFor();
    const { body } = await hearth.service.api(`/api/v1/cases/${hearth.stage.hotCaseId}/answers`);
    await kept.selectOption(body.items[0].key);
    expect(await page.getByLabel("Your answer to the owner").inputValue()).toBe(body.items[0].text);
  });

  test("the appliance is asked for a self-test and its log, and both stand on the case without a secret", async () => {
    const { page } = await open(desk, `/cases/${hearth.stage.hotCaseId}`);
    const asked = page.getByRole("region", { name: "Ask the appliance" });
    await asked.getByRole("button", { name: "Run a self-test" }).click();
    await asked.getByText("fan faulty").waitFor();
    await asked.getByRole("button", { name: "Ask for its log" }).click();
    const button = asked.getByRole("button", { name: "Download the log" });
    await button.waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
    const stream = await download.createReadStream();
    let log = "";
    for await (const piece of stream) log += String(piece);
    expect(log).toContain("fan stalled");
    expect(log).not.toContain("hunter2");
  });

  test("how it goes is a small chart for each measure, and a table of the weeks", async () => {
    for (const screen of [desk, phone]) {
      const { page, complaints } = await open(screen, "/cases?tab=measures");
      await page.getByRole("img", { name: /First answer by week/ }).waitFor();
      await page.getByRole("region", { name: "Measures by week" }).waitFor();
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    }
  });

  test("staff are told where an admin says, a webhook's secret is shown once, and every attempt can be read", async () => {
    for (const screen of [desk, phone]) {
      const { page, complaints } = await open(screen, "/notices");
      await page.getByRole("button", { name: "Tell somebody" }).click();
      await page.getByText("Webhook", { exact: true }).click();
      const name = `Night shift at ${screen.name}`;
      await page.getByLabel("Name", { exact: true }).fill(name);
      await page.getByLabel("Address that is posted to").fill("https://hooks.example.com/night");
      await page.getByRole("button", { name: "Make the channel" }).click();
      await page.getByText("This is the only time that it is shown.").waitFor();
      await page.getByText(/whsec_/).waitFor();
      await page.getByRole("button", { name: "I have stored it" }).click();
      const channel = page.getByRole("listitem", { name });
      await channel.getByText(/When a case opens, or a case is overdue/).waitFor();
      expect(await page.getByText(/whsec_/).count()).toBe(0);
      await channel.getByRole("button", { name: "Send a test" }).click();
      const messages = page.getByRole("table", { name: "Messages" });
      await messages.getByText(`1 notice to ${name}`).waitFor();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
      await channel.getByRole("button", { name: "Switch off" }).click();
      await channel.getByText("Off", { exact: true }).waitFor();
    }
  });

  describe.each([desk, phone])("a safety matter, at $name", (screen) => {
    test("it says that its cause is gone and waits until somebody says that they have seen it", async () => {
      const oven = screen === desk ? spareIds[0] : spareIds[1];
      const caseId = await hearth.stage.heat(oven);
      const { page, complaints } = await open(screen, `/cases/${caseId}`);
      const card = page.getByRole("region", { name: "Whether somebody has seen it" });
      await card.getByText("Nobody has seen this case yet.").waitFor();
      await hearth.stage.cool(oven);
      await card.getByText("The cause is gone").waitFor();
      await page.getByText("The cause is gone; the case waits for somebody to see it").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.goto(`${hearth.service.http}/cases`);
      const row = page.getByRole("table", { name: "Cases" }).locator("[data-row]").filter({ hasText: oven });
      await row.getByText("the cause is gone").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.goto(`${hearth.service.http}/cases/${caseId}`);
      await card.getByRole("button", { name: "I have seen it: resolve" }).click();
      await page.getByText("Seen, and resolved: the cause was gone").waitFor();
      await card.waitFor({ state: "detached" });
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });
  });

  describe.each([desk, phone])("by hand, at $name", (screen) => {
    test("staff open a case of an appliance that they look up, or of a household from its page", async () => {
      const { page, complaints } = await open(screen, "/cases");
      await page.getByRole("button", { name: "Open a case…" }).click();
      const dialog = page.getByRole("dialog", { name: "Open a case" });
      // One each: a second case of its cause would be the first, reopened.
      const [id, serial] = screen === desk ? ["oven-0003", "SN-7340002"] : ["oven-0004", "SN-7340003"];
      await dialog.getByLabel("Of which appliance").fill(serial);
      const found = dialog.getByRole("list", { name: "Found" });
      await found.getByRole("button", { name: new RegExp(id) }).click();
      await dialog.getByText(id).waitFor();
      const title = `They called, at ${screen.name}`;
      await dialog.getByLabel("What is the matter").fill(title);
      await dialog.getByLabel("Cause, where it is known").selectOption({ label: "Door seal leaks heat" });
      await dialog.getByLabel("What a colleague should know").fill("It smells of rubber.");
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await dialog.getByRole("button", { name: "Open the case" }).click();
      await page.getByRole("heading", { name: title }).waitFor();
      await page.getByText("It smells of rubber.").waitFor();
      const { body } = await hearth.service.api(`/api/v1/cases?device=${id}`);
      expect(body.items).toMatchObject([{ title, cause: "door_seal_leaking" }]);
      await hearth.service.api(`/api/v1/cases/${body.items[0].id}/resolve`, {
        method: "POST",
        body: { note: "Tried" },
      });
      await page.goto(`${hearth.service.http}/households/${hearth.stage.householdId}`);
      await page.getByRole("link", { name: "Open a case by hand" }).click();
      await dialog.getByText("Lindqvist").waitFor();
      const asked = `A word about their plan, at ${screen.name}`;
      await dialog.getByLabel("What is the matter").fill(asked);
      await dialog.getByLabel("Cause, where it is known").selectOption({ index: screen === desk ? 0 : 1 });
      await dialog.getByRole("button", { name: "Open the case" }).click();
      await page.getByRole("heading", { name: asked }).waitFor();
      await page.getByText("none: it is the household’s").waitFor();
      expect(await page.getByRole("region", { name: "Evidence" }).count()).toBe(0);
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });

    test("what is promised is changed in hours, and no first answer may come after the solution", async () => {
      const { page, complaints } = await open(screen, "/cases?tab=measures");
      const card = page.getByRole("region", { name: "What is promised" });
      await card.getByText("when it is missed: all of support").first().waitFor();
      const before = (await hearth.service.api("/api/v1/cases/policy")).body;
      await card.getByRole("button", { name: "Change the times…" }).click();
      const safety = page.getByRole("group", { name: "Safety" });
      await safety.getByLabel("First answer, hours").fill("48");
      await page.getByText(/Safety: the first answer comes before the solution/).waitFor();
      expect(await page.getByRole("button", { name: "Promise that" }).isDisabled()).toBe(true);
      await safety.getByLabel("First answer, hours").fill("3");
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("button", { name: "Promise that" }).click();
      await card.getByText(`Version ${before.version + 1}`).waitFor();
      const { policy } = (await hearth.service.api("/api/v1/cases/policy")).body;
      expect(policy).toEqual({ ...before.policy, safety: { ...before.policy.safety, firstAnswerMs: 3 * 3_600_000 } });
      await page.getByRole("dialog").waitFor({ state: "detached" });
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });

    test("a promise that somebody else changed meanwhile is not written over unread, and nothing that was typed is lost", async () => {
      const policyPath = "/api/v1/cases/policy";
      const { policy: began } = (await hearth.service.api(policyPath)).body;
      const hourMs = 3_600_000;
      const put = (firstAnswerMs: number) =>
        hearth.service.api(policyPath, {
          method: "PUT",
          body: { ...began, info: { ...began.info, firstAnswerMs, resolveMs: 900 * hourMs } },
        });
      await put(10 * hourMs);
      const { page, complaints } = await open(screen, "/cases?tab=measures");
      await page.getByRole("button", { name: "Change the times…" }).click();
      const answer = page.getByRole("group", { name: "Safety" }).getByLabel("First answer, hours");
      const infoAnswer = page.getByRole("group", { name: "Info" }).getByLabel("First answer, hours");
      const promise = page.getByRole("button", { name: "Promise that" });
      await answer.fill("5");
      await put(20 * hourMs);
      await promise.click();
      const alert = page.getByRole("alert", { name: "Changed meanwhile" });
      await alert.getByText("Info / first answer was “10 h”, and is “20 h”").waitFor();
      await alert.getByText("Look at their version").click();
      await alert.getByText("20 h", { exact: true }).waitFor();
      expect([await answer.inputValue(), await promise.isDisabled()]).toEqual(["5", true]);
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await alert.getByRole("button", { name: "Take theirs, and drop mine" }).click();
      await alert.waitFor({ state: "detached" });
      expect(await infoAnswer.inputValue()).toBe("20");
      await answer.fill("6");
      await put(30 * hourMs);
      await promise.click();
      await alert.getByRole("button", { name: "Go on with mine" }).click();
      await promise.click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      const { policy } = (await hearth.service.api(policyPath)).body;
      // What was typed, and what they changed elsewhere.
      expect([policy.safety.firstAnswerMs, policy.info.firstAnswerMs]).toEqual([6 * hourMs, 30 * hourMs]);
      expect(complaints.filter((one) => !one.includes("409"))).toEqual([]);
    });

    test("a channel gets another name and is told of other things, from a level of the escalation on", async () => {
      const made = await hearth.service.api("/api/v1/notices/channels", {
        method: "POST",
        body: {
          kind: "webhook",
          name: `Depot at ${screen.name}`,
          url: "https://hooks.example.com/depot",
          subscriptions: [{ kinds: ["case_escalated"], reaches: ["role:support"] }, { kinds: ["store_away"] }],
        },
      });
      const { page, complaints } = await open(screen, "/notices");
      const channel = page.getByRole("listitem", { name: `Depot at ${screen.name}` });
      await channel.getByRole("button", { name: "Change…" }).click();
      const name = `Night depot at ${screen.name}`;
      await page.getByLabel("Name", { exact: true }).fill(name);
      const first = page.getByRole("region", { name: "What they are told of, 1" });
      await first.getByLabel("an incident opens").check();
      await first.getByLabel("Info").uncheck();
      await first.getByLabel("From which level").fill("2");
      await page
        .getByRole("region", { name: "What they are told of, 2" })
        .getByRole("button", { name: "Take this off" })
        .click();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("button", { name: "Keep the changes" }).click();
      await page
        .getByRole("listitem", { name })
        .getByText(/from level 2 on, where it reaches role:support/)
        .waitFor();
      const { body } = await hearth.service.api(`/api/v1/notices/channels/${made.body.channel.id}`);
      expect(body).toMatchObject({
        name,
        target: "https://hooks.example.com/depot",
        subscriptions: [
          {
            kinds: ["case_escalated", "incident_opened"],
            severities: ["safety", "service"],
            levelMin: 2,
            reaches: ["role:support"],
          },
        ],
      });
      expect(complaints).toEqual([]);
    });

    test("how long what is kept stands beside what is measured, and the newest open cases lead to their pages", async () => {
      const { page } = await open(screen, "/models");
      const kept = page.getByRole("region", { name: "How long it is kept" });
      await kept.getByText("90 days", { exact: true }).waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.goto(`${hearth.service.http}/`);
      const newest = page.getByRole("region", { name: "Newest open cases" });
      await newest.getByRole("link", { name: /Cavity too hot/ }).click();
      await page.waitForURL(`**/cases/${hearth.stage.hotCaseId}`);
    });
  });

  test("a rule that fires widely is put in force only by whoever says so once more, and says what would follow", async () => {
    const wide = {
      kind: "fault",
      title: "Whatever they report",
      severity: "info",
      mode: "shadow",
      actions: [{ kind: "case" }, { kind: "award_points", points: 5, title: "You told us" }],
    };
    const { body: rule } = await hearth.service.api("/api/v1/service/rules", { method: "POST", body: wide });
    const { page, complaints } = await open(desk, `/rules/${rule.id}`);
    await page.getByText(/it opens a case and gives the household 5 points for “You told us”/).waitFor();
    const card = page.getByRole("region", { name: "Back-test" });
    await card.getByLabel("When").selectOption("7");
    await card.getByRole("button", { name: "Try it" }).click();
    await card.getByText("That is widely").waitFor();
    await card.getByText("120 points, 24 times").waitFor();
    const mode = page.getByRole("region", { name: "Whether it acts" });
    await mode.getByText("Live", { exact: true }).click();
    await mode.getByText(/would fire on many appliances/).waitFor();
    expect((await hearth.service.api(`/api/v1/service/rules/${rule.id}`)).body.rule.definition.mode).toBe("shadow");
    expect(await faultsOf(page)).toEqual([]);
    await mode.getByRole("button", { name: /all the same/ }).click();
    await page.getByText("version 2", { exact: true }).waitFor();
    expect((await hearth.service.api(`/api/v1/service/rules/${rule.id}`)).body.rule.definition.mode).toBe("live");
    await hearth.service.api(`/api/v1/service/rules/${rule.id}/mode`, { method: "POST", body: { mode: "off" } });
    expect(complaints.filter((one) => !one.includes("409"))).toEqual([]);
  });

  test.each([desk, phone])(
    "two who change one rule at once, at $name: the later sees what the other changed, and loses nothing",
    async (screen) => {
      const api = hearth.service.api.bind(hearth.service);
      const begun = { kind: "fault", title: "Any fault", severity: "info", mode: "off", actions: [{ kind: "case" }] };
      const { id } = (await api("/api/v1/service/rules", { method: "POST", body: begun })).body;
      const newest = async () => (await api(`/api/v1/service/rules/${id}`)).body.rule;
      const names = [`Ada at ${screen.name}`, `Ben at ${screen.name}`] as const;
      const keyOf = async (name: string): Promise<string> =>
        (await api("/api/v1/staff/keys", { method: "POST", body: { name, role: "admin" } })).body.secret;
      const secrets = [await keyOf(names[0]), await keyOf(names[1])] as const;
      const person = async (name: string, secret: string) => {
        const { page, complaints } = await open(screen, `/rules/${id}`, secret);
        const card = page.getByRole("region", { name: "As it is written" });
        const text = card.getByLabel("Definition, as JSON");
        await text.waitFor();
        await text.fill((await text.inputValue()).replace("Any fault", `Faults, says ${name}`));
        const save = card.getByRole("button", { name: "Put it in force as the next version" });
        return {
          name,
          page,
          complaints,
          card,
          text,
          save,
          alert: card.getByRole("alert", { name: "Changed meanwhile" }),
        };
      };
      const [ada, ben] = [await person(names[0], secrets[0]), await person(names[1], secrets[1])];
      await Promise.all([ada.save.click(), ben.save.click()]);
      await until("one of them is in force", async () => (await newest()).version === 2);
      const { title } = (await newest()).definition;
      const [first, later] = title.includes(ada.name) ? [ada, ben] : [ben, ada];
      await later.alert.getByText(`Version 2 is there meanwhile`).waitFor();
      const said = await later.alert.innerText();
      expect(said).toContain(`${first.name} put it there`);
      expect(said).toContain(`title was “Any fault”, and is “Faults, says ${first.name}”`);
      expect(await later.text.inputValue()).toContain(`Faults, says ${later.name}`);
      expect(await later.save.isDisabled()).toBe(true);
      await later.alert.getByText("Look at their version").click();
      await later.alert.getByLabel("Their version as it is written").getByText(`Faults, says ${first.name}`).waitFor();
      expect([await overflow(later.page), await faultsOf(later.page)]).toEqual([0, []]);
      await later.alert.getByRole("button", { name: "Go on with mine" }).click();
      await later.alert.waitFor({ state: "detached" });
      await later.save.click();
      await until("the later text is in force", async () => (await newest()).version === 3);
      expect((await newest()).definition.title).toBe(`Faults, says ${later.name}`);
      // Who had written nothing more has the newest before them, and who has is told.
      await first.page.getByRole("heading", { name: `Faults, says ${later.name}`, level: 1 }).waitFor();
      await until("the text is the newest", async () => (await first.text.inputValue()).includes(later.name));
      await first.text.fill(await first.text.inputValue().then((text) => text.replace("info", "service")));
      await api(`/api/v1/service/rules/${id}`, { method: "PUT", body: { ...begun, title: "Neither" } });
      await first.alert.getByRole("button", { name: /^Take theirs/ }).click();
      await until("the text is theirs", async () => (await first.text.inputValue()).includes("Neither"));
      expect([...first.complaints, ...later.complaints].filter((one) => !one.includes("409"))).toEqual([]);
      await api(`/api/v1/service/rules/${id}/mode`, { method: "POST", body: { mode: "off" } });
    },
  );

  test("who may only look sees cases and nothing to press", async () => {
    const made = await hearth.service.api("/api/v1/staff/keys", {
      method: "POST",
      body: { name: "looker", role: "viewer" },
    });
    const { page } = await open(desk, `/cases/${hearth.stage.hotCaseId}`, made.body.secret);
    await page.getByRole("heading", { name: "Cavity too hot" }).waitFor();
    await page.getByRole("region", { name: "Notes among staff" }).waitFor();
    for (const name of ["Resolve…", "Send to the owner", "Keep the note", "Run a self-test"]) {
      expect(await page.getByRole("button", { name }).count()).toBe(0);
    }
  });
});
