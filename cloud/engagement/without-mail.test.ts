import { sql } from "kysely";
import { expect, test } from "vitest";
import { campaignKitchen } from "../../test/support/campaign-kitchen.ts";
import { runCommand } from "../../test/support/command.ts";

const { kitchen, stage } = await campaignKitchen();

test("where no mail server is set up a letter is no way: the next of the household's ways takes its place, and the trace says why", async () => {
  const person = await stage.household("M-1", ["market"], "ada@example.com");
  const channels = { order: ["email", "display"], quiet: null, perWeekMax: null };
  await kitchen.call(person.key, "PATCH", "/my/household", { channels });
  const service = await stage.message("Descale it", { class: "service" });
  await stage.run(stage.campaign([service], "M-0", "M-9"));
  await stage.tick();
  await kitchen.slices.engagement.tickLetters();
  expect(await stage.inbox("M-1")).toHaveLength(1);
  const [decided] = await stage.decisionsOf(person);
  expect(decided).toMatchObject({ channels: ["display"], ended: null });
  const tried = ["email:not_set_up", "display:open"];
  expect(decided.trace.tests.at(-1)).toMatchObject({ test: "channel", with: { tried } });
  const api = await kitchen.app.listen({ host: "127.0.0.1", port: 0 });
  const args = ["cloud/cli/decide.ts", "--household", person.householdId, "--item", service, "--explain", "--api", api];
  const decide = () => runCommand(args, { HEARTH_KEY: kitchen.staffKey("support") });
  const { code, output } = await decide();
  expect(output).toContain("E-mail: this service is not set up for it.");
  expect(code).toBe(0);

  // What was decided before anybody asked for mail is decided again as it was.
  await sql`UPDATE decision_context SET circumstances = circumstances - 'mail', evidence = replace(replace(evidence,
    '"email:not_set_up","display:open"', '"email:open"'), '"says":"display"', '"says":"email"')`.execute(
    kitchen.base.db,
  );
  const before = await decide();
  expect(before.output).toContain("Decided again from what is stored: the same.");
  expect(before.code).toBe(0);
});

test("a recall says of a household with an address that no letter can be sent", async () => {
  await stage.household("N-1", [], "ben@example.com");
  const id = await stage.run(stage.recall(await stage.message("Door hinge", { class: "recall" }), "N-0", "N-9"));
  await stage.tick();
  const [delivery] = await stage.inbox("N-1");
  await kitchen.as("support", "POST", `/deliveries/${delivery.id}/cancel`);
  const { items } = (await kitchen.as("support", "GET", `/campaigns/${id}/recall?status=unreachable`)).body;
  expect(items).toMatchObject([{ why: "no_mail", appliances: [{ serial: "N-1" }] }]);
});
