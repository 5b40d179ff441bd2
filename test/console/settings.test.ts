/** What holds for all of engagement, and where the shop and the app are, in a real browser. */
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { shopSecret } from "../support/shop.ts";
import { until } from "../support/service-process.ts";
import { desk, faultsOf, hasChromium, onStage, overflow, phone } from "./browse.ts";

const hearth = onStage(async (service) => {
  const made = await service.api("/api/v1/staff/keys", { method: "POST", body: { name: "Vera", role: "viewer" } });
  return { viewerKey: made.body.secret as string };
});
const { open } = hearth;

const policyPath = "/api/v1/engagement/policy";
const appPath = "/api/v1/engagement/app";
const shopPath = "/api/v1/loyalty/shop";

const read = async (path: string) => (await hearth.service.api(path)).body;
async function put(path: string, body: object): Promise<string> {
  const answer = await hearth.service.api(path, { method: "PUT", body });
  if (answer.status !== 200) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
  return answer.body.secret as string;
}
const defaults = {
  caps: [
    { days: 1, max: 1, classes: ["promotional"] },
    { days: 7, max: 3, classes: ["promotional"] },
  ],
  roomMax: 2,
  holdoutShare: 0.05,
};

const region = (page: Page, name: string) => page.getByRole("region", { name, exact: true });
const policyOf = (page: Page) => region(page, "What holds for every campaign");
const clean = async (page: Page) => expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
/** Without the refusals that a test provokes: the browser says of each that it was one. */
const unprovoked = (complaints: string[]) => complaints.filter((one) => !/ (409|422) /.test(one));

