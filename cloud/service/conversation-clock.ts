import type { DeviceRef } from "../devices/devices.ts";
import type { NotableFact } from "../events/events.ts";
import { type Db, transaction } from "../platform/database.ts";
import { appliancesOf } from "./case-appliances.ts";
import { CaseChanges, type CaseChangesDeps } from "./case-changes.ts";
import { isTheirs, type ServiceCase } from "./case-row.ts";
import type { Cases } from "./cases.ts";
import { byAutomation, NoLonger, type TalkAppliances } from "./conversation.ts";
import type { Conversation, ConversationStore } from "./conversation-store.ts";
import { targetText } from "./case-clock.ts";
import { escalate, isClosed, ownerWaits } from "./core/case-promise.ts";
import { type CauseDefinition, inLocale } from "./core/cause-article.ts";
import { articleCauses, type HelpAsked } from "./core/help.ts";
import { alternativeKinds } from "./core/owner-words.ts";
import { severities } from "./core/severity.ts";
import { warnedLeadMs } from "./core/waiting.ts";
import { answerPriority, type OwnerDisplay } from "./owner-display.ts";
import type { ServiceDocuments } from "./service-documents.ts";

export interface ConversationClockDeps extends CaseChangesDeps {
  db: Db;
  appliances: TalkAppliances;
  cases: Cases;
  causes: ServiceDocuments<CauseDefinition>;
  talk: ConversationStore;
  display: OwnerDisplay;
}

const atOnceMax = 100;
/** Who was answered by automation and says nothing for so long was helped. */
const settledAfterMs = 3 * 86_400_000;

/** @returns null where it was no longer wanted; nothing of it stays then */
async function unlessGone<R>(db: Db, work: (tx: Db) => Promise<R>): Promise<R | null> {
  try {
    return await transaction(db, work);
  } catch (error) {
    if (error instanceof NoLonger) return null;
    throw error;
  }
}

interface Article {
  key: string;
  title: string;
  text: string;
}

/** What is said by itself: first answers from the catalogue of causes, and a word before a promise is missed. */
export class ConversationClock {
  readonly #deps: ConversationClockDeps;

  constructor(deps: ConversationClockDeps) {
    this.#deps = deps;
  }

  async tick(): Promise<void> {
    while ((await transaction(this.#deps.db, (tx) => this.#escalate(tx))) === atOnceMax);
    await this.#answer();
    await this.#warn();
    await this.#settle();
  }

  /** Owners who wrote and whom nobody answers: staff are told again, further and further up. */
  async #escalate(tx: Db): Promise<number> {
    const { clock, policies, talk, outbox, appliances } = this.#deps;
    const nowMs = clock.nowMs();
    const found = await talk.lockWaiting(tx, nowMs, atOnceMax);
    const deviceOf = await appliancesOf(
      appliances,
      found.map(({ serviceCase }) => serviceCase),
    );
    const facts: NotableFact[] = [];
    const rows = found.map(({ serviceCase, sinceMs, level }) => {
      const { id, severity, cause, title, householdId, assignee, state } = serviceCase;
      const over = { caseId: id, sinceMs: null, level: 0, escalatesAtMs: null };
      if (isClosed(state.status)) return over;
      const terms = policies.terms(severity);
      const reached = escalate(ownerWaits(sinceMs, level, terms), nowMs, terms);
      // The policy has fewer steps than when they wrote.
      if (reached === null) return { caseId: id, sinceMs, level, escalatesAtMs: null };
      const to = targetText(reached.to);
      const reaches = to === "assignee" ? assignee : to;
      const told = { level: reached.level, to, reaches, stage: reached.stage, sinceMs };
      const deviceId = deviceOf(serviceCase)?.id ?? null;
      facts.push({
        type: "hearth.case.owner_waits",
        subject: `case:${id}`,
        atMs: nowMs,
        data: { caseId: id, deviceId, householdId, cause, severity, title, ...told },
      });
      return { caseId: id, sinceMs, level: reached.level, escalatesAtMs: reached.promise.escalatesAtMs };
    });
    await talk.waited(tx, rows);
    await outbox.add(tx, facts);
    return found.length;
  }

  async #answer(): Promise<void> {
    const { db, talk, clock } = this.#deps;
    for (;;) {
      const due = await talk.answersDue(db, clock.nowMs(), atOnceMax);
      const deviceOf = await appliancesOf(
        this.#deps.appliances,
        due.map(({ serviceCase }) => serviceCase),
      );
      for (const { conversation, serviceCase } of due) {
        await this.#answerOne(conversation, serviceCase, deviceOf(serviceCase) ?? null);
      }
      if (due.length < atOnceMax) return;
    }
  }

  /** An article where there is one and nobody asked for a person; else a word that the message has arrived. */
  async #answerOne(conversation: Conversation, before: ServiceCase, device: DeviceRef | null): Promise<void> {
    const { db, talk, clock, cases, store, display } = this.#deps;
    if (!isTheirs(before, device) || isClosed(before.state.status)) {
      await transaction(db, (tx) => talk.takeAnswer(tx, before.id, false, clock.nowMs()));
      return;
    }
    const { language, words } = await display.wordsFor(device, before.householdId);
    const deviceId = device?.id ?? null;
    const helpsThemselves = conversation.alternative?.kind === "self_help";
    const wantsArticle = !conversation.wantsHuman && (helpsThemselves || before.promise.answeredAtMs === null);
    const article = wantsArticle ? await this.#article(conversation, before, language) : null;
    const text = article === null ? words.noted : `${article.title}\n\n${article.text}\n\n${words.askHuman}`;
    const afterCommit = await unlessGone(db, async (tx) => {
      const nowMs = clock.nowMs();
      const word = {
        device,
        caseId: before.id,
        locale: language,
        title: article === null ? words.answer : words.automatic,
        text,
        priority: answerPriority(before.severity),
        ...(article === null ? {} : { ask: "human" as const }),
      };
      const { deliveryId, afterCommit: sent } = await display.show(tx, word);
      const serviceCase = await store.lock(tx, before.id);
      if (serviceCase?.householdId !== before.householdId) throw new NoLonger();
      if (!(await talk.takeAnswer(tx, before.id, article !== null, nowMs))) throw new NoLonger();
      const line = { by: byAutomation, text, atMs: nowMs };
      if (article === null) {
        await this.#say(tx, serviceCase, { ...line, data: { automatic: true, deliveryId } }, deviceId);
        return sent;
      }
      const data = { automatic: true, article: article.key, deliveryId };
      const answered = await cases.say(tx, serviceCase, { direction: "to_owner", ...line, data }, deviceId);
      // Where a rule found the trouble staff go on with it all the same.
      if (answered.ruleId === null) {
        await cases.work(tx, answered, { kind: "ask_owner", atMs: nowMs }, { by: byAutomation, text: null, deviceId });
      }
      return sent;
    });
    afterCommit?.();
  }

