import { request } from "../api.ts";
import { pick } from "../core/random.ts";
import type { FleetMember } from "../fleet.ts";
import { playCampaigns } from "./campaign-part.ts";
import { playContent, playRecipe } from "./content-parts.ts";
import { playFirmware } from "./firmware-part.ts";
import { playHouseholds } from "./household-part.ts";
import { readBalance, readOverview } from "./hearth-api.ts";
import { playLives } from "./lifecycle-part.ts";
import { playPoints } from "./points-part.ts";
import type { ReleaseTeam } from "./release-team.ts";
import { playSegments } from "./segment-part.ts";
import { playFaults, tellCases } from "./service-parts.ts";
import { type Stage, StoryEnded } from "./stage.ts";
import { playWebhooks } from "./webhook-part.ts";

/** Between the small things that happen once the present is reached. */
const afterwardsMs = 8_000;
const hourMs = 3_600_000;

type Part = (stage: Stage) => Promise<void>;

/** What the demo shows, and how long after the beginning each part starts: one can follow it, and a slow machine has time left. */
const parts = (team: ReleaseTeam): { afterMs: number; play: Part }[] => [
  { afterMs: 0, play: tellConnections },
  { afterMs: 0, play: tellPoints },
  { afterMs: 0, play: tellCases },
  { afterMs: 0, play: tellHours },
  { afterMs: 0, play: playHouseholds },
  { afterMs: 500, play: (stage) => playFirmware(stage, team) },
  { afterMs: 1_000, play: playLives },
  { afterMs: 2_000, play: playPoints },
  { afterMs: 2_000, play: playCampaigns },
  { afterMs: 2_500, play: playWebhooks },
  { afterMs: 3_000, play: playContent },
  { afterMs: 4_000, play: playSegments },
  { afterMs: 5_500, play: playFaults },
  { afterMs: 9_000, play: playRecipe },
  { afterMs: 0, play: goOn },
];

/** Everything, part beside part, until the end. What a part waits for, it waits for in the service's own answers. */
export async function playStory(stage: Stage, team: ReleaseTeam): Promise<void> {
  await Promise.all(
    parts(team).map(async ({ afterMs, play }) => {
      try {
        await stage.pause(afterMs);
        await play(stage);
      } catch (error) {
        if (!(error instanceof StoryEnded)) throw error;
      }
    }),
  );
}

async function tellConnections(stage: Stage): Promise<void> {
  const { api, members, tell } = stage.deps;
  await stage.until(async () => (await readOverview(api)).devices.online === members.length);
  tell(`All ${members.length} appliances are connected.`);
}

/** A few people cook right away, so that nobody has to wait for dinner time in one of the six time zones. */
async function tellPoints(stage: Stage): Promise<void> {
  const { api, fleet, homeOf, tell } = stage.deps;
  const cooks = stage.ofModel("oven-s80").slice(2, 8);
  for (const { id } of cooks) fleet.cook(id, { program: "HotAir", setpoint_c: 180, duration_s: 1_200 });
  tell(`${cooks.length} households in different time zones start to cook.`);
  await stage.until(async () => (await readOverview(api)).points > 0);
  for (const { id } of cooks) {
    const home = homeOf.get(id);
    const points = home === undefined ? 0 : await readBalance(api, home.id);
    if (home === undefined || points === 0) continue;
    tell(`The ${home.name} household (${home.timeZone}) holds ${points} points for what it did with its appliances.`);
    return;
  }
}

/** While time runs fast: what the kitchens are at, hour by hour. */
async function tellHours(stage: Stage): Promise<void> {
  const { fleet, clocks, tell } = stage.deps;
  while (!stage.inThePresent) {
    const next = (Math.floor(clocks.device.nowMs() / hourMs) + 1) * hourMs;
    await stage.until(() => clocks.device.nowMs() >= next);
    if (stage.inThePresent) return;
    const running = fleet.ids.filter((id) => fleet.state(id).operation !== "idle").length;
    const berlin = Temporal.Instant.fromEpochMilliseconds(next).toZonedDateTimeISO("Europe/Berlin");
    tell(`It is ${String(berlin.hour).padStart(2, "0")}:00 in Berlin, and ${running} of the appliances are running.`);
  }
}

/** After the past has been caught up with, life goes on at its own pace. */
async function goOn(stage: Stage): Promise<void> {
  await stage.until(() => stage.inThePresent);
  stage.deps.tell("The fleet has reached the present, and lives at normal speed from here.");
  for (let at = 0; ; at += 1) {
    await stage.pause(afterwardsMs);
    const act = acts[at % acts.length];
    if (act !== undefined) await act(stage, pick(stage.deps.members, null, stage.deps.seed, at, "who"));
  }
}

const isOven = ({ model }: FleetMember): boolean => model.startsWith("oven");

/** Small things that happen in kitchens and at desks, in turn. */
const acts: readonly ((stage: Stage, who: FleetMember) => Promise<void>)[] = [
  async ({ deps }, who) => {
    const program = isOven(who) ? "HotAir" : "Quick45";
    if (deps.fleet.cook(who.id, { program }).kind === "started") deps.tell(`Somebody starts ${program} on ${who.id}.`);
  },
  async ({ deps }, who) => {
    deps.fleet.look(who.id);
    deps.tell(`Somebody looks at the display of ${who.id}.`);
  },
  async ({ deps }, who) => {
    deps.fleet.cutNetwork(who.id);
    deps.tell(`${who.id} loses its network; it comes back by itself and brings what it noted meanwhile.`);
  },
  async ({ deps }, who) => {
    await request(deps.api, "POST", `/devices/${who.id}/commands`, { name: "identify", args: {} });
    deps.tell(`Support lets ${who.id} blink; a command not obeyed within 30 s is dead.`);
  },
  async ({ deps }, who) => {
    await request(deps.api, "PUT", `/devices/${who.id}/desired`, { state: { childLock: true } });
    deps.tell(`The child lock of ${who.id} is wanted on; it takes that over and reports so.`);
  },
];
