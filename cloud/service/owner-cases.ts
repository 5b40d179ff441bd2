import type { Clock } from "../platform/clock.ts";
import { contested, type Db } from "../platform/database.ts";
import { type Refused, refused } from "../platform/refused.ts";
import { type Audit, type OwnerPrincipal, principalText } from "../staff/staff.ts";
import type { CaseEntriesStore, CaseEntry } from "./case-entries-store.ts";
import { statusAtMs, type ServiceCase } from "./case-row.ts";
import type { Cases } from "./cases.ts";
import type { CasesStore } from "./cases-store.ts";
import { byAutomation, type Conversations, type TalkAppliances } from "./conversation.ts";
import type { Alternative, Conversation, ConversationStore, Standing } from "./conversation-store.ts";
import { isClosed } from "./core/case-promise.ts";
import { ownerWords } from "./core/owner-words.ts";
import type { Severity } from "./core/severity.ts";
import { type Expectation, expectationOf } from "./core/waiting.ts";
import type { OwnerDisplay } from "./owner-display.ts";

export interface OwnerCasesDeps {
  db: Db;
  clock: Clock;
  audit: Audit;
  appliances: TalkAppliances;
  store: CasesStore;
  entries: CaseEntriesStore;
  cases: Cases;
  talk: ConversationStore;
  conversations: Conversations;
  display: OwnerDisplay;
}

/** A line of the conversation, as its owner reads it. */
export interface OwnerMessage {
  sequence: number;
  atMs: number;
  from: "you" | "support" | "automatic";
  text: string;
  /** What one may choose instead of waiting on. */
  alternatives: string[];
  shownAtMs: number | null;
}

/** How a case stands, live. */
export interface OwnerStanding {
  caseId: string;
  status: ServiceCase["state"]["status"];
  statusAtMs: number;
  /** How many are ahead; null where nobody works on it just now. */
  ahead: number | null;
  /** What was promised. */
  answerByMs: number | null;
  solutionByMs: number | null;
  /** Since when the appliance shows it no more, while a person shall look at it all the same; null where that is not so. */
  causeGoneAtMs: number | null;
  /** When others of this severity were answered; null once this one was. */
  expectedAnswer: (Expectation & { fromMs?: number; toMs?: number }) | null;
  lastSequence: number;
}

export interface OwnerCase {
  serviceCase: ServiceCase;
  title: string;
  /** Null where it is no appliance's matter. */
  deviceId: string | null;
  standing: OwnerStanding;
}

const listedMax = 50;
const entriesMax = 1_000;
/** An expectation is good for so long. */
const expectationKeptMs = 30_000;

/** A household's own cases: how they stand, and what can be chosen. */
export class OwnerCases {
  readonly #deps: OwnerCasesDeps;
  readonly #expected = new Map<Severity, { atMs: number; expectation: Expectation }>();

  constructor(deps: OwnerCasesDeps) {
    this.#deps = deps;
  }

  /** Newest first. */
  async list(householdId: string): Promise<OwnerCase[]> {
    const { db, talk, appliances } = this.#deps;
    const devices = await appliances.ofHousehold(householdId);
    const found = await talk.ofHousehold(db, householdId, devices, { caseId: null, limit: listedMax });
    const standings = await this.standings(found.map(({ id }) => id));
    const ids = new Map(devices.map(({ key, id }) => [key, id]));
    const fromUs = await this.#titleFromUs(householdId, found);
    return found.flatMap((serviceCase) => {
      const standing = standings.get(serviceCase.id);
      if (standing === undefined) return [];
      const deviceId = serviceCase.deviceKey === null ? null : (ids.get(serviceCase.deviceKey) ?? null);
      return [{ serviceCase, title: titleFor(serviceCase, fromUs), deviceId, standing: standing.standing }];
    });
  }

