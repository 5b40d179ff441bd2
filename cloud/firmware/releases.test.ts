import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { firmwareOffer } from "#protocol/update.ts";
import { Kitchen } from "../../test/support/kitchen.ts";
import type { ReleaseKit } from "../../test/support/release-kit.ts";

let kitchen: Kitchen;
let kit: ReleaseKit;

beforeAll(async () => {
  kitchen = await Kitchen.open();
  kit = await kitchen.releaseKit();
});
afterAll(() => kitchen.close());

test("a release that is signed offline is published, and goes to appliances as an offer with three links", async () => {
  const release = await kit.publish(randomBytes(20_000), { notes: "Crisper bread", kind: "security" });
  expect(release).toMatchObject({ state: "published", version: "2.1.0" });
  await kitchen.ovens("oven-1");
  const sent = await kitchen.as("release", "POST", `/firmware/releases/${release.id}/send`, { deviceIds: ["oven-1"] });
  expect(sent.body).toEqual({ deliveries: 1 });
  const [row] = await kitchen.slices.deliveries.sendable(["oven-1"], true, 10);
  const offer = firmwareOffer.parse(
    kitchen.slices.firmware.renderBody({
      id: row?.id ?? "",
      deviceId: "oven-1",
      body: row?.body ?? {},
      expiresAtMs: row?.expires_at_ms ?? 0,
    }),
  );
  expect(offer).toMatchObject({ version: "2.1.0", security: true, notes: "Crisper bread", consent: "automatic" });
  expect(offer.metadataHref).toBe("https://hearth.example/files/repository/");
  const statement = await kitchen.send("viewer", "GET", offer.statementHref.replace("https://hearth.example", ""));
  expect(statement.status).toBe(200);
  expect(String(statement.body).split(".")).toHaveLength(3);
});
