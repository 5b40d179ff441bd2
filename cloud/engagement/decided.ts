import type { Db } from "../platform/database.ts";
import type { Ids } from "../platform/ids.ts";
import type { Candidate } from "./core/candidate.ts";
import { readersOf } from "./core/channels.ts";
import type { Answer, Decision } from "./core/decide.ts";
import type { NewDecision } from "./decisions-store.ts";
import type { ReadHousehold } from "./household-states.ts";
import type { NewMessage } from "./messages-store.ts";
import type { EngagementDeps } from "./ports.ts";

/** A decision with its row, about a household as it was read. */
export interface Made {
  row: NewDecision;
  decision: Decision;
  household: ReadHousehold;
}

const channelsOf = (answer: Answer): string[] => (answer.kind === "send" ? answer.channels : []);

/** A decision as it is kept. */
export function rowOf(
  made: { id: string; contextId: string; nowMs: number; candidate: Candidate | undefined },
  { answer, trace, terms, source, itemId, version, score, ...decision }: Decision,
  household: ReadHousehold,
): NewDecision {
  const { id, contextId, nowMs, candidate } = made;
  return {
    id,
    source,
    household_id: household.state.id,
    item_id: itemId,
    item_version: version,
    title: candidate?.title ?? "",
    class: decision.class,
    priority: candidate?.priority ?? 0,
    answer: answer.kind,
    reason: "reason" in answer ? answer.reason : null,
    channels: channelsOf(answer),
    until_ms: answer.kind === "hold" ? answer.untilMs : null,
    decided_at_ms: nowMs,
    expires_at_ms: candidate?.untilMs ?? null,
    score,
    context_id: contextId,
    state: household.state,
    trace: { tests: trace, terms },
  };
}

/** The letters and the message to the app that come of a decision to send. */
export function messagesOf(
  ids: Pick<Ids, "next">,
  { row, household }: Pick<Made, "row" | "household">,
  nowMs: number,
  untilMs: number,
): NewMessage[] {
  const make = (channel: NewMessage["channel"], memberId: string | null): NewMessage => ({
    id: ids.next(),
    decision_id: row.id,
    channel,
    member_id: memberId,
    next_at_ms: nowMs,
    until_ms: Math.min(untilMs, nowMs + 3 * 86_400_000),
  });
  const usable = readersOf({ source: row.source, itemId: row.item_id, class: row.class }, household.state);
  // One letter to a household; where safety is in question, one to each of its people.
  const readers = row.class === "recall" || row.class === "safety" ? usable : usable.slice(0, 1);
  return [
    ...(row.channels.includes("email") ? readers.map((memberId) => make("email", memberId)) : []),
    ...(row.channels.includes("webhook") ? [make("webhook", null)] : []),
  ];
}

/** Has a person tell a household what nothing else brings to it: one case a decision, however often it is asked for. */
export async function openCase(
  service: EngagementDeps["service"],
  tx: Db,
  { id, household_id: householdId }: NewDecision,
  { title, text }: { title: string; text: string },
): Promise<void> {
  await service.openFor(
    tx,
    {
      householdId,
      device: null,
      severity: "service",
      title: `Tell them: ${title}`,
      note: `Nothing else reaches this household. ${text}`,
      dedupeKey: `decision:${id}`,
    },
    { kind: "service", name: "engagement" },
  );
}
