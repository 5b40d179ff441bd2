/** What an appliance was asked about itself, in words. */
import type { Diagnosis } from "../api/case-shapes.ts";
import type { Tone } from "./rollouts.ts";

export const isUnderWay = ({ state }: Pick<Diagnosis, "state">): boolean =>
  state === "asked" || state === "sending" || state === "receiving";

export interface SelfTest {
  passed: boolean;
  parts: { part: string; ok: boolean }[];
}

/** The result of a self-test, where the appliance answered as the protocol says; null otherwise. */
export function selfTestOf(result: Record<string, unknown> | null): SelfTest | null {
  if (typeof result?.["passed"] !== "boolean") return null;
  const told: unknown[] = Array.isArray(result["parts"]) ? result["parts"] : [];
  const parts = told.flatMap((one) =>
    typeof one === "object" && one !== null && "part" in one && "ok" in one
      ? [{ part: String(one.part), ok: one.ok === true }]
      : [],
  );
  return { passed: result["passed"], parts };
}

const reasonWords: Readonly<Record<string, string>> = {
  device_busy: "it runs a program",
  busy: "it runs a program",
  unsupported: "it cannot do that",
  expired: "it did not hear of it",
};

/** How far it is. */
export function diagnosisWords({ kind, state, reason, result }: Diagnosis): { words: string; tone: Tone } {
  const why = reason === null ? "" : `: ${reasonWords[reason] ?? reason.replaceAll("_", " ")}`;
  switch (state) {
    case "asked":
      return { words: "on its way to the appliance", tone: "plain" };
    case "sending":
      return { words: "the appliance sends it", tone: "plain" };
    case "receiving":
      return { words: "it comes in", tone: "plain" };
    case "answered": {
      if (kind === "send_log") return { words: "received", tone: "well" };
      const test = selfTestOf(result);
      if (test === null) return { words: "answered", tone: "well" };
      return test.passed ? { words: "passed", tone: "well" } : { words: "found something", tone: "wrong" };
    }
    case "failed":
      return { words: `refused${why}`, tone: "mind" };
    case "expired":
      return { words: `no answer in time${why}`, tone: "mind" };
    case "removed":
      return { words: "removed: it was kept long enough", tone: "plain" };
  }
}
