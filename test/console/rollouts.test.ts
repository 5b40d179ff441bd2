/** Releases and rollouts in a real browser, on a real service whose appliances take the offers. */
import mqtt, { type MqttClient } from "mqtt";
import { describe, expect, test } from "vitest";
import { loadModels } from "../../device-sim/models.ts";
import { type RunningService, until } from "../support/service-process.ts";
import { desk, faultsOf, hasChromium, onStage, overflow, param, phone } from "./browse.ts";
import { setRollouts } from "./rollout-stage.ts";

const hearth = onStage(
  async (service) => {
    const clients = await fleet(service);
    await until("what they report is stored", async () => {
      const { body } = await service.api("/api/v1/devices?version=2.4.1");
      return body.items.length === 8;
    });
    return { clients, ...(await setRollouts(service, clients)) };
  },
  { leave: ({ clients }) => Promise.all(clients.map(({ client }) => client.endAsync(true))) },
);
const { open } = hearth;

/** Twelve ovens that are here and twelve that are away, of two models, in three time zones; four of them are our own. */
async function fleet(service: RunningService): Promise<{ id: string; model: string; client: MqttClient }[]> {
  for (const model of loadModels().values()) {
    await service.api(`/api/v1/models/${model.key}`, { method: "PUT", body: model });
  }
  const devices = Array.from({ length: 24 }, (_, at) => ({
    id: `oven-${String(at + 1).padStart(4, "0")}`,
    model: at % 3 === 2 ? "oven-s80" : "oven-x200",
    country: at % 2 === 0 ? "SE" : "DE",
    tags: at < 6 ? ["internal"] : [],
  }));
  const { body } = await service.api("/api/v1/devices/batch", { method: "POST", body: { devices } });
  const tokens = new Map<string, string>(body.items.map(({ id, token }: { id: string; token: string }) => [id, token]));
  return Promise.all(
    devices.slice(0, 12).map(async ({ id, model }, at) => {
      const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${service.mqttPort}`, {
        clientId: id,
        username: id,
        password: tokens.get(id) ?? "",
        protocolVersion: 4,
        reconnectPeriod: 0,
      });
      const isX = model === "oven-x200";
      const state = {
        firmware: isX ? "2.4.1" : "1.8.0",
        releaseCounter: 0,
        hardware: isX ? "x200-r1" : "s80-r1",
        timeZone: ["Europe/Berlin", "America/New_York", "Asia/Tokyo"][at % 3],
      };
      await client.publishAsync(`hearth/v1/devices/${id}/reported`, JSON.stringify({ atMs: Date.now(), state }), {
        qos: 1,
      });
      await client.subscribeAsync(`hearth/v1/devices/${id}/inbox`, { qos: 1 });
      return { id, model, client };
    }),
  );
}

describe.skipIf(!hasChromium)("releases and rollouts in the console", () => {
  describe.each([desk, phone])("at $name", (screen) => {
    test("a rollout that halted says which line it crossed, who failed and why, and offers nothing more to do", async () => {
      const { page, complaints, strangers } = await open(screen, "/rollouts?state=halted");
      await page.getByRole("link", { name: "Oven S80 1.9.0" }).click();
      await page
        .getByRole("region", { name: "Why it halted" })
        .getByText(/above the line of/)
        .waitFor();
      const failures = page.getByRole("region", { name: "Failures by reason" });
      await failures.getByText("health_check_failed").waitFor();
      await failures
        .getByRole("link", { name: /^oven-/ })
        .first()
        .waitFor();
      await page.getByRole("region", { name: "Who did what" }).getByText("Halted by its gate").waitFor();
      expect(await page.getByRole("button", { name: "Abort" }).count()).toBe(0);
      expect([await overflow(page), await faultsOf(page), complaints, strangers]).toEqual([0, [], [], []]);
      await failures
        .getByRole("link", { name: /^oven-/ })
        .first()
        .click();
      await page
        .getByTestId("timeline-list")
        .getByText(/Firmware 1.9.0 .*: rolled back/)
        .first()
        .waitFor();
    });

    test("a rollout under way shows its stages, its gate with sample and line, and is paused and resumed with a reason", async () => {
      const { page, complaints } = await open(screen, `/rollouts/${hearth.stage.runningId}`);
      const stages = page.getByRole("list", { name: "Stages" });
      await stages.getByText("Everybody").waitFor();
      await page
        .getByRole("region", { name: "Gate" })
        .getByText(/Failed, of those that started/)
        .waitFor();
      await page.getByRole("region", { name: "Appliances" }).locator('[data-share="done"]').waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("button", { name: "Pause" }).click();
      const dialog = page.getByRole("dialog");
      expect(await dialog.getByRole("button", { name: "Pause" }).isDisabled()).toBe(true);
      await dialog.getByRole("textbox").fill("Waiting for the field report");
      expect(await faultsOf(page)).toEqual([]);
      await dialog.getByRole("button", { name: "Pause" }).click();
      await page.getByRole("button", { name: "Resume" }).waitFor();
      await page.getByText("“Waiting for the field report”").first().waitFor();
      await page.getByRole("button", { name: "Resume" }).click();
      await page.getByRole("button", { name: "Pause" }).waitFor();
      await page.getByRole("button", { name: "Abort" }).click();
      await dialog.getByText(/have begun, and go on/).waitFor();
      await dialog.getByRole("button", { name: "Leave it as it is" }).click();
      await dialog.waitFor({ state: "hidden" });
      expect(complaints).toEqual([]);
    });

    test("a plan shows whom it reaches before it is saved, is refused by name where it cannot be, and becomes a draft", async () => {
      const { page, complaints } = await open(screen, `/rollouts/new?release=${hearth.stage.releaseId}`);
      await page.getByTestId("eligible").waitFor();
      const preview = page.getByRole("region", { name: "Dry run" });
      await page.getByRole("textbox", { name: "Target" }).fill('hardware == "x200-r1" && country == "DE" &&');
      await preview.getByText("That is no predicate in CEL").waitFor();
      await page.getByRole("textbox", { name: "Target" }).fill('country == "DE"');
      await preview.getByText(/Who does not get it/).waitFor();
      const name = `Plan at ${screen.name}`;
      await page.getByRole("textbox", { name: "Name", exact: true }).first().fill(name);
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("button", { name: "Save the draft" }).click();
      const refused = page.getByRole("alert").getByText(/lays claim/);
      const saved = page.getByRole("heading", { name });
      await refused.or(saved).first().waitFor();
      // The 400 of the broken predicate is the browser's own complaint.
      expect(complaints.filter((line) => !line.includes("422") && !line.includes("409"))).toEqual([]);
    });

    test("the calendar draws rollouts and freezes, and a freeze is made and ended", async () => {
      const { page, complaints } = await open(screen, "/rollouts?tab=calendar");
      const calendar = page.getByRole("region", { name: "Calendar" });
      await calendar.getByRole("link", { name: "Oven X200 2.5.0" }).waitFor();
      await calendar
        .getByText(/Freeze: AT, DE/)
        .first()
        .waitFor();
      const freezes = page.getByRole("region", { name: "Freezes" });
      await freezes.getByRole("button", { name: "New freeze" }).click();
      const reason = `Trade fair at ${screen.name}`;
      await page.getByRole("textbox", { name: "Why" }).fill(reason);
      await page.getByLabel("From, by your clock").fill("2031-01-01T00:00");
      await page.getByLabel("To, by your clock").fill("2031-01-05T00:00");
      await page.getByRole("textbox", { name: "Countries" }).fill("se, no");
      await page.getByRole("button", { name: "Freeze", exact: true }).click();
      const made = freezes.getByRole("listitem").filter({ hasText: reason });
      await made.getByText(/NO, SE|SE, NO/).waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await made.getByRole("button", { name: "End it" }).click();
      await made.waitFor({ state: "detached" });
      expect(complaints).toEqual([]);
    });

    test("releases show who runs them and when support ends, and a component leads to the appliances with the hole", async () => {
      const { page, complaints } = await open(screen, "/releases?model=oven-x200");
      await page.getByText(/Support ends in/).waitFor();
      await page
        .getByText(/of 16 appliances run it/)
        .first()
        .waitFor();
      await page.getByRole("link", { name: "oven-x200 2.5.0" }).click();
      await page.getByText("Mends a hole in TLS.").waitFor();
      expect([await overflow(page), await faultsOf(page)]).toEqual([0, []]);
      await page.getByRole("link", { name: "Components" }).click();
      await page.getByRole("textbox", { name: "Component" }).fill("mbedtls");
      await page.getByRole("textbox", { name: "Below version" }).fill("3.6.0");
      await page.getByRole("button", { name: "Who runs it" }).click();
      const table = page.getByRole("table", { name: "Appliances" });
      await table.getByRole("link", { name: "oven-0001" }).waitFor();
      expect(param(page, "component")).toBe("mbedtls");
      expect([await overflow(page), await faultsOf(page), complaints]).toEqual([0, [], []]);
    });
  });

  test("who may only look sees rollouts and no button of theirs", async () => {
    const made = await hearth.service.api("/api/v1/staff/keys", {
      method: "POST",
      body: { name: "looker", role: "viewer" },
    });
    const { page } = await open(desk, `/rollouts/${hearth.stage.runningId}`, made.body.secret);
    await page.getByRole("region", { name: "Gate" }).waitFor();
    expect(await page.getByRole("button", { name: "Pause" }).count()).toBe(0);
    await page.getByRole("link", { name: "Rollouts" }).first().click();
    await page.getByRole("link", { name: "Oven X200 2.5.0" }).waitFor();
    expect(await page.getByRole("link", { name: "Plan a rollout" }).count()).toBe(0);
  });
});
