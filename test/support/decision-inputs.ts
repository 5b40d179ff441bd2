/** What a decision is made from: a promotion to all, a household in Berlin that agreed to it, and two ovens of which one steams. */
import type { Candidate, Circumstances, HouseholdState } from "../../cloud/engagement/core/candidate.ts";
import { defaultPolicy } from "../../cloud/engagement/core/policy.ts";

export const noNeeds = { programs: [], setpoint_c_max: null, steam: false, probe: false };
export const candidate = (change: Partial<Candidate> = {}): Candidate => ({
  source: "campaign:a",
  itemId: "item-1",
  version: 1,
  title: "Sunday roast",
  kind: "message",
  class: "promotional",
  topics: [],
  needs: noNeeds,
  models: null,
  priority: 5,
  fromMs: 0,
  untilMs: null,
  localFrom: null,
  localUntil: null,
  bestHour: false,
  choice: null,
  measured: false,
  ...change,
});
export const household = (change: Partial<HouseholdState> = {}): HouseholdState => ({
  id: "018f0000-0000-7000-8000-000000000001",
  timeZone: "Europe/Berlin",
  consents: ["market", "personalise"],
  stage: "engagement",
  order: ["display", "email"],
  quiet: null,
  perWeekMax: null,
  devices: [{ id: "oven-1", model: "oven-x200" }],
  addresses: [{ memberId: "m1", stopped: null }],
  sent: [],
  waiting: [],
  open: 0,
  bestHours: [],
  interests: [],
  cookingSinceMs: null,
  ...change,
});
export const circumstances = (change: Partial<Circumstances> = {}): Circumstances => ({
  policy: { ...defaultPolicy, holdoutShare: 0 },
  quarter: "2026-Q4",
  models: {
    "oven-x200": { programs: ["HotAir"], setpoint_c_max: 250, steam: false, probe: true },
    "oven-s300": { programs: ["HotAir"], setpoint_c_max: 300, steam: true, probe: true },
  },
  webhook: false,
  ...change,
});
