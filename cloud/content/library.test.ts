/** What editors keep: pictures, recipes in and out, drafts tried against the models, versions, and the library that is searched. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { contentItem } from "#protocol/content.ts";
import { type ContentDesk, openContentDesk, text, tip } from "../../test/support/content-desk.ts";

const dayMs = 86_400_000;

let desk: ContentDesk;
beforeAll(async () => {
  desk = await openContentDesk();
});
beforeEach(() => {
  desk.changes.length = 0;
});
afterAll(() => desk.close());

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

async function upload(bytes: Buffer, type = "image/png") {
  const response = await desk.api.app.inject({
    method: "POST",
    url: "/api/v1/content/media",
    headers: { ...desk.mara, "content-type": type },
    payload: bytes,
  });
  return { status: response.statusCode, body: response.json() };
}

test("a picture travels by reference, with its hash and size, behind a link that nobody can make up", async () => {
  const { status, body: image } = await upload(png);
  expect([status, image]).toMatchObject([201, { sizeBytes: png.length, mimeType: "image/png" }]);
  expect((await upload(png)).body.sha256).toBe(image.sha256);
  expect((await upload(Buffer.from("<svg onload=alert(1)>"))).body).toMatchObject({ code: "media_not_a_picture" });
  const id = await desk.approved({ ...tip({ en: text("Tip", { imageAlt: "A door" }) }), image: image.sha256 });
  await desk.schedule(id, { models: ["oven-x200"] });
  const payload = desk.changes[0]?.items.find(({ topic }) => topic.includes("/en/"))?.payload ?? "";
  const item = contentItem.parse(JSON.parse(payload));
  expect(item.image).toMatchObject({
    sha256: image.sha256,
    sizeBytes: png.length,
    mimeType: "image/png",
    alt: "A door",
  });
  const { pathname, search } = new URL(item.image?.href ?? "");
  const served = await desk.api.app.inject({ url: pathname + search });
  expect([served.statusCode, served.headers["content-type"], served.rawPayload.equals(png)]).toEqual([
    200,
    "image/png",
    true,
  ]);
  const forged = await desk.api.app.inject({ url: `${pathname}?signature=${"A".repeat(43)}` });
  expect(forged.statusCode).toBe(403);
  const unknown = { ...tip(), image: "0".repeat(64) };
  expect((await desk.ask("POST", "/items", unknown)).body).toMatchObject({
    code: "media_not_found",
    errors: [{ pointer: "/body/image" }],
  });
});

test("a picture that is lost says so and heals when it is added again; a disk that fails is not taken for that", async () => {
  const other = Buffer.concat([png, Buffer.from("another")]);
  const { sha256, href } = (await upload(other)).body;
  const path = join(desk.artifactsDir, "media", sha256);
  const { pathname, search } = new URL(href);
  const served = async () => (await desk.api.app.inject({ url: pathname + search })).statusCode;
  await rm(path);
  expect(await served()).toBe(404);
  expect((await upload(other)).status).toBe(201);
  expect(await served()).toBe(200);
  // In the place of the file stands something that cannot be read.
  await rm(path);
  await mkdir(path);
  expect(await served()).toBe(500);
  await rm(path, { recursive: true });
});

test("a recipe comes in as JSON-LD and goes out as JSON-LD, and what is wrong with it is named by field", async () => {
  const page = {
    "@context": "https://schema.org",
    "@type": "Recipe",
    name: "Apple pie",
    inLanguage: "en-GB",
    image: "https://pies.example/pie.jpg",
    recipeYield: "4 servings",
    cookTime: "PT45M",
    recipeIngredient: ["1 kg apples"],
    recipeInstructions: [
      {
        "@type": "HowToSection",
        name: "Baking",
        itemListElement: [
          {
            "@type": "HowToStep",
            text: "Bake at 180\u00A0°C.",
            "hearth:machine": { program: "HotAir", setpoint_c: 180 },
          },
        ],
      },
    ],
    keywords: "pie, Sunday",
  };
  const { body } = await desk.ask("POST", "/recipes/read", { jsonLd: JSON.stringify(page) });
  // It has a picture, which nobody here has seen: that it is not taken along is said.
  expect(body.leftOut).toEqual(["image"]);
  expect(body.draft.locales["en-GB"].steps).toMatchObject([{ text: "Bake at {{180 °C}}." }]);
  const id = await desk.written(body.draft);
  const exported = (await desk.ask("GET", `/items/${id}/recipe.jsonld?locale=en-GB`)).body;
  expect(exported).toMatchObject({
    "@type": "Recipe",
    name: "Apple pie",
    cookTime: "PT45M",
    recipeInstructions: page.recipeInstructions,
  });
  expect((await desk.ask("POST", "/recipes/read", { jsonLd: exported })).body.draft.locales).toEqual(
    body.draft.locales,
  );
  const bad = { ...page, cookTime: "three quarters of an hour" };
  expect((await desk.ask("POST", "/recipes/read", { jsonLd: bad })).body).toMatchObject({
    code: "recipe_not_readable",
    errors: [{ pointer: "/body/jsonLd/cookTime", message: "must be a duration of ISO 8601, such as PT25M" }],
  });
  const starts = {
    ...page,
    recipeInstructions: [{ text: "Bake.", "hearth:machine": { program: "HotAir", start: true } }],
  };
  expect((await desk.ask("POST", "/recipes/read", { jsonLd: starts })).body).toMatchObject({
    code: "recipe_not_readable",
  });
});

test("nothing in a recipe starts heat: a step that would is refused by its field", async () => {
  for (const more of [{ start: true }, { remoteStart: "now" }, { startAtMs: 1 }]) {
    const machine = { program: "HotAir", setpoint_c: 180, ...more };
    const draft = { kind: "recipe", locales: { en: { title: "Pie", steps: [{ text: "Bake", machine }] } } };
    expect((await desk.ask("POST", "/items", draft)).body).toMatchObject({
      code: "invalid_request",
      errors: [{ pointer: expect.stringContaining("/body/locales/en/steps/0/machine") }],
    });
  }
});

test("a draft is checked against every model that it is for, by step, before it is saved", async () => {
  const machine = { program: "HotAir", setpoint_c: 300 };
  const draft = {
    kind: "recipe",
    models: ["oven-x200"],
    locales: { en: { title: "Pizza", steps: [{ text: "Bake", machine }] } },
  };
  const { body } = await desk.ask("POST", "/check", { draft });
  expect(body).toMatchObject({
    errors: [],
    misfits: [
      {
        model: "oven-x200",
        pointer: "/locales/en/steps/0/machine/setpoint_c",
        message: "step 1: oven-x200 goes up to 250 °C",
      },
    ],
  });
  const model = (body.models as { key: string; branding: object }[]).find(({ key }) => key === "oven-x200");
  expect(model).toMatchObject({
    branding: { name: "T", sender: { name: "T", email: null }, colours: { accent: "#9a3412" } },
  });
  expect((await desk.ask("POST", "/check", { draft: { kind: "recipe", locales: {} } })).body.errors).toMatchObject([
    { pointer: "/locales" },
  ]);
  const id = await desk.approved(draft);
  expect((await desk.schedule(id, { models: ["oven-x200"] })).body).toMatchObject({ code: "recipe_does_not_fit" });
});

test("two who save at once: the second is told, and versions are compared word by word", async () => {
  const id = await desk.written(tip());
  const put = (title: string, basedOn: number) =>
    desk.ask("PUT", `/items/${id}?basedOn=${basedOn}`, tip({ en: text(title) }));
  expect((await put("Tip for the door", 1)).body).toMatchObject({ version: 2 });
  expect((await put("Mine", 1)).body).toMatchObject({ code: "changed_meanwhile", newest: { version: 2 } });
  expect((await desk.ask("GET", `/items/${id}/diff?from=1&to=2`)).body.fields).toEqual([
    {
      pointer: "/locales/en/title",
      parts: [
        { kind: "same", text: "Tip" },
        { kind: "added", text: " for the door" },
      ],
    },
  ]);
  expect((await desk.ask("GET", `/items/${id}/diff?from=1&to=9`)).body).toMatchObject({
    code: "content_version_not_found",
  });
});

test("the library is searched by words, state, class and language, and the calendar shows what is planned", async () => {
  const id = await desk.approved({ ...tip({ sv: text("Bakmarathon") }), class: "requested" });
  await desk.schedule(id, { from: desk.inHours(24), until: desk.inHours(48) });
  for (const query of ["q=bakmara", "state=scheduled", "class=requested", "locale=sv"]) {
    const { items } = (await desk.ask("GET", `/items?${query}&kind=tip`)).body;
    expect([query, items.map((item: { id: string }) => item.id)]).toEqual([query, [id]]);
  }
  const nowMs = desk.road.clock.nowMs();
  const seen = async (from: number, to: number) =>
    ((await desk.ask("GET", `/calendar?from=${from}&to=${to}`)).body.items as { id: string }[]).some(
      (item) => item.id === id,
    );
  expect([await seen(nowMs, nowMs + 7 * dayMs), await seen(nowMs + 7 * dayMs, nowMs + 14 * dayMs)]).toEqual([
    true,
    false,
  ]);
});
