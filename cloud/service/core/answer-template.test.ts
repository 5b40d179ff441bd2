import fc from "fast-check";
import { expect, test } from "vitest";
import { answerTemplate, fillTemplate, placeholders } from "./answer-template.ts";

const template = (text: string) =>
  answerTemplate.parse({ title: "T", locales: { en: text, "de-AT": "Servus {{appliance}}" } });

test("a template that names what no case has is refused with the names that there are", () => {
  const refused = answerTemplate.safeParse({ title: "T", locales: { en: "Hello {{owner}}" } });
  expect(refused.error?.issues[0]).toMatchObject({ path: ["locales", "en"] });
  expect(refused.error?.issues[0]?.message).toContain("{{owner}}");
  expect(answerTemplate.safeParse({ title: "T", locales: { de: "Hallo" } }).success).toBe(false);
});

test("what is filled in stands there to the letter, and is never looked through for placeholders", () => {
  fc.assert(
    fc.property(fc.constantFrom(...placeholders), fc.string({ minLength: 1 }), (name, value) => {
      const { text, missing } = fillTemplate(template(`<{{${name}}}>`), "en", { [name]: value });
      expect(text).toBe(`<${value}>`);
      expect(missing).toEqual([]);
    }),
  );
  expect(fillTemplate(template("{{appliance}}"), "en", { appliance: "{{serial}} $& $1", serial: "7" }).text).toBe(
    "{{serial}} $& $1",
  );
});

test("what the case does not have is listed and stays visible; a language is found by its region, its name, or in English", () => {
  expect(fillTemplate(template("{{serial}} and {{ part }}"), "en", {})).toEqual({
    text: "[serial] and [part]",
    missing: ["serial", "part"],
  });
  expect(fillTemplate(template("x"), "de", { appliance: "X200" }).text).toBe("Servus X200");
  expect(fillTemplate(template("x"), "ja", {}).text).toBe("x");
});
