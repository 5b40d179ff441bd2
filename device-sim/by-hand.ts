import { helpTextMax, rating } from "#protocol/help.ts";
import type { OwnerOutcome } from "./agent/update-agent.ts";
import type { Fleet } from "./fleet.ts";

/** What a person can do at an appliance from the command line, a line each. */
export const byHandUsage = `pair [ID] [SECONDS], close [ID], why [ID], reset [ID], agree [ID], postpone [ID] [SECONDS], decline [ID], help [ID] [WORDS], human [ID], rate [ID] [1-5]`;

const secondsMin = 1;
const secondsMax = 600;
const postponeSecondsMax = 31 * 86_400;

/**
 * Does what a person says who stands at an appliance: the first one where no id is given.
 *
 * @returns what the display says then
 */
export function byHand(
  fleet: Pick<
    Fleet,
    | "ids"
    | "openPairing"
    | "closePairing"
    | "askWhy"
    | "factoryReset"
    | "agreeToUpdate"
    | "postponeUpdate"
    | "declineUpdate"
    | "askForHelp"
    | "giveFeedback"
  >,
  line: string,
): Record<string, unknown> {
  const [act = "", ...rest] = line.trim().split(/\s+/);
  const [named, secondsText = "600"] = rest;
  const device = named ?? fleet.ids[0] ?? "";
  if (!fleet.ids.includes(device)) return { refused: `there is no appliance ${device}` };
  switch (act) {
    case "pair": {
      const seconds = Number(secondsText);
      if (!Number.isInteger(seconds) || seconds < secondsMin || seconds > secondsMax)
        return { device, refused: `a code is good for ${secondsMin} to ${secondsMax} seconds` };
      const outcome = fleet.openPairing(device, seconds * 1_000);
      if (outcome.kind === "refused") return { device, refused: outcome.rule };
      return { device, pairingCode: outcome.shown.code, until: new Date(outcome.shown.untilMs).toISOString() };
    }
    case "close":
      fleet.closePairing(device);
      return { device, pairingCode: null };
    case "why": {
      const reason = fleet.askWhy(device);
      return reason === null ? { device, refused: "nothing on the display says why" } : { device, ...reason };
    }
    case "reset": {
      const outcome = fleet.factoryReset(device);
      return outcome.kind === "refused" ? { device, refused: outcome.rule } : { device, reset: true };
    }
    case "agree":
      return answerOf(device, "agreed", fleet.agreeToUpdate(device));
    case "decline":
      return answerOf(device, "declined", fleet.declineUpdate(device));
    case "postpone": {
      const seconds = Number(secondsText);
      if (!Number.isInteger(seconds) || seconds < secondsMin || seconds > postponeSecondsMax)
        return { device, refused: `an update is put off by ${secondsMin} to ${postponeSecondsMax} seconds` };
      return answerOf(device, "postponed", fleet.postponeUpdate(device, seconds * 1_000));
    }
    case "help": {
      const text = rest.slice(1).join(" ").slice(0, helpTextMax);
      fleet.askForHelp(device, text === "" ? {} : { text });
      return { device, askedForHelp: true };
    }
    case "human":
      fleet.askForHelp(device, { wantsHuman: true });
      return { device, askedForHelp: true };
    case "rate": {
      const stars = rating.safeParse(Number(rest[1] ?? "5"));
      if (!stars.success) return { device, refused: "a rating is 1 to 5" };
      const asked = fleet.giveFeedback(device, stars.data);
      return asked ? { device, rated: stars.data } : { device, refused: "the display does not ask" };
    }
    default:
      return { refused: `${act} is none of: ${byHandUsage}` };
  }
}

const answerOf = (device: string, done: string, outcome: OwnerOutcome): Record<string, unknown> =>
  outcome.kind === "done" ? { device, [done]: true } : { device, refused: outcome.rule };
