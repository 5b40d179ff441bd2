import { helpRequested } from "#protocol/help.ts";
import type { DeliveryMove } from "../deliveries/deliveries.ts";
import type { DeviceRef, EventFact } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { contested, type Db } from "../platform/database.ts";
import { once } from "../platform/idempotency.ts";
import { type Refused, refused } from "../platform/refused.ts";
import { type Audit, type OwnerPrincipal, type Principal, principalText } from "../staff/staff.ts";
import { appliancesOf } from "./case-appliances.ts";
import type { ServiceAppliances } from "./case-appliances.ts";
import type { CasePolicies } from "./case-policies.ts";
import { isTheirs, mergedInto, type ServiceCase, wantsPerson } from "./case-row.ts";
import type { Cases } from "./cases.ts";
import type { CasesStore } from "./cases-store.ts";
import type { ConversationStore } from "./conversation-store.ts";
import { isClosed, ownerWaits, promiseAnew } from "./core/case-promise.ts";
import { type HelpAsked, helpCause, helpText, helpTitle, joinedCase, questionsPerBatchMax } from "./core/help.ts";
import { answerPriority, type DisplayWord, type HomeOf, type OwnerDisplay } from "./owner-display.ts";

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
  homeOf: HomeOf;
  /** Holds a household, or the one that it became part of; null where there is none. */
  holdHousehold: (tx: Db, id: string) => Promise<string | null>;
}

/** Where what staff write is read. */
export const reaches = ["app_and_display", "app", "display", "nobody"] as const;
type Reach = (typeof reaches)[number];

/** Who speaks where nobody does. */
export const byAutomation = "automation";

/** Whose question or case it is: of an appliance as it belonged then, or of a household alone. */
type Whose = { device: DeviceRef; householdId: string | null } | { device: null; householdId: string };

