import { expect, test } from "vitest";
import { memberAfter, type MovedTo } from "./member.ts";

const after = (moved: Partial<MovedTo> & Pick<MovedTo, "phase">) =>
  memberAfter({ step: null, cause: null, reason: null, ...moved });

test("an appliance has begun when it downloads, not when it has heard of it or a person agreed", () => {
  for (const step of ["offered", "confirmed_by_owner"])
    expect(after({ phase: "received", step })).toEqual({ fresh: null, begun: null, reason: null });
  for (const step of ["downloading", "downloaded", "verified", "installing", "rebooting"])
    expect(after({ phase: "received", step }).fresh).toBe("started");
});

test("silence counts as a time-out only for those that had begun", () => {
  const silent = after({ phase: "failed", step: "offered", cause: "timed_out" });
  expect(silent).toEqual({ fresh: "skipped", begun: "timed_out", reason: "silent_after_offered" });
  expect(after({ phase: "expired", cause: "deadline" })).toMatchObject({ fresh: "skipped", begun: "timed_out" });
});

test("another attempt leaves an appliance where it is", () => {
  expect(after({ phase: "queued" })).toEqual({ fresh: null, begun: null, reason: null });
});

test("an appliance that does not take a release by itself has not been declined by its household", () => {
  for (const reason of ["wrong_hardware", "no_factory_root", "not_newer"])
    expect(after({ phase: "rejected", cause: "device", reason })).toEqual({ fresh: "failed", begun: "failed", reason });
  expect(after({ phase: "rejected", cause: "device", reason: "declined_by_owner" }).begun).toBe("declined");
  expect(after({ phase: "rejected", cause: "device", reason: "older_generation" }).fresh).toBe("cancelled");
  expect(after({ phase: "rejected", cause: "device", reason: "update_under_way" }).fresh).toBe("skipped");
});

test("a refusal by the household closes the matter, a failure keeps its reason", () => {
  expect(after({ phase: "rejected" }).begun).toBe("declined");
  expect(after({ phase: "failed", cause: "device", reason: "bad_signature" })).toMatchObject({
    fresh: "failed",
    begun: "failed",
    reason: "bad_signature",
  });
  expect(after({ phase: "failed", step: "rolled_back", cause: "device" }).reason).toBe("rolled_back");
});
