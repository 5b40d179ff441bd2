import { knownZone, windowState } from "#protocol/maintenance-window.ts";
import type { DeliveryState } from "./delivery-life.ts";
import type { UpdateTerms } from "./update-terms.ts";

/** What an app of the maker's own words by itself. */
export const updateNextCodes = [
  "waits_for_you",
  "waits_for_time",
  "waits_for_appliance",
  "waits_for_rest",
  "waits_for_window",
  "tried_again_later",
  "on_its_way",
  "installing",
  "installed",
  "not_installed",
  "declined",
  "replaced",
  "taken_back",
] as const;

export interface UpdateNext {
  code: (typeof updateNextCodes)[number];
  /** In plain English, with times as the clock on the wall has them. */
  text: string;
  /** The time that the sentence names. */
  atMs: number | null;
}

export interface UpdateSituation {
  state: DeliveryState;
  terms: UpdateTerms;
  online: boolean;
  /** Where the appliance stands. */
  timeZone: string;
}

const next = (code: UpdateNext["code"], text: string, atMs: number | null = null): UpdateNext => ({ code, text, atMs });

/** What happens next to an update, in one plain sentence for the household. */
export function updateNext(now: UpdateSituation, nowMs: number): UpdateNext {
  const { state } = now;
  switch (state.phase) {
    case "queued":
    case "sent":
      return beforeReceipt(now, nowMs);
    case "received":
      return atStep(now, state.step, nowMs);
    case "done":
      return next("installed", "It is installed, and the appliance runs well with it.");
    case "failed":
      return next("not_installed", failedText(state));
    case "rejected":
      return state.cause === "owner"
        ? next("declined", "You declined it, and it is not offered again.")
        : next("not_installed", "The appliance did not take it and goes on with what it has.");
    case "expired":
      return next("not_installed", "It was not installed in time, and the appliance goes on with what it has.");
    case "superseded":
      return next("replaced", "A newer update takes its place.");
    case "cancelled":
      return next("taken_back", "It was taken back, and the appliance goes on with what it has.");
  }
}

function beforeReceipt(now: UpdateSituation, nowMs: number): UpdateNext {
  const { state, terms, online, timeZone } = now;
  if (state.phase === "queued" && state.attempt > 1 && state.notBeforeMs > nowMs) {
    const when = wallTime(state.notBeforeMs, timeZone);
    return next("tried_again_later", `The last try failed; it is tried again after ${when}.`, state.notBeforeMs);
  }
  const waits = waitsForPeople(now, nowMs);
  if (waits !== null) return waits;
  // A delivery of a set may be made before it is to go out.
  if (state.phase === "queued" && state.notBeforeMs > nowMs) return notBefore(state.notBeforeMs, timeZone);
  if (!online) return next("waits_for_appliance", "It begins once the appliance is online.");
  return terms.windows.length > 0
    ? installedFrom(now, nowMs)
    : next("on_its_way", "The appliance is being told of it, and fetches it when it is neither hot nor running.");
}

const notBefore = (atMs: number, timeZone: string): UpdateNext =>
  next("waits_for_time", `It begins after ${wallTime(atMs, timeZone)}.`, atMs);

function waitsForPeople({ terms, timeZone }: UpdateSituation, nowMs: number): UpdateNext | null {
  if (terms.consent === "ask") return next("waits_for_you", "It waits until you agree, here or at the appliance.");
  const { notBeforeMs } = terms;
  return notBeforeMs !== null && notBeforeMs > nowMs ? notBefore(notBeforeMs, timeZone) : null;
}

function atStep(now: UpdateSituation, step: string, nowMs: number): UpdateNext {
  switch (step) {
    case "offered":
      return waitsForPeople(now, nowMs) ?? beginsAtRest(now);
    case "confirmed_by_owner":
      // Somebody agreed at the appliance itself, whatever the cloud's own copy says.
      return waitsForPeople({ ...now, terms: { ...now.terms, consent: "given" } }, nowMs) ?? beginsAtRest(now);
    case "downloading":
      return next("on_its_way", "It is being downloaded; you can use the appliance meanwhile.");
    case "downloaded":
      return next("on_its_way", "It is downloaded and being checked; you can use the appliance meanwhile.");
    case "verified":
      return installedFrom(now, nowMs);
    case "installing":
      return next("installing", "It is being installed; please leave the appliance switched on.");
    case "rebooting":
      return next("installing", "The appliance restarts and tries the new software; please leave it switched on.");
    default:
      return next("on_its_way", "It is under way.");
  }
}

const beginsAtRest = ({ online }: UpdateSituation): UpdateNext =>
  online
    ? next("waits_for_rest", "It begins as soon as the appliance is neither hot nor running.")
    : next("waits_for_appliance", "It begins once the appliance is online.");

function installedFrom({ terms, timeZone }: UpdateSituation, nowMs: number): UpdateNext {
  const fromMs = Math.max(nowMs, terms.notBeforeMs ?? 0);
  const { open, changesAtMs } = windowState(terms.windows, timeZone, fromMs);
  const atMs = open ? fromMs : changesAtMs;
  if (atMs === null) return next("waits_for_window", "It waits for a time at which updates may be installed.");
  if (atMs <= nowMs)
    return next("waits_for_rest", "It is installed as soon as the appliance is neither hot nor running.");
  return next(
    "waits_for_window",
    `It is installed after ${wallTime(atMs, timeZone)}, when the appliance is at rest.`,
    atMs,
  );
}

function failedText(state: Extract<DeliveryState, { phase: "failed" }>): string {
  if (state.step === "rolled_back") return "It did not run well, so the appliance went back to what it had.";
  return state.cause === "timed_out"
    ? "The appliance did not say in time what became of it."
    : "It could not be installed, and the appliance goes on with what it has.";
}

const wallTime = (atMs: number, timeZone: string): string =>
  new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "short", timeZone: knownZone(timeZone) }).format(
    atMs,
  );
