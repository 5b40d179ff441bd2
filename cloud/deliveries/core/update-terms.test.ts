import fc from "fast-check";
import { expect, test } from "vitest";
import {
  isAgreeable,
  type OfferedUpdate,
  type OwnerWord,
  postponeMsMax,
  takeOwnerWord,
  updateTermsOf,
} from "./update-terms.ts";

const dayMs = 86_400_000;
const nowMs = Date.UTC(2026, 0, 15, 12);
// Around now and around the bounds, or a test could not fail there.
const atMs = fc.oneof(
  fc.integer({ min: nowMs - 3 * dayMs, max: nowMs + 40 * dayMs }),
  fc.constantFrom(nowMs - 1, nowMs, nowMs + 1, nowMs + 29 * dayMs, nowMs + 30 * dayMs),
);

const offered: fc.Arbitrary<OfferedUpdate> = fc.record({
  terms: fc
    .record({
      security: fc.boolean(),
      consent: fc.constantFrom("automatic", "ask", "given"),
      notBeforeMs: fc.option(atMs),
      postponeUntilMsMax: fc.option(atMs),
    })
    .map(updateTermsOf),
  expiresAtMs: atMs,
  isUnderWay: fc.boolean(),
});
const word: fc.Arbitrary<OwnerWord> = fc.oneof(
  fc.record({ kind: fc.constant("agreed" as const) }),
  fc.record({ kind: fc.constant("declined" as const) }),
  fc.record({ kind: fc.constant("postponed" as const), untilMs: atMs }),
);

test("no word puts an update off further than its release allows, or so far that it would expire first", () => {
  fc.assert(
    fc.property(offered, word, (update, said) => {
      const outcome = takeOwnerWord(update, said, nowMs);
      if (outcome.kind !== "amend" || typeof outcome.patch.notBeforeMs !== "number") return;
      const { notBeforeMs } = outcome.patch;
      expect(notBeforeMs).toBeGreaterThan(nowMs);
      expect(notBeforeMs).toBeLessThanOrEqual(update.terms.postponeUntilMsMax ?? 0);
      expect(notBeforeMs).toBeLessThan(update.expiresAtMs);
    }),
    { numRuns: 3_000 },
  );
});

test("what the view says can be done is what the word does", () => {
  fc.assert(
    fc.property(offered, word, (update, said) => {
      const outcome = takeOwnerWord(update, said, nowMs).kind;
      const latestMs = postponeMsMax(update, nowMs);
      const agrees = isAgreeable(update, nowMs) ? "amend" : "unchanged";
      if (said.kind === "agreed") expect(outcome).toBe(agrees);
      else if (said.kind === "postponed" && latestMs === null) expect(outcome).toBe("refused");
      else if (said.kind === "postponed")
        expect(outcome === "refused").toBe(said.untilMs <= nowMs || said.untilMs > (latestMs ?? 0));
    }),
    { numRuns: 3_000 },
  );
});

test("whoever agreed is not asked again, and what is under way or keeps others safe is not closed", () => {
  fc.assert(
    fc.property(offered, word, (update, said) => {
      const outcome = takeOwnerWord(update, said, nowMs);
      const { security, consent } = update.terms;
      const stays = update.isUnderWay || (security && consent === "automatic");
      expect(outcome.kind === "close").toBe(said.kind === "declined" && !stays);
      if (outcome.kind !== "amend" || said.kind !== "agreed") return;
      expect(isAgreeable({ ...update, terms: { ...update.terms, ...outcome.patch } }, nowMs)).toBe(false);
    }),
    { numRuns: 3_000 },
  );
});

test("a body of any shape binds a household to nothing that it does not say", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom("consent", "notBeforeMs", "windows", "version", "x"), fc.jsonValue()),
      (body) => {
        const terms = updateTermsOf(body);
        expect(terms.security).toBe(false);
        expect(terms.postponeUntilMsMax).toBeNull();
      },
    ),
  );
  expect(updateTermsOf({})).toEqual({
    version: null,
    security: false,
    notes: "",
    rolloutId: null,
    consent: "automatic",
    notBeforeMs: null,
    postponeUntilMsMax: null,
    windows: [],
  });
});
