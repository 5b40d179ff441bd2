import { z } from "zod";
import type { ContentItem, ProgramSettings } from "#protocol/content.ts";
import type { HelpRequested } from "#protocol/help.ts";
import { id as uuid } from "#protocol/ids.ts";
import { type Feed, feeds } from "#protocol/topics.ts";
import type { Voice } from "./agent/controls.ts";
import type { FeedCache } from "./agent/feed-cache.ts";
import type { Inbox } from "./agent/inbox.ts";
import type { Preloaded } from "./agent/device-record.ts";
import { type HouseholdFacts, localDay, type Persona, personas, type PlannedCook, planDay } from "./core/household.ts";
import type { MachineEvent, StartRefusal } from "./core/machine-event.ts";
import { between, uniform } from "./core/random.ts";

/** What a person can do at the appliance. */
export interface Hands {
  start(
    settings: ProgramSettings,
    recipeId: string | null,
  ): { kind: "started" } | { kind: "refused"; rule: StartRefusal };
  refill(): void;
  /** Programs since the limescale was last removed; null where there is no water. */
  sinceDescaled(): number | null;
  descale(): void;
  preloaded(): readonly Preloaded[];
  /** Takes a loaded program off the display. */
  unload(id: string): void;
}

export type StartOutcome = { kind: "started" } | { kind: "refused"; rule: StartRefusal | "nothing_preloaded" };

export interface HouseholdDeps {
  facts: HouseholdFacts;
  hands: Hands;
  inbox: Pick<Inbox, "unseen" | "questions" | "say">;
  feeds: Pick<FeedCache, "items">;
  voice: Pick<Voice, "event">;
}

type Act =
  | { atMs: number; kind: "cook"; plan: PlannedCook }
  | { atMs: number; kind: "refill" }
  | { atMs: number; kind: "descale" }
  | { atMs: number; kind: "next_step" };

interface RecipeRun {
  recipe: Preloaded;
  /** Steps of the machine that are finished. */
  done: number;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const actsMax = 100;
const seenMax = 500;
/** After so many programs with water people descale, each household at its own number: a boiler sooner than a dishwasher. */
const descalesAfter = { oven: [4, 7], dishwasher: [14, 22], other: [14, 22] } as const;
/** How much one looks at in one go. */
const looksMax = 3;
/** Of those whom an automatic answer did not help. */
const insistsShare = 0.5;

/** The people at one appliance: they follow their plan, look at the display, and start what was preloaded, or do not. */
export class HouseholdDriver {
  readonly #deps: HouseholdDeps;
  readonly #persona: Persona;
  #acts: Act[] = [];
  #plannedUntilMs: number;
  #run: RecipeRun | null = null;
  readonly #seen = new Set<string>();
  #looks = 0;

  constructor(deps: HouseholdDeps, nowMs: number) {
    this.#deps = deps;
    this.#persona = personas[deps.facts.persona];
    this.#plannedUntilMs = nowMs;
    this.#plan(nowMs);
  }

