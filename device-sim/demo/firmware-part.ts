import { request } from "../api.ts";
import type { Fleet } from "../fleet.ts";
import { loadModels } from "../models.ts";
import { make, readOverview, readRollout, type RolloutSeen } from "./hearth-api.ts";
import type { ReleaseTeam } from "./release-team.ts";
import type { Stage } from "./stage.ts";

const goodModel = "oven-x200";
const badModel = "oven-s80";
/** Whose keys the team makes. */
export const firmwareModels: readonly string[] = [goodModel, badModel];

const imageBytes = 256 * 1_024;
/** Our own ovens, which get everything first. */
const ringShare = 0.08;
const ringMin = 5;
const minuteMs = 60_000;
const dayMs = 86_400_000;

const hardwareOf = (model: string) => loadModels().get(model)?.hardwareIds ?? [];

/** Two releases on their way: one that does well and is still under way at the end, and one that its gate stops. */
export async function playFirmware(stage: Stage, team: ReleaseTeam): Promise<void> {
  const { api, members } = stage.deps;
  const [, good] = await Promise.all([
    stage.until(async () => (await readOverview(api)).devices.online === members.length),
    beginGood(stage, team),
  ]);
  await Promise.all([followGood(stage, good), playBad(stage, team)]);
}

interface Begun {
  id: string;
  unlucky: string;
}

/** Signs, publishes and plans the good release, and begins its rollout with our own ovens. */
async function beginGood(stage: Stage, team: ReleaseTeam): Promise<Begun> {
  const { api, fleet, tell } = stage.deps;
  const ovens = stage.ofModel(goodModel).map(({ id }) => id);
  // The last ones: the first of the list get into other trouble.
  const ring = ovens.toReversed().slice(0, Math.max(ringMin, Math.round(ringShare * ovens.length)));
  await request(api, "POST", "/devices/tags", { deviceIds: ring, add: ["internal"] });
  const version = "2.1.0";
  const releaseId = await team.publish({
    model: goodModel,
    hardwareIds: hardwareOf(goodModel),
    version,
    releaseCounter: 1,
    notes: "Holds low temperatures more evenly.",
    bytes: imageBytes,
    isSound: true,
    components: [
      ["mbedtls", "3.6.2"],
      ["lwip", "2.2.0"],
    ],
  });
  tell(`Firmware ${version} for the ${goodModel} is signed with keys that Hearth never sees, and published.`);
  const [unlucky = "", cut = ""] = resting(fleet, ring);
  fleet.inject(unlucky, "update_failed_boot");
  fleet.inject(cut, "update_cut");
  const id = await begin(stage, {
    name: `${goodModel} ${version}`,
    releaseId,
    autoAssign: true,
    stages: [
      {
        name: "Our own",
        size: { kind: "tag", tag: "internal" },
        soakMs: 2_000,
        gate: { failuresMax: 2, sampleMin: 3 },
      },
      {
        name: "A quarter",
        size: { kind: "share", share: 0.25 },
        soakMs: 5 * minuteMs,
        gate: { failureShareMax: 0.2, sampleMin: 5 },
      },
      {
        name: "Everybody",
        size: { kind: "rest" },
        soakMs: 10 * minuteMs,
        gate: { failureShareMax: 0.1, sampleMin: 20 },
      },
    ],
  });
  tell(`It is rolled out in three stages, ${ring.length} ovens of our own first: ${api.url}/rollouts/${id}`);
  await make(api, "/freezes", {
    countries: ["DE", "FR"],
    fromMs: Date.now() + 5 * dayMs,
    toMs: Date.now() + 8 * dayMs,
    reason: "The holidays",
  });
  return { id, unlucky };
}

async function followGood(stage: Stage, { id, unlucky }: Begun): Promise<void> {
  const { api, tell } = stage.deps;
  const reaches = async (holds: (seen: RolloutSeen) => boolean): Promise<RolloutSeen> => {
    let seen = await readRollout(api, id);
    await stage.until(async () => holds((seen = await readRollout(api, id))));
    return seen;
  };
  await reaches(({ funnel }) => funnel.done > 0);
  tell("The first oven came up with the new firmware, found itself well, and confirmed it.");
  await reaches(({ funnel }) => funnel.failed > 0);
  tell(`${unlucky} did not come up with it: it rolled back, and says so. Its gate lets one pass, and no three.`);
  await reaches(({ state }) => (state.progress?.stage ?? 0) > 0);
  tell("Our own have been watched for long enough: the next stage begins by itself.");
  const { funnel } = await reaches(({ state }) => state.progress?.kind === "soaking" && state.progress.stage > 0);
  tell(`${funnel.done} ovens run it. The quarter of the fleet is watched for five minutes before the rest gets it.`);
}

/** A build that does not come up well: its rollout halts by itself. */
async function playBad(stage: Stage, team: ReleaseTeam): Promise<void> {
  const { api, tell } = stage.deps;
  const version = "1.9.0";
  const releaseId = await team.publish({
    model: badModel,
    hardwareIds: hardwareOf(badModel),
    version,
    releaseCounter: 1,
    notes: "Steams in half the time.",
    bytes: imageBytes,
    isSound: false,
    components: [["mbedtls", "3.5.0"]],
  });
  const id = await begin(stage, {
    name: `${badModel} ${version}`,
    releaseId,
    stages: [
      { name: "Everybody", size: { kind: "rest" }, soakMs: 10 * minuteMs, gate: { failuresMax: 2, sampleMin: 5 } },
    ],
  });
  tell(`Firmware ${version} for the ${badModel} goes out too, and is a bad build: ${api.url}/rollouts/${id}`);
  await stage.until(async () => (await readRollout(api, id)).state.kind === "halted");
  const { funnel, members } = await readRollout(api, id);
  tell(
    `${funnel.failed} steam ovens rolled back, so its gate halted the rollout: ${members - funnel.failed} never begin it.`,
  );
}

/** Writes a plan, submits it and begins at once. @returns the rollout's id */
async function begin({ deps: { api } }: Stage, plan: object): Promise<string> {
  const id = await make(api, "/rollouts", plan);
  await request(api, "POST", `/rollouts/${id}/submit`);
  await request(api, "POST", `/rollouts/${id}/start`);
  return id;
}

/** Those that are at rest and cold first. */
const resting = (fleet: Fleet, ids: readonly string[]): string[] => {
  const isAtRest = (id: string) => {
    const { operation, hot, faults } = fleet.state(id);
    return operation === "idle" && !hot && faults.length === 0;
  };
  return [...ids.filter(isAtRest), ...ids.filter((id) => !isAtRest(id))];
};
