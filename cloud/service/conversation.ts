import { helpRequested } from "#protocol/help.ts";
import type { DeliveryMove } from "../deliveries/deliveries.ts";
import type { DeviceRef, EventFact } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { contested, type Db } from "../platform/database.ts";
import { once } from "../platform/idempotency.ts";
import { type Audit, type OwnerPrincipal, type Principal, principalText } from "../staff/staff.ts";
import { appliancesOf } from "./case-appliances.ts";
import type { ServiceAppliances } from "./case-desk.ts";
import type { CasePolicies } from "./case-policies.ts";
import { isTheirs, type ServiceCase } from "./case-row.ts";
import type { Cases } from "./cases.ts";
import type { CasesStore } from "./cases-store.ts";
import type { ConversationStore } from "./conversation-store.ts";
import { isClosed, promiseAnew } from "./core/case-promise.ts";
import { type HelpAsked, helpCause, helpText, helpTitle, joinedCase, questionsPerBatchMax } from "./core/help.ts";
import { answerPriority, type DisplayWord, type OwnerDisplay } from "./owner-display.ts";
import { type Refused, refused } from "./refused.ts";

export interface TalkAppliances extends ServiceAppliances {
  ofHousehold(householdId: string): Promise<DeviceRef[]>;
}

export interface ConversationDeps {
  db: Db;
  clock: Clock;
  audit: Audit;
  appliances: TalkAppliances;
  policies: CasePolicies;
  store: CasesStore;
  cases: Cases;
  talk: ConversationStore;
  display: OwnerDisplay;
}

/** Who speaks where nobody does. */
export const byAutomation = "automation";

interface Question {
  /** As it belonged when they asked. */
  device: DeviceRef;
  asked: HelpAsked;
  by: string;
  atMs: number;
  from: "appliance" | "app";
}

/** Between two looks at a case its household left, or somebody else spoke: nothing of what was begun may stay. */
export class NoLonger extends Error {
  override name = "NoLonger";
}

/** What owners and staff say to each other, each about one case. */
export class Conversations {
  readonly #deps: ConversationDeps;

  constructor(deps: ConversationDeps) {
    this.#deps = deps;
  }

  /**
   * Takes the turns of the appliances that ask in a batch, before anything else is held: two questions of one appliance wait for each
   * other here.
   */
  async begin(tx: Db, events: readonly EventFact[]): Promise<readonly EventFact[]> {
    const asking = events.filter(({ event }) => event.type === "help.requested");
    if (asking.length === 0) return [];
    const byDevice = Map.groupBy(asking, ({ device }) => device.key);
    // Only those that are heard count: whoever comes back after a day of pressing the button is heard, too.
    const counts = new Map([...byDevice].map(([key, { length }]) => [key, Math.min(length, questionsPerBatchMax)]));
    const tooMany = await this.#deps.talk.takeTurns(tx, counts, this.#deps.clock.nowMs());
    return [...byDevice].flatMap(([key, facts]) => (tooMany.has(key) ? [] : facts.slice(-questionsPerBatchMax)));
  }

  /** What people asked at their appliances, in the batch's transaction; `events` are what `begin` left. */
  async ingest(tx: Db, events: readonly EventFact[]): Promise<void> {
    for (const { device, event, orderAtMs } of events) {
      const asked = helpRequested.parse(event.data);
      await this.#question(tx, { device, asked, by: `device:${device.id}`, atMs: orderAtMs, from: "appliance" });
    }
  }