  /** Says something that answers nothing: the promise of a first answer stands. */
  async #say(
    tx: Db,
    serviceCase: ServiceCase,
    line: { by: string; text: string; atMs: number; data: Record<string, unknown> },
    deviceId: string | null,
  ): Promise<void> {
    const made = new CaseChanges(this.#deps);
    made.add(serviceCase, { kind: "message_to_owner", ...line }, deviceId);
    await made.write(tx);
  }

  async #article(conversation: Conversation, serviceCase: ServiceCase, language: string): Promise<Article | null> {
    const asked: HelpAsked = { wantsHuman: false, ...(conversation.code === null ? {} : { code: conversation.code }) };
    const cause = serviceCase.ruleId === null ? null : serviceCase.cause;
    const topic = conversation.topic === null ? [] : [`help_${conversation.topic}`];
    for (const key of [...articleCauses(asked, cause), ...topic]) {
      const found = await this.#deps.causes.find(key, serviceCase.model);
      const article = found === null ? undefined : inLocale(found.definition.article, language);
      if (article !== undefined) return { key, ...article };
    }
    return null;
  }

  async #warn(): Promise<void> {
    const { db, talk, clock, policies } = this.#deps;
    const leads = severities.map((severity) => {
      const { firstAnswerMs, resolveMs } = policies.terms(severity);
      return { severity, answerMs: warnedLeadMs(firstAnswerMs), solutionMs: warnedLeadMs(resolveMs) };
    });
    for (;;) {
      const found = await talk.endangered(db, leads, clock.nowMs(), atOnceMax);
      const deviceOf = await appliancesOf(this.#deps.appliances, found);
      for (const serviceCase of found) await this.#warnOne(serviceCase, deviceOf(serviceCase) ?? null);
      if (found.length < atOnceMax) return;
    }
  }

  async #warnOne(before: ServiceCase, device: DeviceRef | null): Promise<void> {
    const { db, talk, clock, store, display } = this.#deps;
    const { dueAtMs } = before.promise;
    if (dueAtMs === null) return;
    if (!isTheirs(before, device)) {
      await transaction(db, (tx) => talk.warned(tx, before.id, dueAtMs));
      return;
    }
    const { language, words } = await display.wordsFor(device, before.householdId);
    const word = { device, caseId: before.id, locale: language, title: words.late, text: words.lateText };
    const afterCommit = await unlessGone(db, async (tx) => {
      const { deliveryId, afterCommit: sent } = await display.show(tx, {
        ...word,
        priority: answerPriority(before.severity),
      });
      const serviceCase = await store.lock(tx, before.id);
      if (serviceCase?.householdId !== before.householdId) throw new NoLonger();
      if (!(await talk.warned(tx, before.id, dueAtMs))) throw new NoLonger();
      const data = {
        automatic: true,
        late: true,
        dueAtMs,
        alternatives: [...alternativeKinds],
        deliveryId,
      };
      const line = { by: byAutomation, text: words.lateText, atMs: clock.nowMs(), data };
      await this.#say(tx, serviceCase, line, device?.id ?? null);
      return sent;
    });
    afterCommit?.();
  }

  async #settle(): Promise<void> {
    const { db, talk, clock, cases, store } = this.#deps;
    for (;;) {
      const ids = await talk.settled(db, clock.nowMs() - settledAfterMs, atOnceMax);
      await transaction(db, async (tx) => {
        const held = await store.lockAll(tx, ids);
        const deviceOf = await appliancesOf(this.#deps.appliances, held);
        for (const serviceCase of held) {
          if (serviceCase.state.status !== "waiting_for_owner") continue;
          const on = { kind: "resolved", atMs: clock.nowMs(), by: byAutomation } as const;
          const deviceId = deviceOf(serviceCase)?.id ?? null;
          await cases.work(tx, serviceCase, on, { by: byAutomation, text: null, deviceId });
        }
      });
      if (ids.length < atOnceMax) return;
    }
  }
}
