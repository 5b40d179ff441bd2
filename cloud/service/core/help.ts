/** What somebody asks help with, and which case it belongs to. */
import type { HelpRequested } from "#protocol/help.ts";
import type { EventFact } from "../../devices/devices.ts";
import { severities, type Severity } from "./severity.ts";

export type HelpAsked = HelpRequested;

/** The event as it is kept. What somebody wrote is kept with the case alone, and goes with it. */
export function withoutWords(fact: EventFact): EventFact {
  const { event } = fact;
  if (event.type !== "help.requested" || !("text" in event.data)) return fact;
  const { text: _text, ...data } = event.data;
  return { ...fact, event: { ...event, data } };
}

/** Most questions of one appliance within an hour; what comes beyond is no conversation any more. */
export const questionsPerHourMax = 30;
export const questionWindowMs = 3_600_000;

/** Questions of one appliance that one batch can add to its case. */
export const questionsPerBatchMax = 5;

const snake = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_");

/** The cause that makes two questions the same case: the fault, else the topic. */
export function helpCause({ code, topic }: HelpAsked): string {
  if (code !== undefined) return `help_fault_${snake(code)}`.slice(0, 64);
  return `help_${topic ?? "asked"}`;
}

export function helpTitle({ code, topic }: HelpAsked): string {
  if (code !== undefined) return `Asks for help with fault ${code}`;
  return topic === undefined || topic === "other" ? "Asks for help" : `Asks for help (${topic})`;
}

/** What stands in the conversation, where they said nothing. */
export const helpText = (asked: HelpAsked): string =>
  asked.text ?? (asked.wantsHuman ? "I would like to speak to a person." : `${helpTitle(asked)}.`);

/** Where an article may be found, the most particular first: by the cause of a case, as rules name it. */
export function articleCauses({ code, topic }: HelpAsked, cause: string | null): string[] {
  const named = [
    ...(code === undefined ? [] : [`fault:${code}`, code]),
    ...(cause === null ? [] : [cause]),
    ...(topic === undefined ? [] : [`help_${topic}`]),
  ];
  return [...new Set(named)];
}

/** An open case of the appliance, as far as it matters here. */
export interface OpenCase {
  id: string;
  cause: string;
  severity: Severity;
  openedAtMs: number;
}

/**
 * The open case that a question joins: the one of the fault that it names, else one that was asked for, else the one that matters most.
 * Null where nothing is open.
 */
export function joinedCase<C extends OpenCase>(open: readonly C[], asked: HelpAsked): C | null {
  const rank = ({ cause, severity }: C): number => {
    if (asked.code !== undefined && (cause === `fault:${asked.code}` || cause === asked.code)) return 20;
    if (cause === helpCause(asked)) return 10;
    return severities.indexOf(severity) + (cause.startsWith("help_") ? 5 : 0);
  };
  const [best = null] = open.toSorted(
    (a, b) => rank(b) - rank(a) || b.openedAtMs - a.openedAtMs || (a.id < b.id ? -1 : 1),
  );
  return best;
}
