import type { DeviceRef } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import type { Db } from "../platform/database.ts";
import { type Principal, principalText } from "../staff/staff.ts";
import type { Cases } from "./cases.ts";
import type { CasesStore } from "./cases-store.ts";
import { isClosed } from "./core/case-promise.ts";
import type { Severity } from "./core/severity.ts";

/** A case that another part of the service wants a person for: somebody is to be called, somebody is about to leave. */
export interface CaseForPerson {
  householdId: string;
  /** Null where it is no appliance's matter, or the household has none. */
  device: DeviceRef | null;
  severity: Severity;
  /** At most 200 characters. */
  title: string;
  /** What the person should know before they begin; at most 4,000 characters. */
  note: string | null;
  /**
   * What makes it the same case, and its cause: `at_risk`, or `decision:ID`. One is open at a time. Without a colon it is a state that may
   * return, and reopens a case that was resolved less than 7 days ago. What stands after a colon names one happening: it has one case, ever.
   */
  dedupeKey: string;
}

export interface CaseForPersonOutcome {
  /** `known`: there is one, open or closed, and nothing was changed. */
  kind: "opened" | "reopened" | "known";
  caseId: string;
}

const keyPattern = /^[a-z][a-z0-9_]{0,63}(?::[A-Za-z0-9_.:-]{1,100})?$/;
const [titleCharsMax, noteCharsMax] = [200, 4_000];

/** What is cut in the middle of a character ends in a mark, since half a character is no text. */
const firstOf = (text: string, charsMax: number): string => text.slice(0, charsMax).toWellFormed();

/** @throws TypeError where the key has another shape: no person writes it */
export async function openForPerson(
  tx: Db,
  { cases, store, clock }: { cases: Cases; store: CasesStore; clock: Clock },
  { householdId, device, severity, title, note, dedupeKey: cause }: CaseForPerson,
  by: Principal,
): Promise<CaseForPersonOutcome> {
  if (!keyPattern.test(cause)) throw new TypeError(`a case's dedupe key is snake_case, or that and an id: ${cause}`);
  if (cause.includes(":")) {
    // Two who tell the same at once are told apart when the case is opened, where the second waits for the first.
    const last =
      device === null
        ? await store.lockLastOfHousehold(tx, householdId, cause)
        : (await store.lockLast(tx, [{ deviceKey: device.key, cause }]))[0]?.serviceCase;
    if (last !== undefined && isClosed(last.state.status)) return { kind: "known", caseId: last.id };
  }
  const outcome = await cases.openByPerson(tx, {
    device,
    householdId,
    severity,
    cause,
    title: firstOf(title, titleCharsMax),
    text: note === null ? null : firstOf(note, noteCharsMax),
    by: principalText(by),
    atMs: clock.nowMs(),
  });
  const kind = outcome.kind === "open_already" ? "known" : outcome.kind;
  return { kind, caseId: outcome.serviceCase.id };
}
