/** Webhooks, export and erasure in a real browser, on a real service whose events go to a real receiver. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { databaseOf, until } from "../support/service-process.ts";
import { desk, faultsOf, hasChromium, onStage, overflow, phone } from "./browse.ts";

const got: { path: string; body: string }[] = [];
const broken = new Set(["/broken"]);

/** Whoever is told of events: it keeps what came, and has one address that is broken. */
async function receive(): Promise<Server> {
  const receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      got.push({ path: request.url ?? "", body: Buffer.concat(chunks).toString("utf8") });
      response.writeHead(broken.has(request.url ?? "") ? 500 : 204).end();
    });
  });
  await new Promise<void>((done) => {
    receiver.listen(0, "127.0.0.1", done);
  });
  return receiver;
}

const hearth = onStage(receive, {
  env: { HEARTH_WEBHOOK_REACH: "loopback" },
  leave: (receiver) => new Promise((done) => receiver.close(done)),
});
const { open } = hearth;
const urlOf = (path: string) => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
  const { port } = hearth.stage.address() as AddressInfo;
  return `http://127.0.0.1:${port}${path}`;
};

async function householdOf(name: string): Promise<string> {
  const body = { name, locale: "en", timeZone: "Europe/Berlin" };
  const made = await hearth.service.api("/api/v1/households", { method: "POST", body });
  if (made.status !== 201) throw new Error(JSON.stringify(made.body));
  return made.body.id as string;
}