  async get(
    householdId: string,
    asked: string,
  ): Promise<(OwnerCase & { messages: OwnerMessage[]; conversation: Conversation | null }) | null> {
    const { db, talk, entries, conversations } = this.#deps;
    const mine = await conversations.mine(householdId, asked);
    if (mine === null) return null;
    const caseId = mine.serviceCase.id;
    const standing = (await this.standings([caseId])).get(caseId);
    if (standing === undefined) return null;
    const shown = await talk.shownOf(db, caseId);
    const lines = await entries.ofCase(db, caseId, entriesMax);
    return {
      serviceCase: mine.serviceCase,
      title: titleFor(mine.serviceCase, await this.#titleFromUs(householdId, [mine.serviceCase])),
      deviceId: mine.device?.id ?? null,
      standing: standing.standing,
      messages: lines.flatMap((entry) => toMessage(entry, shown)),
      conversation: await talk.get(db, caseId),
    };
  }

  /** How cases stand, and whose they are, in few statements for any number of them. */
  async standings(
    ids: readonly string[],
  ): Promise<Map<string, { householdId: string | null; standing: OwnerStanding }>> {
    if (ids.length === 0) return new Map();
    const found = await this.#deps.talk.standings(this.#deps.db, ids);
    const severities = new Set([...found.values()].map(({ serviceCase }) => serviceCase.severity));
    const expected = new Map<Severity, Expectation>();
    for (const severity of severities) expected.set(severity, await this.#expectation(severity));
    return new Map(
      [...found].map(([id, standing]) => {
        const { householdId, severity } = standing.serviceCase;
        return [id, { householdId, standing: toStanding(standing, expected.get(severity) ?? null) }];
      }),
    );
  }

  /** What an owner chose instead of waiting on. It stands on the case, and changes what is due. */
  async choose(
    by: OwnerPrincipal,
    asked: string,
    chosen: Alternative,
  ): Promise<{ kind: "chosen" } | Refused<"my_case_not_found" | "my_case_closed" | "call_back_time_wrong">> {
    const { db, clock, audit, store, cases, talk, conversations, display } = this.#deps;
    const mine = await conversations.mine(by.householdId, asked);
    if (mine === null) return refused("my_case_not_found");
    const caseId = mine.serviceCase.id;
    const nowMs = clock.nowMs();
    if (
      chosen.kind === "call_back" &&
      (chosen.fromMs >= chosen.toMs || chosen.toMs <= nowMs || chosen.toMs > nowMs + callBackMsMax)
    )
      return refused("call_back_time_wrong");
    const { locale } = await display.wordsFor(mine.device, by.householdId);
    return contested(db, async (tx) => {
      const before = await store.lock(tx, caseId);
      if (before?.householdId !== by.householdId) return refused("my_case_not_found");
      if (isClosed(before.state.status)) return refused("my_case_closed");
      const text = chosenText(chosen, locale);
      const message = { direction: "from_owner", by: principalText(by), text, atMs: nowMs } as const;
      const serviceCase = await cases.say(
        tx,
        before,
        { ...message, data: { alternative: chosen.kind } },
        mine.device?.id ?? null,
      );
      const wantsHuman = chosen.kind !== "self_help";
      await talk.spoke(tx, { caseId, code: null, topic: null, wantsHuman }, nowMs);
      await talk.choose(tx, caseId, chosen);
      if (chosen.kind === "call_back") await conversations.promiseAnew(tx, serviceCase, chosen.toMs);
      else if (chosen.kind === "technician") await conversations.toStaff(tx, serviceCase);
      else await talk.wantsArticle(tx, caseId, nowMs);
      const after = { alternative: chosen.kind };
      await audit.record(tx, { principal: by, action: "case.alternative_chosen", subject: `case:${caseId}`, after });
      return { kind: "chosen" };
    });
  }

  /** What a case is called that staff began for a reason of their own; no language is looked up where there is none. */
  async #titleFromUs(householdId: string, cases: readonly ServiceCase[]): Promise<string> {
    if (!cases.some(isFromUs)) return "";
    return (await this.#deps.display.wordsFor(null, householdId)).words.answer;
  }

  async #expectation(severity: Severity): Promise<Expectation> {
    const { db, clock, talk } = this.#deps;
    const nowMs = clock.nowMs();
    const known = this.#expected.get(severity);
    if (known !== undefined && nowMs - known.atMs < expectationKeptMs) return known.expectation;
    const expectation = expectationOf(await talk.waits(db, severity, nowMs));
    this.#expected.set(severity, { atMs: nowMs, expectation });
    return expectation;
  }
}

/** Another part of the service wanted a person for it, and called it what staff should know. */
const isFromUs = ({ deviceKey, openedBy }: ServiceCase) => deviceKey === null && openedBy.startsWith("service:");
const titleFor = (serviceCase: ServiceCase, fromUs: string): string =>
  isFromUs(serviceCase) ? fromUs : serviceCase.title;

const callBackMsMax = 14 * 86_400_000;

function chosenText(chosen: Alternative, locale: string): string {
  const words = ownerWords(locale).alternatives[chosen.kind];
  switch (chosen.kind) {
    case "call_back":
      return `${words}: ${chosen.phone}, ${new Date(chosen.fromMs).toISOString()} – ${new Date(chosen.toMs).toISOString()}`;
    case "technician":
      return chosen.note === null ? words : `${words}: ${chosen.note}`;
    case "self_help":
      return words;
  }
}

function toStanding({ serviceCase, ahead, lastSequence }: Standing, expectation: Expectation | null): OwnerStanding {
  const { id, state, promise, knownAtMs, answeredBy } = serviceCase;
  const closed = isClosed(state.status);
  const waitsForAnswer = !closed && (promise.answeredAtMs === null || answeredBy === byAutomation);
  const times =
    expectation?.basis === "measured"
      ? { fromMs: knownAtMs + expectation.p50Ms, toMs: knownAtMs + expectation.p80Ms }
      : {};
  return {
    caseId: id,
    status: state.status,
    statusAtMs: statusAtMs(state),
    ahead,
    answerByMs: closed || promise.answeredAtMs !== null ? null : promise.firstAnswerDueAtMs,
    // While the clock stands still nobody can say when.
    solutionByMs: closed || promise.pausedAtMs !== null ? null : promise.resolveDueAtMs,
    causeGoneAtMs: serviceCase.causeGoneAtMs,
    expectedAnswer: waitsForAnswer && expectation !== null ? { ...expectation, ...times } : null,
    lastSequence,
  };
}

/** What an owner reads of a line: messages alone, and of staff no more than that it was they. */
function toMessage(
  { kind, by, text, data, atMs, sequence }: CaseEntry,
  shown: Map<string, number | null>,
): OwnerMessage[] {
  if (kind !== "message_to_owner" && kind !== "message_from_owner") return [];
  const { deliveryId, alternatives } = data;
  const from = kind === "message_from_owner" ? "you" : by.startsWith("staff:") ? "support" : "automatic";
  return [
    {
      sequence,
      atMs,
      from,
      text: text ?? "",
      alternatives: Array.isArray(alternatives) ? alternatives.filter((one) => typeof one === "string") : [],
      shownAtMs: typeof deliveryId === "string" ? (shown.get(deliveryId) ?? null) : null,
    },
  ];
}
