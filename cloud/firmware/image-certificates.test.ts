import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DdiHouse } from "../../test/support/ddi-house.ts";
import { MovedClock } from "../../test/support/moved-clock.ts";
import { type Maker, Workshop } from "../../test/support/swupdate.ts";

let house: DdiHouse;
let workshop: Workshop;
let maker: Maker;
let pem: string;

beforeAll(async () => {
  house = await DdiHouse.open({ clock: new MovedClock(), models: { oven: { success: "booted" }, plain: null } });
  workshop = await Workshop.open();
  maker = await workshop.maker("maker");
  pem = await readFile(maker.certificate, "utf8");
});
afterAll(async () => {
  await house.close();
  await workshop.close();
});

const put = (text: string) =>
  house.ask("PUT", "/api/v1/firmware/image-certificates", { ...house.staff("admin"), body: { pem: text } });

const files = () => readdir(join(house.kitchen.artifactsDir, "firmware"), { recursive: true });

/** Drafts a release and sends its image. */
async function upload(image: Buffer, version: string, model = "oven", ending = "swu") {
  const path = `fw/${model}/${version}.${ending}`;
  const described = house.kit.describe(image, { model, version, path });
  const drafted = await house.kitchen.send("release", "POST", "/api/v1/firmware/releases", described);
  return house.kitchen.send("release", "PUT", `/api/v1/firmware/releases/${drafted.body.id}/image`, image);
}

const swu = (version: string, by: Maker | null = maker) =>
  workshop.swu(by, { version, files: { "oven.bin": randomBytes(200_000) } });

test("before anybody is known by whom images may be signed, none is taken", async () => {
  expect((await upload(await swu("1.0.0"), "1.0.0")).body).toMatchObject({
    status: 422,
    code: "image_certificates_missing",
  });
});

test("an image that its maker signed is taken; one that nobody or somebody else signed leaves nothing behind", async () => {
  expect((await put(pem)).body.items).toMatchObject([{ subject: "CN=maker" }]);
  const before = await files();
  expect((await upload(await swu("1.1.0", null), "1.1.0")).body).toMatchObject({ code: "swu_not_signed" });
  const foreign = await swu("1.2.0", await workshop.maker("somebody-else"));
  expect((await upload(foreign, "1.2.0")).body).toMatchObject({
    code: "swu_signature_wrong",
    detail: expect.stringContaining("CN=somebody-else"),
  });
  expect((await upload(await swu("9.9.9"), "1.3.0")).body).toMatchObject({ code: "swu_version_differs" });
  expect(await files()).toEqual(before);
  expect((await upload(await swu("1.4.0"), "1.4.0")).body).toMatchObject({ state: "draft", sha1: expect.any(String) });
});

test("only images for SWUpdate are looked into, of models whose appliances fetch them that way", async () => {
  expect((await upload(randomBytes(1_000), "1.5.0", "plain")).status).toBe(200);
  expect((await upload(randomBytes(1_000), "1.6.0", "oven", "raucb")).status).toBe(200);
});

test("the list is replaced whole, holds certificates only, and who changed it stands in the audit log", async () => {
  const other = await readFile((await workshop.maker("other")).certificate, "utf8");
  expect((await put(`${pem}\n${other}`)).body.items).toHaveLength(2);
  expect((await put(other)).body.items).toMatchObject([{ subject: "CN=other" }]);
  for (const text of [
    "hello",
    await readFile(maker.key, "utf8"),
    pem.slice(0, 200),
    pem + (await readFile(maker.key, "utf8")),
  ])
    expect((await put(text)).body).toMatchObject({ status: 422, code: "image_certificates_not_valid" });
  expect((await put("")).body.items).toEqual([]);
  const audit = { before: null, subject: "firmware:image_certificates", limit: 10 };
  const lines = await house.slices.staff.audit.list(house.kitchen.base.db, audit);
  expect(lines.map(({ action }) => action)).toEqual(Array(4).fill("image_certificates.put"));
  const asRelease = await house.ask("PUT", "/api/v1/firmware/image-certificates", {
    ...house.staff("release"),
    body: { pem },
  });
  expect(asRelease.status).toBe(403);
});
