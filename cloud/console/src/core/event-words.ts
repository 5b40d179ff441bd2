/** What happens at Hearth, as webhooks tell it, in words. */

interface Noun {
  /** Before what became of it: `Tier`. */
  one: string;
  /** All events of it, where a webhook is given what it hears of. */
  all: string;
}

/** By the noun of an event's type: `hearth.tier.changed` is of `tier`. */
export const eventNouns: Readonly<Record<string, Noun>> = {
  points: { one: "Points", all: "Points earned, spent, expired, reversed" },
  tier: { one: "Tier", all: "Tiers" },
  offer: { one: "Offer", all: "Offers made, redeemed, taken back, refused" },
  reward: { one: "Reward", all: "Rewards put aside, redeemed, released" },
  case: { one: "Service case", all: "Service cases" },
  incident: { one: "Incident", all: "Incidents" },
  rule: { one: "Service rule", all: "Service rules that find something" },
  feedback: { one: "Feedback", all: "Households asked how they like it, and what they answer" },
  lifecycle: { one: "Stage of life", all: "Stages of life" },
  consent: { one: "Consent", all: "Consent given and withdrawn" },
  content: { one: "Content", all: "Content" },
  campaign: { one: "Campaign", all: "Campaigns" },
  household: { one: "Household", all: "Households, erased ones too" },
  certificate: { one: "Certificate", all: "Certificates of appliances" },
  delivery: { one: "Delivery", all: "Deliveries to appliances" },
  deliveries: { one: "Deliveries", all: "Deliveries to many appliances at once" },
  device: { one: "Appliance", all: "Appliances" },
  freeze: { one: "Freeze", all: "Freezes of rollouts" },
  mail_address: { one: "E-mail address", all: "E-mail addresses that letters may not go to" },
  release: { one: "Release", all: "Releases" },
  rollout: { one: "Rollout", all: "Rollouts" },
  security: { one: "Security", all: "Security" },
  segment: { one: "Segment", all: "Segments" },
  store: { one: "Store", all: "Stores of readings that are away" },
  update: { one: "Update", all: "What owners say of updates" },
  webhook: { one: "Webhook", all: "Webhooks" },
};

/** What became of it, where the name does not say so. */
const verbWords: Readonly<Record<string, string>> = {
  device_added: "an appliance added",
  device_joined: "an appliance joined",
  device_left: "an appliance left",
  ending: "about to end",
  graver: "graver now",
  owner_waits: "the owner waits",
  owner_wrote: "the owner wrote",
  store_away: "away",
  store_back: "back",
  tested: "a test",
  left_feed: "left its feed",
  back_on_feed: "back on its feed",
};

/** `hearth.case.owner_waits` is `Service case: the owner waits`. One that nobody here knows stays as it is. */
export function eventTitle(type: string): string {
  const [, noun = "", verb = ""] = /^hearth\.([a-z_]+)\.([a-z_]+)$/.exec(type) ?? [];
  if (!Object.hasOwn(eventNouns, noun)) return type;
  const became = Object.hasOwn(verbWords, verb) ? verbWords[verb] : verb.replaceAll("_", " ");
  return `${eventNouns[noun]?.one}: ${became}`;
}

/** What a webhook may be given to hear: all events of a noun, one event, or everything. */
export function heardText(type: string): string {
  if (type === "*") return "Everything";
  const noun = /^hearth\.([a-z_]+)\.\*$/.exec(type)?.[1];
  return noun !== undefined && Object.hasOwn(eventNouns, noun) ? (eventNouns[noun]?.all ?? type) : eventTitle(type);
}
