import fc from "fast-check";
import { expect, test } from "vitest";
import { contentItem } from "#protocol/content.ts";
import { ownLanguage, ownLanguages } from "../../platform/own-words.ts";
import { noticeMessage } from "./notice-text.ts";

const fromMs = Date.UTC(2026, 0, 18, 12);
const notice = { version: "2.1.0", security: false, fromMs, postponeUntilMsMax: fromMs + 86_400_000, asksFirst: false };

test("a notice says the version, from when and until when it can be put off, in the household's language and its clock", () => {
  expect(noticeMessage(notice, { locale: "en-GB", timeZone: "Europe/London" })).toEqual({
    kind: "message",
    id: "update-2.1.0",
    version: 1,
    locale: "en",
    title: "Update 2.1.0 is coming",
    text: "Update 2.1.0 will be installed on this appliance after 18 January 2026 at 12:00, when it is neither hot nor running. You can put it off until 19 January 2026 at 12:00, in your app or at the appliance. You need not do anything.",
  });
  expect(noticeMessage({ ...notice, security: true }, { locale: "de-AT", timeZone: "Europe/Vienna" })).toMatchObject({
    locale: "de",
    title: "Sicherheitsupdate 2.1.0 steht bevor",
    text: expect.stringMatching(/nach dem 18\. Jänner 2026 um 13:00.*Sicherheitslücken.*bis zum 19\. Jänner 2026/),
  });
  expect(noticeMessage(notice, { locale: "ja", timeZone: "Asia/Tokyo" }).text).toContain("2026年1月18日 21:00");
  expect(noticeMessage({ ...notice, postponeUntilMsMax: null }, { locale: "sv", timeZone: "UTC" }).text).toContain(
    "Den kan inte skjutas upp.",
  );
  expect(noticeMessage({ ...notice, asksFirst: true }, { locale: "en-GB", timeZone: "UTC" }).text).toBe(
    "Update 2.1.0 can be installed on this appliance after 18 January 2026 at 12:00, once you agree in your app or at the appliance.",
  );
});

test("a language that nobody wrote reads English, and one without its region its only sister", () => {
  expect(ownLanguages).toEqual(["en", "de", "fr", "sv", "pt-BR", "ja"]);
  const asked = ["fr-CA", "pt", "pt-PT", "it", "deu", "", "__proto__", "constructor"];
  expect(asked.map(ownLanguage)).toEqual(["fr", "pt-BR", "pt-BR", "en", "en", "en", "en", "en"]);
});

test("whatever an appliance reports as its place and whatever the version, the message is one that the wire takes", () => {
  const gap = /undefined|null|NaN/;
  // A maker may call a version "0NaN"; here such a word has to mean that a place in the text was left open.
  const version = fc.stringMatching(/^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$/).filter((given) => !gap.test(given));
  const place = fc.record({
    locale: fc.oneof(fc.string(), fc.constantFrom(...ownLanguages, "de-AT", "zh-Hans-CN", "de-u-nu-thai")),
    timeZone: fc.oneof(fc.string(), fc.constantFrom("Asia/Kolkata", "Mars/Olympus", "UTC")),
  });
  fc.assert(
    fc.property(version, fc.boolean(), fc.boolean(), place, (given, security, asksFirst, where) => {
      const message = noticeMessage({ ...notice, version: given, security, asksFirst }, where);
      expect(contentItem.parse(message)).toEqual(message);
      expect(message.text).toContain(given);
      expect(message.text).not.toMatch(gap);
    }),
    { numRuns: 1_000 },
  );
});