describe.skipIf(!hasChromium)("webhooks and a household's rights in the console", () => {
  describe.each([desk, phone])("at $name", (screen) => {
    const name = `Shop ${screen.viewport.width}`;

    test("whoever has no webhook learns what one is; one is made, tested, and its attempts are seen and sent again", async () => {
      const { items } = (await hearth.service.api("/api/v1/webhooks")).body;
      for (const { id } of items as { id: string }[])
        await hearth.service.api(`/api/v1/webhooks/${id}`, { method: "DELETE" });
      const { page, complaints, strangers } = await open(screen, "/webhooks");
      await page.getByText("No system hears of events yet").waitFor();
      await page.getByText(/curl -X POST .*\/api\/v1\/webhooks/).waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);

      await page.getByRole("button", { name: "New webhook" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Name").fill(name);
      await dialog.getByLabel("Address that is posted to").fill("https://10.0.0.1/");
      await dialog.getByRole("button", { name: "Make the webhook" }).click();
      await dialog.getByText("url is not in the internet").waitFor();
      await dialog.getByLabel("Address that is posted to").fill(urlOf(`/${screen.viewport.width}`));
      expect(await faultsOf(page)).toEqual([]);
      await dialog.getByRole("button", { name: "Make the webhook" }).click();
      await dialog.getByText("This is the only time that it is shown.").waitFor();
      await dialog.getByText(/^whsec_/).waitFor();
      await dialog.getByRole("button", { name: "I have stored it" }).click();

      const card = page.getByRole("listitem", { name });
      await card.getByRole("button", { name: "Send a test" }).click();
      await until("the test arrives", () => got.some(({ path }) => path === `/${screen.viewport.width}`));
      const table = page.getByRole("table", { name: "Events" });
      await table.getByText("Delivered").waitFor();
      await table.getByText("Webhook: a test").waitFor();
      await table.getByRole("button", { name: "1 attempt" }).click();
      await dialog.getByText(/1\. delivered: HTTP 204/).waitFor();
      await dialog
        .getByText(/hearth\.webhook\.tested/)
        .first()
        .waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await dialog.getByRole("button", { name: "Send it again" }).click();
      await dialog.getByText(/2\. delivered: HTTP 204/).waitFor();
      // The browser says of the refusal that was provoked here that it was one.
      expect([complaints.filter((one) => !one.includes("422")), strangers]).toEqual([[], []]);
    });

    test("one whose receiver fails says so, and its secret changes over with a day for the receiver", async () => {
      const called = `Broken ${screen.viewport.width}`;
      const body = { name: called, url: urlOf("/broken"), types: ["*"] };
      const made = await hearth.service.api("/api/v1/webhooks", { method: "POST", body });
      await hearth.service.api(`/api/v1/webhooks/${made.body.webhook.id}/test`, { method: "POST" });
      const { page, complaints } = await open(screen, `/webhooks?webhook=${made.body.webhook.id}`);
      const card = page.getByRole("listitem", { name: called });
      await card.getByText("Nothing arrives").waitFor();
      await page.getByRole("table", { name: "Events" }).getByText("To be sent").waitFor();
      await card.getByRole("button", { name: "Another secret…" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("button", { name: "Change over in a day" }).click();
      await dialog.getByText(/^whsec_/).waitFor();
      await dialog.getByRole("button", { name: "I have stored it" }).click();
      await card.getByText(/The former secret counts too/).waitFor();
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });

    test("a household's data is taken out as a file, and it is erased by its name, with the report that is its proof", async () => {
      const home = `Huber ${screen.viewport.width}`;
      const id = await householdOf(home);
      const { page, complaints } = await open(screen, `/households/${id}`);
      const section = page.getByRole("region", { name: "Data" });
      await section.getByRole("button", { name: "Export as CSV" }).waitFor();
      const downloading = page.waitForEvent("download");
      await section.getByRole("button", { name: "Export as CSV" }).click();
      expect((await downloading).suggestedFilename()).toBe("hearth-household-csv.tar.gz");
      await section.getByRole("button", { name: "Erase…" }).click();
      const dialog = page.getByRole("dialog");
      const erase = dialog.getByRole("button", { name: "Erase the household" });
      expect(await erase.isDisabled()).toBe(true);
      await dialog.getByLabel(`Type ${home} to erase them`).fill(home);
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await erase.click();

      const proof = page.getByRole("region", { name: "The erasure" });
      await proof.getByText("Nothing is left").waitFor({ timeout: 30_000 });
      await proof.getByText(/tables, files of the spool looked through: nothing found/).waitFor();
      const stores = proof.getByRole("list", { name: "Store by store" });
      await stores.getByText("audit log", { exact: true }).waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      expect((await hearth.service.api(`/api/v1/households/${id}`)).status).toBe(404);

      // The report outlasts the page: it is found among all erasures, and by the household's id.
      await proof.getByRole("link", { name: "Erasures" }).click();
      await page.getByRole("heading", { name: "Erasures", exact: true }).waitFor();
      await page
        .getByRole("region", { name: "Report of the erasure" })
        .getByText("audit log", { exact: true })
        .waitFor();
      await page.getByLabel("A household's id, whole").fill(id);
      const table = page.getByRole("table", { name: "Erasures" });
      await until("one is left", async () => (await table.locator("[data-row]").count()) === 1);
      await table.getByText("Nothing is left").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByLabel("A household's id, whole").fill("01980000-0000-7000-8000-000000000000");
      await page.getByRole("heading", { name: "No erasure of this household" }).waitFor();
      // Whoever is erased is asked for in vain by the page behind the dialog.
      expect(complaints.filter((one) => !one.includes("404"))).toEqual([]);
    });
  });

  test("what failed while a receiver was broken is sent again when it is mended", async () => {
    broken.add("/mended");
    const body = { name: "Mended", url: urlOf("/mended"), types: ["*"] };
    const { id } = (await hearth.service.api("/api/v1/webhooks", { method: "POST", body })).body.webhook;
    await hearth.service.api(`/api/v1/webhooks/${id}/test`, { method: "POST" });
    await until("it was tried", () => got.some(({ path }) => path === "/mended"));
    // As after the days for which it is tried.
    const db = await databaseOf(hearth.service.dataDir);
    onTestFinished(() => db.end());
    await until("it is given up", async () => {
      const { rowCount } = await db.query(
        "UPDATE webhook_delivery SET status = 'failed' WHERE endpoint_id = $1 AND attempts > 0",
        [id],
      );
      return rowCount === 1;
    });
    const { page, complaints } = await open(desk, `/webhooks?webhook=${id}`);
    await page.getByRole("table", { name: "Events" }).getByText("Failed").waitFor();
    broken.delete("/mended");
    await page.getByRole("button", { name: "Send again what failed in the last week" }).click();
    await page.getByRole("table", { name: "Events" }).getByText("Delivered").waitFor();
    expect(got.filter(({ path }) => path === "/mended")).toHaveLength(2);
    expect([await faultsOf(page), complaints]).toEqual([[], []]);
  });

  test.each([desk, phone])(
    "at $name what others call a household is added and forgotten on its page",
    async (screen) => {
      const id = await householdOf(`Called ${screen.viewport.width}`);
      const number = `C-${screen.viewport.width}`;
      const { page, complaints } = await open(screen, `/households/${id}`);
      const section = page.getByRole("region", { name: "Who they are to others" });
      await section.getByText("No shop and no site has a name for them yet.").waitFor();
      await section.getByRole("button", { name: "Add a name…" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Kind of name").fill("Shop");
      await dialog.getByText("Small letters, digits and _").waitFor();
      expect(await dialog.getByRole("button", { name: "Add the name" }).isDisabled()).toBe(true);
      await dialog.getByLabel("Kind of name").fill("web_account");
      await dialog.getByLabel("Name or number").fill(number);
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await dialog.getByRole("button", { name: "Add the name" }).click();
      await section.getByText(number).waitFor();
      await section.getByRole("button", { name: `Forget web account ${number}` }).click();
      await dialog.getByText("What it reported stays").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await dialog.getByRole("button", { name: "Forget the name" }).click();
      await section.getByText("No shop and no site has a name for them yet.").waitFor();
      expect((await hearth.service.api(`/api/v1/households/${id}/references`)).body).toEqual({ items: [] });
      expect(complaints).toEqual([]);
    },
  );

  test("a role that may not see them is told so, and finds no button that would be refused", async () => {
    const made = await hearth.service.api("/api/v1/staff/keys", {
      method: "POST",
      body: { name: "Vi", role: "viewer" },
    });
    const { page } = await open(desk, "/webhooks", made.body.secret);
    await page
      .getByText(/viewer/)
      .first()
      .waitFor();
    expect(await page.getByRole("button", { name: "New webhook" }).count()).toBe(0);
    const id = await householdOf("Seen by a viewer");
    const other = await open(desk, `/households/${id}`, made.body.secret);
    const section = other.page.getByRole("region", { name: "Data" });
    await section.getByText("Your role (viewer) cannot take it out.").waitFor();
    expect(await section.getByRole("button").count()).toBe(0);
    const erasures = await open(desk, "/erasures", made.body.secret);
    await erasures.page.getByRole("heading", { name: "Erasures cannot be seen with this key" }).waitFor();
  });
});
