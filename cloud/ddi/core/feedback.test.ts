import fc from "fast-check";
import { expect, test } from "vitest";
import { answerToCancel, causeOf, type Feedback, feedback, meaningOf, saidIn, withErrors } from "./feedback.ts";

const known = { success: "booted", handedOver: false, errors: [] } as const;
const said = (execution: string, finished = "none", details: string[] = []): Feedback =>
  feedback.parse({ id: 1, status: { execution, result: { finished }, details } });

test.each([
  ["proceeding", "none", "downloading"],
  ["resumed", "none", "downloading"],
  ["download", "none", "downloading"],
  ["downloaded", "none", "downloaded"],
  ["scheduled", "none", null],
  ["closed", "success", "confirmed"],
  ["closed", "none", "confirmed"],
  ["closed", "failure", "failed"],
  ["rejected", "none", "rejected"],
  ["canceled", "success", "rejected"],
])("%s with %s means %s", (execution, finished, step) => {
  expect(meaningOf(said(execution, finished), known).step).toBe(step);
});

test("what proceeds is an installation once the image was handed over, and a success is worth what the model says", () => {
  expect(meaningOf(said("proceeding"), { ...known, handedOver: true }).step).toBe("installing");
  expect(meaningOf(said("closed", "success"), { ...known, success: "written" }).step).toBe("rebooting");
});

test.each([
  ["closed", "success", "stopped"],
  ["canceled", "none", "stopped"],
  ["closed", "failure", "goes_on"],
  ["rejected", "none", "goes_on"],
  ["proceeding", "none", "undecided"],
])("asked to stop, %s with %s means that it %s", (execution, finished, answer) => {
  expect(answerToCancel(said(execution, finished))).toBe(answer);
});

test.each([
  ["Update Failed.", "health_check_failed"],
  ["ERROR : No downgrading allowed: new version 1.0.0 <= installed 2.0.0", "not_newer"],
  ["ERROR : SW not compatible with hardware", "wrong_hardware"],
  ["ERROR : Signature verification failed", "image_signature_wrong"],
  ["File size 300 exceeds available space 100", "disk_full"],
  ["Software: oven V2. Invalid checksum: aa expected bb", "image_hash_wrong"],
  ["Download failed: Timeout was reached", "download_unreachable"],
  ["Failed to install software bundle.", "install_failed"],
])("a client that says %j means %s", (text, cause) => {
  expect(causeOf([text])).toBe(cause);
});

test("what a client says on the way explains the failure at the end", () => {
  const errors = withErrors([], { details: ["[parse] : fine", "ERROR : No downgrading allowed"] });
  expect(errors).toEqual(["ERROR : No downgrading allowed"]);
  const end = said("closed", "failure", ["No suitable .swu image found"]);
  expect(meaningOf(end, { ...known, errors }).reason).toBe("not_newer");
});

test("whatever a client says, what is kept of it is little and can be stored", () => {
  const text = fc.string({ unit: "binary", maxLength: 1_000 });
  fc.assert(
    fc.property(fc.array(text, { maxLength: 100 }), fc.array(text, { maxLength: 30 }), (details, before) => {
      const kept = saidIn({ details }).details ?? [];
      expect(kept.length).toBeLessThanOrEqual(50);
      expect(kept.join("").length).toBeLessThanOrEqual(8_000);
      for (const line of kept) expect([line.includes("\u0000"), line.isWellFormed()]).toEqual([false, true]);
      expect(withErrors(before, { details }).length).toBeLessThanOrEqual(20);
    }),
  );
});

test("fields that nobody needs may hold anything", () => {
  const status = {
    execution: "closed",
    result: { finished: "success", progress: "half" },
    code: "x",
    details: "one text",
  };
  expect(feedback.parse({ id: [], time: 7, status }).status).toMatchObject({ details: null, code: null });
});