  /** When there is something to do next, or a new day to plan. */
  get nextAtMs(): number {
    return Math.min(this.#acts[0]?.atMs ?? this.#plannedUntilMs, this.#plannedUntilMs);
  }

  /** Does what is due. */
  act(nowMs: number): void {
    for (let due = this.#acts[0]; due !== undefined && due.atMs <= nowMs; due = this.#acts[0]) {
      this.#acts.shift();
      this.#do(due);
    }
    if (nowMs >= this.#plannedUntilMs) this.#plan(nowMs);
  }

  /** Looks at the display: messages first, then what the feeds offer that was not seen yet. */
  look(): void {
    this.#looks += 1;
    for (const { id, content } of this.#deps.inbox.unseen().slice(0, looksMax)) this.#readMessage(id, content);
    const fresh = feeds.flatMap((feed) =>
      this.#deps.feeds.items(feed).flatMap((item) => (this.#seen.has(seenKey(feed, item)) ? [] : [{ feed, item }])),
    );
    for (const { feed, item } of fresh.slice(0, looksMax)) {
      this.#noteSeen(seenKey(feed, item));
      this.#deps.voice.event("content.shown", { itemId: item.id, version: item.version, locale: item.locale, feed });
    }
  }

  /** One of them presses the button for help. */
  askForHelp(asked: Partial<HelpRequested>): void {
    this.#deps.voice.event("help.requested", { ...asked });
  }

  /** One touch at the newest question how it went. @returns whether there was one */
  giveFeedback(rating: number): boolean {
    const open = this.#deps.inbox.questions("feedback").at(-1);
    const asked = caseQuestion.safeParse(open?.content).data;
    if (open === undefined || asked === undefined) return false;
    this.#deps.inbox.say(open.id, "acted");
    this.#deps.voice.event("feedback.given", { caseId: asked.caseId, rating });
    return true;
  }

  /** One touch in the menu, asked by nobody. */
  rate(rating: number, atMs: number): void {
    this.#deps.voice.event("feedback.given", { rating }, atMs);
  }

  /** One touch on an offer. */
  touchOffer(offerId: string): void {
    this.#deps.voice.event("offer.redeemed", { offerId });
  }

  /** Starts what waits on the display: the one with this id, or the newest. */
  startPreloaded(id?: string): StartOutcome {
    const waiting = this.#deps.hands.preloaded();
    const chosen = id === undefined ? waiting.at(-1) : waiting.find((one) => one.id === id);
    if (chosen === undefined) return { kind: "refused", rule: "nothing_preloaded" };
    const [first] = chosen.steps;
    if (first !== undefined) {
      const outcome = this.#deps.hands.start(first, chosen.isRecipe ? chosen.id : null);
      if (outcome.kind === "refused") return outcome;
    }
    if (!chosen.isRecipe) {
      this.#deps.hands.unload(chosen.id);
      return { kind: "started" };
    }
    this.#deps.inbox.say(chosen.deliveryId, "opened");
    this.#deps.voice.event("recipe.started", { recipeId: chosen.id });
    this.#run = { recipe: chosen, done: 0 };
    if (first === undefined) this.#finishRecipe(chosen);
    return { kind: "started" };
  }

  /** What the machine noticed may move the people too. */
  notice(event: MachineEvent): void {
    if (
      event.type === "fault.raised" &&
      (event.data["code"] === "salt_low" || event.data["code"] === "rinse_aid_low")
    ) {
      const { seed } = this.#deps.facts;
      this.#add({ atMs: event.atMs + Math.round(between(hourMs, 8 * hourMs, seed, event.atMs)), kind: "refill" });
    }
    if (event.type === "program.finished") this.#thinkOfLimescale(event.atMs);
    const run = this.#run;
    if (run === null) return;
    if (event.type === "program.aborted") this.#run = null;
    if (event.type === "program.finished") this.#stepDone(run, event.atMs);
  }

  #do(act: Act): void {
    switch (act.kind) {
      case "cook":
        if (act.plan.looksFirst) this.look();
        if (act.plan.triesRecipe && this.startPreloaded().kind === "started") return;
        this.#deps.hands.start(act.plan.settings, null);
        return;
      case "refill":
        this.#deps.hands.refill();
        return;
      case "descale":
        this.#deps.hands.descale();
        return;
      case "next_step": {
        const step = this.#run?.recipe.steps[this.#run.done];
        if (this.#run === null || step === undefined) return;
        if (this.#deps.hands.start(step, this.#run.recipe.id).kind === "refused") this.#run = null;
      }
    }
  }

  #thinkOfLimescale(atMs: number): void {
    const { hands, facts } = this.#deps;
    const since = hands.sinceDescaled();
    if (facts.descales === false || since === null || this.#acts.some(({ kind }) => kind === "descale")) return;
    const [least, most] = descalesAfter[facts.model.kind];
    if (since < between(least, most, facts.seed, "descales")) return;
    this.#add({ atMs: atMs + Math.round(between(2 * hourMs, 20 * hourMs, facts.seed, atMs)), kind: "descale" });
  }

  #stepDone(run: RecipeRun, atMs: number): void {
    const done = run.done + 1;
    this.#run = { ...run, done };
    this.#deps.voice.event("recipe.step_finished", { recipeId: run.recipe.id, step: done });
    if (done < run.recipe.steps.length) this.#add({ atMs: atMs + minuteMs, kind: "next_step" });
    else this.#finishRecipe(run.recipe);
  }

  #finishRecipe(recipe: Preloaded): void {
    this.#run = null;
    this.#deps.voice.event("recipe.finished", { recipeId: recipe.id });
    this.#deps.inbox.say(recipe.deliveryId, "cooked");
  }

  #readMessage(deliveryId: string, content: unknown): void {
    const { inbox, voice, facts } = this.#deps;
    const itemId = typeof content === "object" && content !== null && "id" in content ? content.id : undefined;
    const about = { deliveryId, ...(typeof itemId === "string" ? { itemId } : {}) };
    inbox.say(deliveryId, "shown");
    voice.event("content.shown", about);
    const asked = caseQuestion.safeParse(content).data;
    if (uniform(facts.seed, this.#looks, deliveryId, "acts") >= this.#persona.acts) {
      inbox.say(deliveryId, "dismissed");
      // Who was not helped by a machine asks for a person, or shrugs.
      const insists = uniform(facts.seed, deliveryId, "insists") < insistsShare;
      if (asked?.ask === "human" && insists) this.askForHelp({ wantsHuman: true });
      return;
    }
    inbox.say(deliveryId, "acted");
    if (asked?.ask === "feedback") {
      const rating = 2 + Math.floor(4 * uniform(facts.seed, asked.caseId, "rating"));
      voice.event("feedback.given", { caseId: asked.caseId, rating });
    }
    voice.event("content.acted", about);
  }

  #noteSeen(key: string): void {
    this.#seen.add(key);
    const [oldest] = this.#seen;
    if (this.#seen.size > seenMax && oldest !== undefined) this.#seen.delete(oldest);
  }

  #plan(nowMs: number): void {
    const { facts } = this.#deps;
    const day = localDay(nowMs, facts.timeZone);
    for (const plan of planDay(facts, day)) if (plan.atMs >= nowMs) this.#add({ atMs: plan.atMs, kind: "cook", plan });
    const tomorrow = Temporal.PlainDate.from(day).add({ days: 1 });
    this.#plannedUntilMs = tomorrow.toZonedDateTime(facts.timeZone).epochMilliseconds;
  }

  #add(act: Act): void {
    if (this.#acts.length >= actsMax) return;
    this.#acts = [...this.#acts, act].toSorted((a, b) => a.atMs - b.atMs);
  }
}

/** A message that asks for a touch. */
const caseQuestion = z.object({ caseId: uuid, ask: z.enum(["feedback", "human"]) });

const seenKey = (feed: Feed, item: ContentItem): string => `${feed}/${item.id}@${item.version}`;
