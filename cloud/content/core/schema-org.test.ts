import fc from "fast-check";
import { expect, test } from "vitest";
import { plainText } from "./plain-text.ts";
import { durationSeconds, durationText, readRecipe, type ReadRecipe, writeRecipe } from "./schema-org.ts";

/** As a page of a recipe site has it. */
const page = {
  "@context": "https://schema.org",
  "@graph": [
    { "@type": "WebPage", name: "Pies" },
    {
      "@type": ["Recipe", "NewsArticle"],
      name: "Grandma&#39;s apple pie",
      description: "<p>Crisp &amp; <b>sweet</b>.</p><script>alert(1)</script>",
      inLanguage: "en-GB",
      image: "https://pies.example/pie.jpg",
      author: { "@type": "Person", name: "Grandma" },
      video: [],
      aggregateRating: { ratingValue: 5 },
      recipeYield: ["8", "8 slices"],
      prepTime: "PT20M",
      totalTime: "PT1H15M",
      recipeIngredient: ["1&frac12; kg apples", "<a href='x'>200 g</a> sugar"],
      recipeCategory: "Dessert",
      keywords: "apple pie, Gebäck",
      recipeInstructions: [
        {
          "@type": "HowToSection",
          name: "Filling",
          itemListElement: [
            {
              "@type": "HowToStep",
              position: 1,
              name: "Apples",
              text: "Slice the apples.",
              url: "https://pies.example/#1",
            },
            {
              "@type": "HowToStep",
              itemListElement: [
                { "@type": "HowToDirection", text: "Mix." },
                { "@type": "HowToTip", text: "Gently." },
              ],
            },
          ],
        },
        { "@type": "HowToStep", text: "Bake at 180&deg;C.", "hearth:machine": { program: "HotAir", setpoint_c: 180 } },
      ],
    },
  ],
};

test("a recipe is read as pages write it: graphs, sections, tips, yields, durations, and no markup", () => {
  expect(readRecipe(page)).toEqual({
    kind: "read",
    recipe: {
      text: {
        title: "Grandma's apple pie",
        summary: "Crisp & sweet.",
        yields: "8 slices",
        prep_s: 1_200,
        cook_s: 3_300,
        ingredients: ["1½ kg apples", "200 g sugar"],
        steps: [
          { text: "Slice the apples.", section: "Filling" },
          { text: "Mix. Gently." },
          { text: "Bake at {{180 °C}}.", machine: { program: "HotAir", setpoint_c: 180 } },
        ],
      },
      topics: ["dessert", "apple-pie", "geback"],
      language: "en-GB",
    },
    leftOut: ["aggregateRating", "author", "image", "recipeInstructions.name", "recipeInstructions.url"],
  });
});

test("what a recipe has no place for is named, also time that is neither preparing nor cooking and words that make no topic", () => {
  const bread = { "@type": "Recipe", name: "Bread", recipeInstructions: "Bake.", ingredients: ["flour"] };
  const leftOutOf = (more: object) => {
    const reading = readRecipe({ ...bread, ...more });
    return reading.kind === "read" ? reading.leftOut : reading;
  };
  expect(
    leftOutOf({ prepTime: "PT10M", cookTime: "PT20M", totalTime: "PT30M", keywords: "a, b,", image: null }),
  ).toEqual([]);
  expect(leftOutOf({ prepTime: "PT10M", cookTime: "PT20M", totalTime: "PT12H" })).toEqual(["totalTime"]);
  expect(leftOutOf({ keywords: "パン" })).toEqual(["keywords"]);
  expect(leftOutOf({ recipeIngredient: ["rye"], headline: "Rye" })).toEqual(["headline", "ingredients"]);
});

test("instructions that are one text are a step for each line", () => {
  const reading = readRecipe({
    "@type": "Recipe",
    name: "Soup",
    recipeYield: 4,
    recipeInstructions: "<ol><li>Cut.</li><li>Boil.</li></ol>",
  });
  expect(reading).toMatchObject({ recipe: { text: { servings: 4, steps: [{ text: "Cut." }, { text: "Boil." }] } } });
});

