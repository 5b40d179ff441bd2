import type { QuietHours } from "./calendar.ts";
import type { ChannelName, EngagementPolicy, ItemClass } from "./policy.ts";

/** What an item asks of the appliance that is to show or cook it. */
export interface Needs {
  programs: readonly string[];
  setpoint_c_max: number | null;
  steam: boolean;
  probe: boolean;
}

/** Something that somebody would like a household to get. */
export interface Candidate {
  /** Who would like it: `campaign:ID`, or the word of another slice. */
  source: string;
  itemId: string;
  version: number;
  title: string;
  kind: string;
  class: ItemClass;
  topics: readonly string[];
  needs: Needs;
  /** Only for these models; null: for all. */
  models: readonly string[] | null;
  /** Models that must not or cannot do what one of its steps asks for, with their limits for each program; none where left out. */
  unfit?: readonly string[];
  /** 0 to 9; within a class the higher goes first. */
  priority: number;
  /** Not before. */
  fromMs: number;
  /** Never at or after this time; null: it does not expire. */
  untilMs: number | null;
  /** The same by the clock on the wall where the household lives: `2026-12-01T09:00`. */
  localFrom: string | null;
  localUntil: string | null;
  /** Sent in the hour in which the household cooks most, where that is known. */
  bestHour: boolean;
  /** Of several with one word here the one alone goes out that suits the household best. */
  choice: string | null;
  /** Measured against the hold-out. */
  measured: boolean;
  /** Its household is owed it whatever its class: it goes on to ways that they did not name, and at last to a person. */
  owed?: boolean;
}

export interface Capabilities {
  programs: readonly string[];
  setpoint_c_max: number | null;
  steam: boolean;
  probe: boolean;
}

/** What a household did with one topic or item. */
export interface Interest {
  /** `topic:` or `item:` and its name. */
  subject: string;
  saved: number;
  searched: number;
  cooked: number;
  aborted: number;
  shown: number;
  ignored: number;
  lastAtMs: number;
}

/** What an item was tried on, and reached nobody. */
export interface Failed {
  /** Whole ways. */
  channels: readonly string[];
  /** Of letters it may be the address alone: whose. */
  addresses?: readonly string[];
}

/** All that a decision about a household depends on, as it is stored with it. */
export interface HouseholdState {
  id: string;
  timeZone: string;
  consents: readonly string[];
  /** Its stage of life as a customer; null where nothing is known. */
  stage: string | null;
  order: readonly ChannelName[];
  quiet: QuietHours | null;
  perWeekMax: number | null;
  devices: readonly { id: string; model: string }[];
  /** Of its people who gave one: the address itself is not stored here. */
  addresses: readonly { memberId: string; stopped: "bounced" | "complained" | "unsubscribed" | null }[];
  /** What it was sent in the last 31 days that caps count. */
  sent: readonly { atMs: number; class: ItemClass }[];
  /** What is to go out still. */
  waiting: readonly { source: string; itemId: string; class: ItemClass; priority: number }[];
  /** Messages on its displays that were not shown yet. */
  open: number;
  /** The hour in which it cooks most, by weekday from Monday on. Empty where that may not be known. */
  bestHours: readonly (number | null)[];
  /** Only about the candidates' items and topics. Empty where that may not be known. */
  interests: readonly Interest[];
  /** Those of the candidates' topics that it chose itself. Empty where that may not count. */
  chosen?: readonly string[];
  /** Since when a program runs at one of its appliances. */
  cookingSinceMs: number | null;
  /** On what an item of a source came to nothing already. */
  failed?: readonly ({ source: string; itemId: string } & Failed)[];
  /** Where it was drawn to when a source took it in, and in which quarter: that holds for as long as the source goes on. */
  arms?: Readonly<Record<string, { arm: "treated" | "held_out"; quarter: string }>>;
}

/** What is the same for all households of a moment. */
export interface Circumstances {
  policy: EngagementPolicy;
  /** Names the time for which the hold-out is drawn. */
  quarter: string;
  models: Readonly<Record<string, Capabilities>>;
  /** The maker's own app can be told. */
  webhook: boolean;
  /** Letters can be sent. Nobody asked where it is left out: they were thought to go. */
  mail?: boolean;
}
