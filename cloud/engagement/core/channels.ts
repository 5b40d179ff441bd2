import type { Candidate, Circumstances, Failed, HouseholdState } from "./candidate.ts";
import { type ChannelName, isCapped } from "./policy.ts";

/** What goes out by itself. */
export const sentChannels = ["display", "email", "webhook"] as const satisfies readonly ChannelName[];
type SentChannel = (typeof sentChannels)[number];

export interface Channels {
  /** At least one; several only where everybody has to hear of it. */
  channels: [SentChannel, ...SentChannel[]];
  deviceIds: string[];
}

type Found = { tried: string[] } & (
  | ({ kind: "sent" } & Channels)
  | { kind: "human" }
  | { kind: "none"; reason: "does_not_fit" | "no_channel" }
);

/** Appliances of the household that can do what an item asks for, in the order given. */
export function fittingDevices(
  { needs, models: wanted, unfit = [] }: Candidate,
  { devices }: HouseholdState,
  models: Circumstances["models"],
): string[] {
  return devices
    .filter(({ model }) => {
      if ((wanted !== null && !wanted.includes(model)) || unfit.includes(model)) return false;
      const has = models[model];
      const asksNothing = needs.programs.length === 0 && needs.setpoint_c_max === null && !needs.steam && !needs.probe;
      if (has === undefined) return asksNothing;
      return (
        needs.programs.every((program) => has.programs.includes(program)) &&
        (needs.setpoint_c_max === null ||
          (has.setpoint_c_max !== null && needs.setpoint_c_max <= has.setpoint_c_max)) &&
        (!needs.steam || has.steam) &&
        (!needs.probe || has.probe)
      );
    })
    .map(({ id }) => id);
}

/** Whether an item is only for some appliances. */
const isParticular = ({ models, needs }: Candidate): boolean =>
  models !== null || needs.programs.length > 0 || needs.setpoint_c_max !== null || needs.steam || needs.probe;

/**
 * The members to whose addresses an item may go, the first first. Whom a mail server refused is out of reach for everything; who said no to
 * advertising, for advertising. An address that it came back from is tried no more, and the next one is.
 */
export function readersOf(candidate: Named & Pick<Candidate, "class">, household: HouseholdState): string[] {
  const { addresses: tried = [] } = failedOf(candidate, household);
  return household.addresses
    .filter(({ memberId, stopped }) => isUsable(candidate.class, stopped) && !tried.includes(memberId))
    .map(({ memberId }) => memberId);
}

export const isUsable = (
  itemClass: Candidate["class"],
  stopped: HouseholdState["addresses"][number]["stopped"],
): boolean => stopped === null || (!isCapped(itemClass) && stopped !== "bounced");

type Named = Pick<Candidate, "source" | "itemId">;

/** On what an item came to nothing already. */
const failedOf = ({ source, itemId }: Named, { failed = [] }: HouseholdState): Failed =>
  failed.find((one) => one.source === source && one.itemId === itemId) ?? { channels: [] };

const mustReach = ({ class: itemClass, owed = false }: Candidate): boolean => owed || !isCapped(itemClass);

/** What had to reach people and did not is told by one of us, though it is too late for a message. */
export function isOwedAPerson(candidate: Candidate, household: HouseholdState): boolean {
  const { channels, addresses = [] } = failedOf(candidate, household);
  return mustReach(candidate) && channels.length + addresses.length > 0;
}

/**
 * The household's order, automation first. What is no promotion goes on to the channels that it did not name, and at last to a human;
 * safety and recalls go to all that there are at once. A way on which it came to nothing is none any more.
 *
 * @param isLate it has expired: a person alone may tell of it
 */
export function channelsFor(
  candidate: Candidate,
  household: HouseholdState,
  circumstances: Circumstances,
  fitting: readonly string[],
  isLate: boolean,
): Found {
  const everywhere = candidate.class === "safety" || candidate.class === "recall";
  const isOwed = mustReach(candidate);
  const tried: string[] = [];
  // A cake that the oven cannot bake is no better in a letter.
  if (!isOwed && isParticular(candidate) && fitting.length === 0)
    return { kind: "none", reason: "does_not_fit", tried };
  const rest: ChannelName[] = isOwed ? ["display", "email", "webhook"] : [];
  const order = [...new Set([...household.order, ...rest])].filter((name) => name !== "human");
  const open: SentChannel[] = [];
  const failed = failedOf(candidate, household).channels;
  for (const name of order) {
    const outcome = failed.includes(name)
      ? "failed"
      : isLate
        ? "too_late"
        : tryChannel(name, candidate, household, circumstances, fitting);
    tried.push(`${name}:${outcome}`);
    if (outcome !== "open" || name === "web_push") continue;
    open.push(name);
    if (!everywhere) break;
  }
  const [first, ...others] = open;
  if (first !== undefined) {
    // One appliance shows it; where safety is in question, each.
    const deviceIds = open.includes("display") ? (everywhere ? [...fitting] : fitting.slice(0, 1)) : [];
    return { kind: "sent", channels: [first, ...others], deviceIds, tried };
  }
  if (isOwed) return { kind: "human", tried: [...tried, "human:open"] };
  if (household.order.includes("human")) tried.push("human:not_for_promotions");
  return { kind: "none", reason: "no_channel", tried };
}

function tryChannel(
  name: Exclude<ChannelName, "human">,
  candidate: Candidate,
  household: HouseholdState,
  { webhook, mail = true }: Circumstances,
  fitting: readonly string[],
): string {
  switch (name) {
    case "display":
      // A tip is read on the feed, and opens no display by itself.
      if (candidate.kind === "tip") return "not_for_displays";
      return fitting.length > 0 ? "open" : household.devices.length > 0 ? "does_not_fit" : "no_appliance";
    case "email":
      // What is redeemed with one touch at the appliance is nothing to read in a letter.
      if (candidate.kind === "offer") return "needs_a_display";
      if (!mail) return "not_set_up";
      if (readersOf(candidate, household).length > 0) return "open";
      if ((failedOf(candidate, household).addresses ?? []).length > 0) return "failed";
      return household.addresses.length > 0 ? "address_stopped" : "no_address";
    case "webhook":
      if (candidate.kind === "offer") return "needs_a_display";
      return webhook ? "open" : "not_set_up";
    case "web_push":
      return "not_offered";
  }
}