test.each([
  [{ "@type": "Article" }, "", "must hold a Recipe of schema.org"],
  ["text", "", "must hold a Recipe of schema.org"],
  [{ "@type": "Recipe", recipeInstructions: "Bake." }, "/name", "must be there"],
  [{ "@type": "Recipe", name: "Pie" }, "/recipeInstructions", "must hold at least one step"],
  [
    { "@type": "Recipe", name: "Pie", recipeInstructions: ["Bake"], cookTime: "25 minutes" },
    "/cookTime",
    "must be a duration of ISO 8601, such as PT25M",
  ],
  [
    { "@type": "Recipe", name: "Pie", recipeInstructions: ["Bake"], prepTime: "P1M" },
    "/prepTime",
    "must be a duration of ISO 8601, such as PT25M",
  ],
  [
    { "@type": "Recipe", name: "Pie", recipeInstructions: [{ "@type": "HowToStep", text: true }] },
    "/recipeInstructions/0/text",
    "must be text",
  ],
  [
    { "@graph": [{ "@type": "Recipe", name: "P", recipeInstructions: Array.from({ length: 51 }, () => "Stir") }] },
    "/@graph/0/recipeInstructions",
    "must hold at most 50 steps",
  ],
  [{ "@type": "Recipe", name: "x".repeat(201), recipeInstructions: "Bake" }, "/name", "must be at most 200 characters"],
])("what cannot be read is refused by its field: %j", (document, pointer, message) => {
  expect(readRecipe(document)).toEqual({ kind: "refused", pointer, message });
});

test("a document as deep and as wide as it likes is read or refused, and never hangs", () => {
  let deep: unknown = "Bake";
  for (let at = 0; at < 5_000; at += 1) deep = [deep];
  expect(readRecipe({ "@type": "Recipe", name: "Deep", recipeInstructions: deep })).toMatchObject({ kind: "refused" });
  const wide = { "@graph": Array.from({ length: 50_000 }, () => ({ "@type": "Thing" })) };
  expect(readRecipe(wide)).toMatchObject({ kind: "refused" });
  fc.assert(fc.property(fc.jsonValue(), (json) => ["read", "refused"].includes(readRecipe(json).kind)));
});

test("durations are ISO 8601 in days, hours, minutes and seconds, both ways", () => {
  expect(["PT1H30M", "P1DT2H", "PT90M", "PT0S", "P1Y", "PT", "P", "soon"].map(durationSeconds)).toEqual([
    5_400,
    93_600,
    5_400,
    0,
    null,
    null,
    null,
    null,
  ]);
  fc.assert(fc.property(fc.nat(604_800), (seconds) => durationSeconds(durationText(seconds)) === seconds));
});

test("what is written is read as the same recipe, the machine layer included", () => {
  const words = fc.stringMatching(/^[A-Za-zäöü°½]{1,12}( [A-Za-zäöü]{1,9}){0,4}$/);
  const seconds = fc.nat(86_400);
  const recipe: fc.Arbitrary<ReadRecipe> = fc.record({
    text: fc.record(
      {
        title: words,
        summary: fc.oneof(fc.constant(""), words),
        servings: fc.integer({ min: 1, max: 100 }),
        prep_s: seconds,
        cook_s: seconds,
        ingredients: fc.array(words, { maxLength: 5 }),
        steps: fc
          .array(
            fc.record(
              { text: words, machine: fc.constant({ program: "HotAir", setpoint_c: 180, duration_s: 1_500 }) },
              { requiredKeys: ["text"] },
            ),
            { minLength: 1, maxLength: 6 },
          )
          .chain((steps) =>
            fc
              .nat(steps.length)
              .map((at) =>
                steps.map((step, index) => (index >= at && index % 2 === 0 ? { ...step, section: "Part" } : step)),
              ),
          ),
      },
      { requiredKeys: ["title", "summary", "ingredients", "steps"] },
    ),
    topics: fc.uniqueArray(fc.constantFrom("baking", "fish", "for-guests"), { maxLength: 3 }),
    language: fc.constantFrom("de", "en-GB", null),
  });
  fc.assert(
    fc.property(recipe, (written) => {
      const { cook_s: _c, ...text } = written.text;
      const withCook =
        written.text.cook_s === undefined && written.text.prep_s === undefined
          ? text
          : { ...text, cook_s: written.text.cook_s ?? 0 };
      expect(readRecipe(JSON.parse(JSON.stringify(writeRecipe(written))))).toEqual({
        kind: "read",
        recipe: { ...written, text: withCook },
        leftOut: [],
      });
    }),
  );
});

test("no markup is left of any text, however it is broken", () => {
  expect(plainText("a<br/>b<P class=x>c</P>d &lt;b&gt; &unknown; 5 < 6")).toBe("a\nbc\nd <b> &unknown; 5 < 6");
  const pieces = fc.array(
    fc.constantFrom(
      "<b>",
      "</b>",
      "<script>",
      "x",
      "</script>",
      "<",
      ">",
      "<br>",
      " ",
      "&amp;",
      "&#0;",
      "&#xD800;",
      "\n",
    ),
  );
  fc.assert(
    fc.property(pieces, (parts) => {
      const text = plainText(parts.join(""));
      expect(text).not.toMatch(/<\/?(b|br)>/);
      expect(text.isWellFormed() && !text.includes("\u0000")).toBe(true);
    }),
  );
});