interface Question {
  whose: Whose;
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
      const whose = { device, householdId: device.householdId };
      await this.#question(tx, { whose, asked, by: `device:${device.id}`, atMs: orderAtMs, from: "appliance" });
    }
  }

  /**
   * An owner asks for help through the API.
   *
   * @param deviceId null where what they ask is no appliance's matter
   */
  async ask(
    by: OwnerPrincipal,
    deviceId: string | null,
    asked: HelpAsked,
  ): Promise<{ kind: "asked"; caseId: string } | Refused<"my_case_device_not_found" | "too_many_messages">> {
    const { db, clock, appliances, audit, holdHousehold } = this.#deps;
    const device = deviceId === null ? null : (await appliances.find([deviceId])).get(deviceId);
    if (device === undefined) return refused("my_case_device_not_found");
    if (device !== null && device.householdId !== by.householdId) return refused("my_case_device_not_found");
    return contested(db, async (tx) => {
      const atMs = clock.nowMs();
      const householdId = device === null ? await holdHousehold(tx, by.householdId) : by.householdId;
      if (householdId === null) return refused("my_case_device_not_found");
      const whose: Whose = device === null ? { device, householdId } : { device, householdId };
      if (await this.#asksTooMuch(tx, whose, atMs)) return refused("too_many_messages");
      const found = await this.#question(tx, { whose, asked, by: principalText(by), atMs, from: "app" });
      if (found === null) return refused("my_case_device_not_found");
      const { id } = found;
      await audit.record(tx, { principal: by, action: "case.help_asked", subject: `case:${id}`, after: { deviceId } });
      return { kind: "asked", caseId: id };
    });
  }

  /** An owner writes in a case of theirs; one that was closed lately opens again. */
  async ownerSays(
    by: OwnerPrincipal,
    asked: string,
    said: { text: string | null; wantsHuman: boolean },
  ): Promise<{ kind: "said" } | Refused<"my_case_not_found" | "too_many_messages" | "my_case_closed">> {
    const { db, clock, audit, cases, store, talk } = this.#deps;
    const mine = await this.mine(by.householdId, asked);
    if (mine === null) return refused("my_case_not_found");
    const { device } = mine;
    const caseId = mine.serviceCase.id;
    return contested(db, async (tx) => {
      const atMs = clock.nowMs();
      const whose: Whose =
        device === null ? { device, householdId: by.householdId } : { device, householdId: by.householdId };
      if (await this.#asksTooMuch(tx, whose, atMs)) return refused("too_many_messages");
      let serviceCase = await store.lock(tx, caseId);
      if (serviceCase?.householdId !== by.householdId) return refused("my_case_not_found");
      const deviceId = device?.id ?? null;
      const line = { by: principalText(by), text: null, deviceId };
      const opens = isClosed(serviceCase.state.status);
      if (opens) {
        const again = await cases.work(tx, serviceCase, { kind: "cause_returned", atMs, counter: null }, line);
        if (again.kind === "refused") return refused("my_case_closed");
        serviceCase = again.to;
      }
      const text = said.text ?? helpText({ wantsHuman: said.wantsHuman });
      const message = { direction: "from_owner", opens, by: line.by, text, atMs, data: { from: "app" } } as const;
      serviceCase = await cases.say(tx, serviceCase, message, deviceId);
      await talk.spoke(tx, { caseId, code: null, topic: null, wantsHuman: said.wantsHuman }, atMs);
      await this.#waits(tx, serviceCase, said.wantsHuman);
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
  ): Promise<
    { kind: "done" } | Refused<"case_not_found" | "case_merged" | "case_without_owner" | "idempotency_key_reused">
  > {
    const { db, clock, store, display } = this.#deps;
    const known = await store.get(db, caseId);
    if (known === null) return refused("case_not_found");
    const into = mergedInto(known.state);
    if (into !== null) return refused("case_merged", `It went into case ${into}.`);
    const { device, reach } = await this.#readersOf(known);
    if (reach === "nobody") return refused("case_without_owner");
    const { language, words } = await display.wordsFor(device, known.householdId);
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
    const { deliveryId, afterCommit } = await display.show(tx, word);
    const serviceCase = await store.lock(tx, caseId);
    if (serviceCase?.householdId !== known.householdId || mergedInto(serviceCase.state) !== null) throw new NoLonger();
    const atMs = clock.nowMs();
    const line = { by: principalText(by), deviceId: device?.id ?? null };
    const message = { direction: "to_owner", by: line.by, text, atMs, data: { deliveryId } } as const;
    const after = await cases.say(tx, serviceCase, message, line.deviceId);
    if (waitsForOwner) await cases.work(tx, after, { kind: "ask_owner", atMs }, { ...line, text: null });
    await talk.answered(tx, caseId);
    await audit.record(tx, { principal: by, action: "case.answered", subject: `case:${caseId}` });
    return afterCommit;
  }

  /**
   * A case of a household, with its appliance where it has one, as far as it is theirs to see. Under the id of one that went into another
   * they find the one that it went into.
   */
  async mine(
    householdId: string,
    caseId: string,
  ): Promise<{ serviceCase: ServiceCase; device: DeviceRef | null } | null> {
    const { db, store, talk, appliances } = this.#deps;
    const devices = await appliances.ofHousehold(householdId);
    const only = { caseId: await store.finalOf(db, caseId), limit: 1 };
    const [serviceCase] = await talk.ofHousehold(db, householdId, devices, only);
    if (serviceCase === undefined) return null;
    return { serviceCase, device: devices.find(({ key }) => key === serviceCase.deviceKey) ?? null };
  }

  /** Who would read what staff write: nobody may read the case of somebody who left, least of all whose appliance it is by then. */
  async #readersOf(serviceCase: ServiceCase): Promise<{ device: DeviceRef | null; reach: Reach }> {
    const { appliances, homeOf } = this.#deps;
    const device = (await appliancesOf(appliances, [serviceCase]))(serviceCase) ?? null;
    if (!isTheirs(serviceCase, device)) return { device, reach: "nobody" };
    if (device !== null) return { device, reach: serviceCase.householdId === null ? "display" : "app_and_display" };
    const home = await homeOf(serviceCase.householdId ?? "");
    return { device, reach: home === null || home.members === 0 ? "nobody" : "app" };
  }

  /** What stands beside a case's messages, for staff; null where there is no such case. */
  async beside(caseId: string) {
    const { db, store, talk } = this.#deps;
    const serviceCase = await store.get(db, caseId);
    if (serviceCase === null) return null;
    const { reach } = await this.#readersOf(serviceCase);
    const found = await talk.get(db, caseId);
    const shown = await talk.shownOf(db, caseId);
    return {
      reach,
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

  /** Takes the turn of whoever asks. @returns whether they asked too much lately */
  async #asksTooMuch(tx: Db, { device, householdId }: Whose, nowMs: number): Promise<boolean> {
    const { talk } = this.#deps;
    if (device === null) return talk.takeTurnOfHousehold(tx, householdId, nowMs);
    return (await talk.takeTurns(tx, new Map([[device.key, 1]]), nowMs)).size > 0;
  }

  /** The owner wrote: where no first answer is owed any more, staff are told again while nobody answers. */
  async #waits(tx: Db, serviceCase: ServiceCase, wantsHuman: boolean): Promise<void> {
    const { policies, talk, clock } = this.#deps;
    const { id, promise, answeredBy, severity } = serviceCase;
    if (wantsHuman) await this.toStaff(tx, serviceCase);
    if (promise.answeredAtMs === null || (wantsHuman && answeredBy === byAutomation)) return;
    const nowMs = clock.nowMs();
    await talk.ownerWaits(tx, id, nowMs, ownerWaits(nowMs, 0, policies.terms(severity)).escalatesAtMs);
  }

  /**
   * A question joins what is open, or opens a case. The turn of whoever asks was taken.
   *
   * @returns null where another household has that case open: the question is from before it had the appliance
   */
  async #question(tx: Db, { whose, asked, by, atMs, from }: Question): Promise<ServiceCase | null> {
    const { store, cases, talk, clock } = this.#deps;
    const { device, householdId } = whose;
    const deviceId = device?.id ?? null;
    const open =
      device === null ? await store.lockOpenOfHousehold(tx, householdId) : await store.lockOpen(tx, device.key);
    const cause = helpCause(asked);
    const others = open.filter((one) => one.cause === cause && one.householdId !== householdId);
    if (others.some((one) => one.householdId !== null)) return null;
    // Nobody's since its household left: another one asks anew.
    for (const left of others) {
      const resolved = { kind: "resolved", atMs: clock.nowMs(), by: byAutomation } as const;
      await cases.work(tx, left, resolved, { by: byAutomation, text: null, deviceId });
    }
    const joined = joinedCase(
      open.filter((one) => one.householdId === householdId),
      asked,
    );
    const about = { code: asked.code ?? null, topic: asked.topic ?? null };
    // Nor is what was a safety matter there a smaller one here, as long as no person has seen it.
    const severity = others.some(wantsPerson) ? ("safety" as const) : ("service" as const);
    const made = { ...whose, severity, cause, title: helpTitle(asked), text: null, by } as const;
    const serviceCase =
      joined ?? (await cases.openByPerson(tx, { ...made, atMs, data: { ...about, from } })).serviceCase;
    const line = { by, text: helpText(asked), atMs, data: { ...about, from } };
    const after = await cases.say(
      tx,
      serviceCase,
      { direction: "from_owner", opens: joined === null, ...line },
      deviceId,
    );
    await talk.spoke(tx, { caseId: after.id, ...about, wantsHuman: asked.wantsHuman }, clock.nowMs());
    await this.#waits(tx, after, asked.wantsHuman);
    return after;
  }
}