  /** An owner asks for help through the API. */
  async ask(
    by: OwnerPrincipal,
    deviceId: string,
    asked: HelpAsked,
  ): Promise<{ kind: "asked"; caseId: string } | Refused<"my_case_device_not_found" | "too_many_messages">> {
    const { db, clock, appliances, audit } = this.#deps;
    const device = (await appliances.find([deviceId])).get(deviceId);
    if (device === undefined || device.householdId !== by.householdId) return refused("my_case_device_not_found");
    return contested(db, async (tx) => {
      const atMs = clock.nowMs();
      if ((await this.#deps.talk.takeTurns(tx, new Map([[device.key, 1]]), atMs)).size > 0)
        return refused("too_many_messages");
      const found = await this.#question(tx, { device, asked, by: principalText(by), atMs, from: "app" });
      if (found === null) return refused("my_case_device_not_found");
      const { id } = found;
      await audit.record(tx, { principal: by, action: "case.help_asked", subject: `case:${id}`, after: { deviceId } });
      return { kind: "asked", caseId: id };
    });
  }

  /** An owner writes in a case of theirs; one that was closed lately opens again. */
  async ownerSays(
    by: OwnerPrincipal,
    caseId: string,
    said: { text: string | null; wantsHuman: boolean },
  ): Promise<{ kind: "said" } | Refused<"my_case_not_found" | "too_many_messages" | "my_case_closed">> {
    const { db, clock, audit, cases, store, talk } = this.#deps;
    const mine = await this.mine(by.householdId, caseId);
    if (mine === null) return refused("my_case_not_found");
    const { device } = mine;
    return contested(db, async (tx) => {
      const atMs = clock.nowMs();
      if ((await talk.takeTurns(tx, new Map([[device.key, 1]]), atMs)).size > 0) return refused("too_many_messages");
      let serviceCase = await store.lock(tx, caseId);
      if (serviceCase?.householdId !== by.householdId) return refused("my_case_not_found");
      const line = { by: principalText(by), text: null, deviceId: device.id };
      if (isClosed(serviceCase.state.status)) {
        const again = await cases.work(tx, serviceCase, { kind: "cause_returned", atMs, counter: null }, line);
        if (again.kind === "refused") return refused("my_case_closed");
        serviceCase = again.to;
      }
      const text = said.text ?? helpText({ wantsHuman: said.wantsHuman });
      const message = { direction: "from_owner", by: line.by, text, atMs, data: { from: "app" } } as const;
      serviceCase = await cases.say(tx, serviceCase, message, device.id);
      await talk.spoke(tx, { caseId, code: null, topic: null, wantsHuman: said.wantsHuman }, atMs);
      if (said.wantsHuman) await this.toStaff(tx, serviceCase);
      await audit.record(tx, { principal: by, action: "case.owner_wrote", subject: `case:${caseId}` });
      return { kind: "said" };
    });
  }

  /** Staff answer: in the app, and on the appliance's display. */
  async staffAnswers(
    by: Principal,
    caseId: string,
    answer: { text: string; waitsForOwner: boolean },
    key?: string,
  ): Promise<{ kind: "done" } | Refused<"case_not_found" | "case_without_owner" | "idempotency_key_reused">> {
    const { db, clock, store, display, appliances } = this.#deps;
    const known = await store.get(db, caseId);
    if (known === null) return refused("case_not_found");
    const device = (await appliancesOf(appliances, [known]))(known);
    if (device === undefined) return refused("case_without_owner");
    // The case of somebody who left is nobody's to read, least of all whose appliance it is by then.
    if (!isTheirs(known, device)) return refused("case_without_owner");
    const { language, words } = await display.wordsFor(device);
    const { text } = answer;
    const word = {
      device,
      caseId,
      locale: language,
      title: words.answer,
      text,
      priority: answerPriority(known.severity),
    };
    const asking = { principal: principalText(by), operation: `case.answer:${caseId}`, key, content: answer };
    try {
      const { said, afterCommit } = await contested(db, async (tx) => {
        const sent: (() => void)[] = [];
        const done = await once(tx, asking, clock.nowMs(), async () => {
          sent.push(await this.#answer(tx, by, known, answer, word));
          return { kind: "done" } as const;
        });
        return { said: done, afterCommit: sent };
      });
      for (const send of afterCommit) send();
      return said?.answer ?? refused("idempotency_key_reused");
    } catch (error) {
      if (error instanceof NoLonger) return refused("case_without_owner");
      throw error;
    }
  }

  /** Says it on the display and in the case. @returns what to run after the commit */
  async #answer(
    tx: Db,
    by: Principal,
    known: ServiceCase,
    { text, waitsForOwner }: { text: string; waitsForOwner: boolean },
    word: DisplayWord,
  ): Promise<() => void> {
    const { clock, audit, cases, store, talk, display } = this.#deps;
    const { caseId, device } = word;
    const shown = await display.show(tx, [word]);
    const serviceCase = await store.lock(tx, caseId);
    if (serviceCase?.householdId !== known.householdId) throw new NoLonger();
    const atMs = clock.nowMs();
    const line = { by: principalText(by), deviceId: device.id };
    const message = { direction: "to_owner", by: line.by, text, atMs, data: { deliveryId: shown.ids[0] } } as const;
    const after = await cases.say(tx, serviceCase, message, device.id);
    if (waitsForOwner) await cases.work(tx, after, { kind: "ask_owner", atMs }, { ...line, text: null });
    await talk.answered(tx, caseId);
    await audit.record(tx, { principal: by, action: "case.answered", subject: `case:${caseId}` });
    return shown.afterCommit;
  }

  /** A case of a household, with its appliance, as far as it is theirs to see. */
  async mine(householdId: string, caseId: string): Promise<{ serviceCase: ServiceCase; device: DeviceRef } | null> {
    const { db, talk, appliances } = this.#deps;
    const devices = await appliances.ofHousehold(householdId);
    const [serviceCase] = await talk.ofHousehold(db, householdId, devices, { caseId, limit: 1 });
    const device = devices.find(({ key }) => key === serviceCase?.deviceKey);
    return serviceCase === undefined || device === undefined ? null : { serviceCase, device };
  }

  /** What stands beside a case's messages, for staff; null where there is no such case. */
  async beside(caseId: string) {
    const { db, store, talk } = this.#deps;
    if ((await store.get(db, caseId)) === null) return null;
    const found = await talk.get(db, caseId);
    const shown = await talk.shownOf(db, caseId);
    return {
      wantsHuman: found?.wantsHuman ?? false,
      automaticAnswerAtMs: found?.autoAnsweredAtMs ?? null,
      alternative: found?.alternative ?? null,
      rating: found?.rating ?? null,
      ratedAtMs: found?.ratedAtMs ?? null,
      shown: [...shown].map(([deliveryId, shownAtMs]) => ({ deliveryId, shownAtMs })),
    };
  }

  /** A person is wanted: what automation answered was no answer, and the first one is promised anew. */
  async toStaff(tx: Db, serviceCase: ServiceCase): Promise<void> {
    const { answeredBy, severity } = serviceCase;
    if (answeredBy !== byAutomation) return;
    const terms = this.#deps.policies.terms(severity);
    await this.promiseAnew(tx, serviceCase, this.#deps.clock.nowMs() + terms.firstAnswerMs);
  }

  async promiseAnew(tx: Db, serviceCase: ServiceCase, dueAtMs: number): Promise<void> {
    const { policies, store } = this.#deps;
    const { promise, state, severity } = serviceCase;
    const anew = promiseAnew(promise, state.status, dueAtMs, policies.terms(severity));
    await store.write(tx, [{ ...serviceCase, promise: anew, answeredBy: null }]);
  }

  /** What displays said of messages. */
  async moved(tx: Db, moves: readonly DeliveryMove[]): Promise<void> {
    const shown = moves.filter(({ kind, to }) => kind === "message" && to === "done");
    if (shown.length === 0) return;
    const ids = shown.map(({ deliveryId }) => deliveryId);
    await this.#deps.talk.shown(tx, ids, this.#deps.clock.nowMs());
  }

  /**
   * A question joins what is open, or opens a case. Its appliance's turn was taken.
   *
   * @returns null where another household has that case open: the question is from before it had the appliance
   */
  async #question(tx: Db, { device, asked, by, atMs, from }: Question): Promise<ServiceCase | null> {
    const { store, cases, talk, clock } = this.#deps;
    const open = await store.lockOpen(tx, device.key);
    const cause = helpCause(asked);
    const others = open.filter((one) => one.cause === cause && one.householdId !== device.householdId);
    if (others.some(({ householdId }) => householdId !== null)) return null;
    // Nobody's since its household left: another one asks anew.
    for (const left of others) {
      const resolved = { kind: "resolved", atMs: clock.nowMs(), by: byAutomation } as const;
      await cases.work(tx, left, resolved, { by: byAutomation, text: null, deviceId: device.id });
    }
    const joined = joinedCase(
      open.filter(({ householdId }) => householdId === device.householdId),
      asked,
    );
    const { householdId } = device;
    const about = { code: asked.code ?? null, topic: asked.topic ?? null };
    const made = { device, householdId, severity: "service", cause, title: helpTitle(asked), text: null, by } as const;
    const serviceCase =
      joined ?? (await cases.openByPerson(tx, { ...made, atMs, data: { ...about, from } })).serviceCase;
    const message = { direction: "from_owner", by, text: helpText(asked), atMs, data: { ...about, from } } as const;
    const after = await cases.say(tx, serviceCase, message, device.id);
    await talk.spoke(tx, { caseId: after.id, ...about, wantsHuman: asked.wantsHuman }, clock.nowMs());
    if (asked.wantsHuman) await this.toStaff(tx, after);
    return after;
  }
}
