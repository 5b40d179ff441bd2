/** What a desk of several people does with cases, in real browsers: give, find, answer a family, mend in a release, tell again. */
import { afterAll, describe, expect, test } from "vitest";
import { Mailbox } from "../support/mailbox.ts";
import { until } from "../support/service-process.ts";
import { desk, faultsOf, hasChromium, onStage, overflow, param, phone } from "./browse.ts";
import { deskOven, setDeskStage } from "./desk-stage.ts";

const mail = await Mailbox.open();
afterAll(() => mail.close());

const hearth = onStage(setDeskStage, {
  env: { HEARTH_SMTP_URL: mail.url, HEARTH_SMTP_FROM: "hearth@maker.example" },
  leave: (stage) => stage.leave(),
});
const { open } = hearth;

async function openCase(title: string, body: object = { deviceId: deskOven }): Promise<string> {
  const cause = title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_");
  const asked = { severity: "service", title, cause, ...body };
  const made = await hearth.service.api("/api/v1/cases", { method: "POST", body: asked });
  if (made.status !== 201) throw new Error(JSON.stringify(made.body));
  return made.body.id;
}

describe.skipIf(!hasChromium)("a desk of several people", () => {
  describe.each([desk, phone])("at $name", (screen) => {
    test("a case is given to a colleague, who is told, finds it among hers, and is found by her name", async () => {
      const { rosa } = hearth.stage;
      const address = `rosa-${screen.viewport.width}@maker.example`;
      const { page, complaints } = await open(screen, "/notices");
      await page.getByRole("button", { name: "Tell somebody" }).click();
      await page.getByLabel("Name", { exact: true }).fill(address);
      await page.getByLabel("E-mail address").fill(address);
      await page.getByRole("checkbox", { name: "a case is given to somebody" }).check();
      await page.getByRole("combobox", { name: "Only what is one colleague’s" }).selectOption({ label: "Rosa" });
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("button", { name: "Make the channel" }).click();
      await page
        .getByRole("listitem", { name: address })
        .getByText(/where it reaches Rosa/)
        .waitFor();
      const title = `Rattles at ${screen.viewport.width}`;
      const id = await openCase(title);
      await page.goto(`${hearth.service.http}/cases/${id}`);
      await page.getByRole("button", { name: "Give to…" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("combobox", { name: "To whom" }).selectOption({ label: "Rosa" });
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await dialog.getByRole("button", { name: "Give to" }).click();
      await page.getByRole("region", { name: "What happened" }).getByText("Given to Rosa").waitFor();
      await until("she is told", () => mail.got.some(({ to, text }) => to === address && text.includes(title)));
      await page.goto(`${hearth.service.http}/cases`);
      await page.getByRole("combobox", { name: "Who has it" }).selectOption({ label: "Nobody" });
      const row = page.getByRole("table", { name: "Cases" }).locator("[data-row]").filter({ hasText: title });
      await row.waitFor({ state: "detached" });
      await page.getByRole("combobox", { name: "Who has it" }).selectOption({ label: "Rosa" });
      await row.getByText("Rosa").waitFor();
      expect(param(page, "assignee")).toBe(rosa.principal);
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
      const hers = await open(screen, "/cases?assignee=me", rosa.key);
      await hers.page.getByRole("link", { name: title }).waitFor();
    });

    test("what a family chose in their app to hear of stands on their page", async () => {
      const { my, householdId } = hearth.stage;
      expect((await my("PUT", "/topics", { topics: ["slow-cooking", "bread"] })).status).toBe(200);
      const { page, complaints } = await open(screen, `/households/${householdId}`);
      const reach = page.getByRole("region", { name: "How to reach them", exact: true });
      await reach.getByText("bread, slow-cooking").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      expect(complaints).toEqual([]);
    });

    test("a family's own matter is answered in their app, both ways, and the page says that no display shows it", async () => {
      const { my } = hearth.stage;
      const { body } = await my("POST", "/help", {
        topic: "other",
        text: `My order, at ${screen.name}`,
        wantsHuman: true,
      });
      const { page, complaints } = await open(screen, `/cases/${body.id}`);
      const talk = page.getByRole("region", { name: "Conversation with the owner" });
      await talk.getByText(`My order, at ${screen.name}`).waitFor();
      await talk.getByText(/what you send reaches their app\./).waitFor();
      await page.getByText("none: it is the household’s").waitFor();
      await page.getByLabel("Your answer to the owner").fill(`It left yesterday, said at ${screen.name}.`);
      expect(await talk.getByText("On the appliance’s display").count()).toBe(0);
      await page.getByLabel(/Then wait for the owner/).check();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("button", { name: "Send to the owner" }).click();
      await talk.getByRole("listitem").getByText(`It left yesterday, said at ${screen.name}.`).waitFor();
      const read = await my("GET", `/cases/${body.id}`);
      expect(read.body.messages.at(-1)).toMatchObject({
        from: "support",
        text: `It left yesterday, said at ${screen.name}.`,
      });
      expect(read.body.standing.status).toBe("waiting_for_owner");
      await my("POST", `/cases/${body.id}/messages`, { text: `It came, at ${screen.name}` });
      await talk.getByText(`It came, at ${screen.name}`).waitFor();
      await page.getByText("The owner answered", { exact: true }).first().waitFor();
      expect(complaints).toEqual([]);
    });
  });

  test("a case waits for the release that mends it, and is resolved when its appliance confirms that release", async () => {
    const { release, confirm } = hearth.stage;
    const id = await openCase("Fan hums");
    const { page, complaints } = await open(desk, `/cases/${id}`);
    await page.getByRole("button", { name: "Mended in a release…" }).click();
    const dialog = page.getByRole("dialog");
    expect(await dialog.getByRole("button", { name: "Mended in a release" }).isDisabled()).toBe(true);
    await dialog.getByRole("combobox", { name: "Release" }).selectOption({ label: `oven-x200 ${release.version}` });
    expect(await faultsOf(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Mended in a release" }).click();
    await page.getByText("Waits for a release", { exact: true }).first().waitFor();
    expect((await hearth.service.api(`/api/v1/cases/${id}`)).body).toMatchObject({
      status: "waiting_for_release",
      fixedIn: { version: release.version, counter: release.releaseCounter },
    });
    await confirm(release);
    await page.getByText("Resolved in a release", { exact: true }).first().waitFor();
    await page.getByRole("region", { name: "What happened" }).getByText("The release mended it").waitFor();
    expect(complaints).toEqual([]);
  });

  test("a notice that no mail server took is sent again by hand, and arrives", async () => {
    const address = "again@maker.example";
    const asked = { kind: "email", name: "Again", address, subscriptions: [{ kinds: ["case_opened"] }] };
    await hearth.service.api("/api/v1/notices/channels", { method: "POST", body: asked });
    mail.code = 550;
    await openCase("Told again");
    const { page, complaints } = await open(desk, "/notices");
    const row = page.getByRole("table", { name: "Messages" }).locator("[data-row]").filter({ hasText: "Again" });
    await row.getByText("Failed").waitFor();
    await row.getByRole("button").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(/1\. failed: SMTP 550/).waitFor();
    expect(await faultsOf(page)).toEqual([]);
    mail.code = 250;
    await dialog.getByRole("button", { name: "Send it again" }).click();
    await dialog.getByText(/2\. delivered/).waitFor();
    expect(mail.got.filter(({ to }) => to === address)).toHaveLength(1);
    expect(complaints).toEqual([]);
  });
});