describe.skipIf(!hasChromium)("the settings of engagement in the console", () => {
  test("on a phone the bars of pages move to where one is", async () => {
    const { page } = await open(phone, "/settings");
    for (const [bar, name] of [
      ["Pages", "Engagement"],
      ["Engagement", "Settings"],
    ] as const) {
      const link = page.getByRole("navigation", { name: bar }).getByRole("link", { name, exact: true });
      const seen = () => link.evaluate((one) => one.getBoundingClientRect().right);
      await until(`${name} is in view`, async () => (await seen()) <= phone.viewport.width);
    }
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      expect([colorScheme, await overflow(page), await faultsOf(page)]).toEqual([colorScheme, 0, []]);
    }
  });

  describe.each([desk, phone])("at $name", (screen) => {
    test("caps, room and hold-out are read in plain words, told at the field what is wrong, and in force once somebody read what changes", async () => {
      await put(policyPath, defaults);
      const { page, complaints, strangers } = await open(screen, "/campaigns");
      await page.getByRole("link", { name: "Change it" }).click();
      await page.getByRole("heading", { level: 1, name: "Settings" }).waitFor();
      const policy = policyOf(page);
      await policy.getByText("At 5 % a campaign can be measured from 3,000 households on", { exact: false }).waitFor();
      expect(await policy.getByRole("button", { name: "Put it in force" }).isDisabled()).toBe(true);
      await clean(page);

      const week = policy.getByRole("group", { name: "cap 2" });
      await week.getByLabel("Messages, at most").fill("101");
      await policy.getByLabel("Households held out").fill("16");
      await policy.getByRole("button", { name: "Put it in force" }).click();
      await week.getByText("From 0 to 100.").waitFor();
      await policy.getByText("From 0 to 15 %.").waitFor();
      await clean(page);

      await week.getByLabel("Messages, at most").fill("4");
      await policy.getByLabel("Households held out").fill("7.5");
      await policy.getByLabel("Unseen messages, at most").fill("3");
      await policy.getByRole("button", { name: "Remove cap 1" }).click();
      await policy.getByRole("button", { name: "Add a cap" }).click();
      const added = policy.getByRole("group", { name: "cap 2" });
      await added.getByLabel("Messages, at most").fill("2");
      await added.getByLabel("In days").fill("1");
      await added.getByLabel("That are").selectOption("of either kind");
      await policy.getByRole("status").getByText("At most 4 messages in 7 days that are to sell something.").waitFor();
      await clean(page);
      await policy.getByRole("button", { name: "Put it in force" }).click();
      const dialog = page.getByRole("dialog", { name: "Change it for every campaign?" });
      await dialog.getByText("No longer: At most 1 message a day that is to sell something.").waitFor();
      await dialog.getByText("From now on: At most 3 messages unseen on a display at a time.").waitFor();
      await clean(page);
      await dialog.getByRole("button", { name: "Yes, from now on" }).click();
      await until("it is in force", async () => (await read(policyPath)).roomMax === 3);
      expect(await read(policyPath)).toMatchObject({
        caps: [
          { days: 7, max: 4, classes: ["promotional"] },
          { days: 1, max: 2, classes: ["loyalty_status", "promotional"] },
        ],
        holdoutShare: 0.075,
      });
      await policy.getByText(`Version ${(await read(policyPath)).version}, set by`, { exact: false }).waitFor();
      expect([complaints, strangers]).toEqual([[], []]);
    });

    test("a policy that somebody else changed meanwhile is not written over unread, and nothing that was typed is lost", async () => {
      await put(policyPath, defaults);
      const { page, complaints } = await open(screen, "/settings");
      const policy = policyOf(page);
      const room = policy.getByLabel("Unseen messages, at most").first();
      const alert = policy.getByRole("alert", { name: "Changed meanwhile" });
      const save = async () => {
        await policy.getByRole("button", { name: "Put it in force" }).click();
        await page.getByRole("button", { name: "Yes, from now on" }).click();
      };
      await room.fill("9");
      await put(policyPath, { ...defaults, holdoutShare: 0.1 });
      await save();
      await alert.getByText("and is “10 % of households get no promotion in a quarter", { exact: false }).waitFor();
      await alert.getByText("Look at their version").click();
      expect(await alert.getByLabel("Households held out").inputValue()).toBe("10 %");
      expect(await room.inputValue()).toBe("9");
      await clean(page);
      await alert.getByRole("button", { name: "Go on with mine" }).click();
      await save();
      await until("mine is in force", async () => (await read(policyPath)).roomMax === 9);
      // What they changed elsewhere.
      expect((await read(policyPath)).holdoutShare).toBe(0.1);
      expect(await alert.count()).toBe(0);
      expect(unprovoked(complaints)).toEqual([]);
    });

    test("the shop's address is told at its field when it is private; its key is made, shown once, and asked for anew", async () => {
      const { page, complaints } = await open(screen, "/settings");
      const shop = region(page, "The shop");
      const address = shop.getByLabel("Address of the shop").first();
      const key = shop.getByLabel("Key that signs orders");
      const save = async () => {
        const { shop: before } = await read(shopPath);
        await shop.getByRole("button", { name: /Send orders there|Save the shop/ }).click();
        if (before !== null) await page.getByRole("button", { name: "Yes, from now on" }).click();
      };
      await address.fill("https://192.168.0.5/orders");
      await shop.getByRole("button", { name: /Send orders there|Save the shop/ }).click();
      await shop.getByText("Paste the shop's key, or have one made.").waitFor();
      await shop.getByRole("button", { name: "Make a key" }).click();
      const made = await key.inputValue();
      await save();
      await shop.getByText("192.168.0.5 is not in the internet").waitFor();
      await clean(page);
      const url = `https://shop.example/${screen.viewport.width}`;
      await address.fill(url);
      await save();
      const dialog = page.getByRole("dialog", { name: "The shop’s key" });
      await dialog.getByText("This is the only time that it is shown.").waitFor();
      await dialog.getByText(made, { exact: true }).waitFor();
      await clean(page);
      await dialog.getByRole("button", { name: "I have stored it" }).click();
      const { version } = (await read(shopPath)).shop;
      await shop.getByText(`Version ${version}, set by`, { exact: false }).waitFor();
      expect([await address.inputValue(), await key.inputValue()]).toEqual([url, ""]);

      // Somebody else gives another key, at the same address: that is told by the version.
      await key.fill(shopSecret);
      await put(shopPath, { url, secret: shopSecret });
      await save();
      const alert = shop.getByRole("alert", { name: "Changed meanwhile" });
      await alert
        .getByText(`was “the one of version ${version}”, and is “the one of version ${version + 1}”`)
        .waitFor();
      expect(await key.inputValue()).toBe(shopSecret);
      await clean(page);
      await alert.getByRole("button", { name: "Take theirs, and drop mine" }).click();
      await until("the key is asked for anew", async () => (await key.inputValue()) === "");
      expect(unprovoked(complaints)).toEqual([]);
    });

    test("the app is told at an address, its secret is shown once and made anew at the same address, and it is told nothing any more", async () => {
      await hearth.service.api(appPath, { method: "DELETE" });
      const { page, complaints } = await open(screen, "/settings");
      const app = region(page, "Your app");
      await app.getByText("No app is told", { exact: false }).waitFor();
      const address = app.getByLabel("Address that your app is told at").first();
      await app.getByRole("button", { name: "Tell it there" }).click();
      await app.getByText("Say where the app is told.").waitFor();
      await address.fill("https://localhost/hearth");
      await app.getByRole("button", { name: "Tell it there" }).click();
      await app.getByText("localhost is not in the internet").waitFor();
      await clean(page);
      const url = `https://app.example/${screen.viewport.width}`;
      await address.fill(url);
      await app.getByRole("button", { name: "Tell it there" }).click();
      const dialog = page.getByRole("dialog", { name: "The secret of your app" });
      const shown = async () => {
        const secret = await dialog.getByText(/^whsec_/).textContent();
        await dialog.getByRole("button", { name: /Copy/ }).waitFor();
        await clean(page);
        await dialog.getByRole("button", { name: "I have stored it" }).click();
        await dialog.waitFor({ state: "hidden" });
        return secret;
      };
      const first = await shown();
      const { version } = await read(appPath);
      await app.getByRole("button", { name: "Make a new secret" }).click();
      await page.getByRole("button", { name: "Yes, from now on" }).click();
      const second = await shown();
      expect(second).not.toBe(first);
      expect(await read(appPath)).toMatchObject({ url, version: version + 1 });

      await address.fill(`${url}/mine`);
      await put(appPath, { url: `${url}/theirs` });
      await app.getByRole("button", { name: "Tell it there from now on" }).click();
      await page.getByRole("button", { name: "Yes, from now on" }).click();
      const alert = app.getByRole("alert", { name: "Changed meanwhile" });
      await alert.getByText(`address was “${url}”, and is “${url}/theirs”`).waitFor();
      expect(await address.inputValue()).toBe(`${url}/mine`);
      await clean(page);
      await alert.getByRole("button", { name: "Go on with mine" }).click();
      await app.getByRole("button", { name: "Tell it there from now on" }).click();
      await page.getByRole("button", { name: "Yes, from now on" }).click();
      await shown();
      expect(await read(appPath)).toMatchObject({ url: `${url}/mine` });

      await app.getByRole("button", { name: "Tell it nothing any more…" }).click();
      const removal = page.getByRole("dialog", { name: "Tell the app nothing any more?" });
      await removal.getByText("What was still to be told is dropped", { exact: false }).waitFor();
      await clean(page);
      await removal.getByRole("button", { name: "Tell it nothing any more" }).click();
      await app.getByText("No app is told", { exact: false }).waitFor();
      expect([(await read(appPath)).url, await address.inputValue()]).toEqual([null, ""]);
      expect(unprovoked(complaints)).toEqual([]);
    });

    test("whoever may not change them reads what holds, and finds no button that would be refused", async () => {
      await put(policyPath, defaults);
      await put(shopPath, { url: "https://shop.example/orders", secret: shopSecret });
      await hearth.service.api(appPath, { method: "DELETE" });
      const { page, complaints } = await open(screen, "/settings", hearth.stage.viewerKey);
      await page.getByText("Your role (viewer) reads what holds here. An admin changes it.").waitFor();
      const policy = policyOf(page);
      await policy.getByRole("group", { name: "cap 2" }).waitFor();
      expect(await policy.getByLabel("Unseen messages, at most").getAttribute("readonly")).not.toBeNull();
      const shop = region(page, "The shop");
      expect(await shop.getByLabel("Address of the shop").inputValue()).toBe("https://shop.example/orders");
      await region(page, "Your app").getByText("No app is told", { exact: false }).waitFor();
      expect(await page.getByRole("main").getByRole("button").count()).toBe(0);
      expect(await page.getByLabel("Key that signs orders").count()).toBe(0);
      await clean(page);
      expect(complaints).toEqual([]);
    });
  });
});
