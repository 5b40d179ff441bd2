import { request } from "../api.ts";
import type { Fleet } from "../fleet.ts";
import { loadModels } from "../models.ts";
import { make, readDeliveries, readOverview, readRollout, type RolloutSeen } from "./hearth-api.ts";
import type { ReleaseSpec, ReleaseTeam, SignedBundle } from "./release-team.ts";
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
/** As many of our own may fail with the good release, and of all with the bad one. */
const ownFailuresMax = 2;
const badFailuresMax = 2;
const supportYears = 10;
const freezeAfterDays = 5;
const freezeDays = 3;

const hardwareOf = (model: string) => loadModels().get(model)?.hardwareIds ?? [];

/** Two releases on their way: one that does well and is still under way at the end, and one that its gate stops. */
export async function playFirmware(stage: Stage, team: ReleaseTeam): Promise<void> {
  const { api, members } = stage.deps;
  const [sound, bad] = await Promise.all([team.sign(goodRelease(stage)), team.sign(badRelease)]);
  const [, good] = await Promise.all([
    stage.until(async () => (await readOverview(api)).devices.online === members.length),
    beginGood(stage, await team.publish(sound)),
  ]);
  await Promise.all([followGood(stage, good), playBad(stage, team, bad), playFreeze(stage)]);
}

const goodRelease = (stage: Stage): ReleaseSpec => ({
  model: goodModel,
  hardwareIds: hardwareOf(goodModel),
  version: "2.1.0",
  releaseCounter: 1,
  notes: "Holds low temperatures more evenly.",
  bytes: imageBytes,
  isSound: true,
  components: [
    ["mbedtls", "3.6.2"],
    ["lwip", "2.2.0"],
  ],
  supportEnds: todayOf(stage).add({ years: supportYears }).toString(),
});

const badRelease: ReleaseSpec = {
  model: badModel,
  hardwareIds: hardwareOf(badModel),
  version: "1.9.0",
  releaseCounter: 1,
  notes: "Steams in half the time.",
  bytes: imageBytes,
  isSound: false,
  components: [["mbedtls", "3.5.0"]],
};

interface Begun {
  id: string;
  /** Does not come up with it. */
  unlucky: string;
  /** Its download is cut. */
  cut: string;
}

/** Plans the good release, and begins its rollout with our own ovens. */
async function beginGood(stage: Stage, releaseId: string): Promise<Begun> {
  const { api, fleet, tell } = stage.deps;
  const { version, components } = goodRelease(stage);
  tell(
    `Firmware ${version} for the ${goodModel} is signed with keys that Hearth never sees, and published: with an SBOM of ${components.length} components, supported for ${supportYears} years.`,
  );
  const ovens = stage.ofModel(goodModel).map(({ id }) => id);
  // The last ones: the first of the list get into other trouble.
  const ring = ovens.toReversed().slice(0, Math.max(ringMin, Math.round(ringShare * ovens.length)));
  await request(api, "POST", "/devices/tags", { deviceIds: ring, add: ["internal"] });
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
        gate: { failuresMax: ownFailuresMax, sampleMin: 3 },
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
  return { id, unlucky, cut };
}

async function followGood(stage: Stage, { id, unlucky, cut }: Begun): Promise<void> {
  const { api, tell } = stage.deps;
  const reaches = (holds: (seen: RolloutSeen) => boolean) => rolloutReaches(stage, id, holds);
  const tellCut = async (): Promise<void> => {
    await stage.until(
      async () => (await readDeliveries(api, { device: cut, kind: "firmware", phase: "done" })).length > 0,
    );
    tell(`The download of ${cut} was cut on its way: it went on from there, and the oven has confirmed the firmware.`);
  };
  const tellStages = async (): Promise<void> => {
    await reaches(({ funnel }) => funnel.done > 0);
    tell("The first oven came up with the new firmware, found itself well, and confirmed it.");
    await reaches(({ funnel }) => funnel.failed > 0);
    tell(
      `${unlucky} did not come up with it, rolled back, and says so: 1 failure, and the gate lets ${ownFailuresMax} pass.`,
    );
    const { funnel: own } = await reaches(({ state }) => (state.progress?.stage ?? 0) > 0);
    tell(`With ${own.done} confirmed and ${own.failed} failed our own have passed: the next stage begins by itself.`);
    const { funnel, members } = await reaches(
      ({ state }) => state.progress?.kind === "soaking" && state.progress.stage > 0,
    );
    tell(`${funnel.done} of ${members} ovens run it. A quarter is watched for five minutes before the rest gets it.`);
  };
  await Promise.all([tellCut(), tellStages()]);
}

/** A build that does not come up well: its rollout halts by itself, and the team takes the release back. */
async function playBad(stage: Stage, team: ReleaseTeam, bundle: SignedBundle): Promise<void> {
  const { api, tell } = stage.deps;
  const { version } = badRelease;
  const releaseId = await team.publish(bundle);
  const id = await begin(stage, {
    name: `${badModel} ${version}`,
    releaseId,
    stages: [
      {
        name: "Everybody",
        size: { kind: "rest" },
        soakMs: 10 * minuteMs,
        gate: { failuresMax: badFailuresMax, sampleMin: 5 },
      },
    ],
  });
  tell(`Firmware ${version} for the ${badModel} goes out too, and is a bad build: ${api.url}/rollouts/${id}`);
  const halted = await rolloutReaches(stage, id, ({ state }) => state.kind === "halted");
  const begun = begunOf(halted);
  tell(
    `The rollout of ${version} halted itself: ${halted.funnel.failed} of ${begun} ovens that began rolled back, and its gate lets ${badFailuresMax} pass. The other ${halted.members - begun} never get it.`,
  );
  await rolloutReaches(stage, id, ({ funnel }) => funnel.started === 0);
  await team.withdraw(badModel, version, "It does not come up well.");
  tell(`The team withdraws ${version}: it is taken out of what is signed, and no oven takes it from anybody.`);
}

/** Some days ahead, so that the calendar has something to show. */
async function playFreeze(stage: Stage): Promise<void> {
  const { api, tell } = stage.deps;
  const from = todayOf(stage).add({ days: freezeAfterDays });
  const to = from.add({ days: freezeDays });
  const [fromMs, toMs] = [startOf(from), startOf(to)];
  await make(api, "/freezes", { countries: ["DE", "FR"], fromMs, toMs, reason: "The holidays" });
  tell(`A freeze: no update begins in Germany and France from ${from.toString()} on, for ${freezeDays} days.`);
}

const todayOf = ({ deps: { clocks } }: Stage): Temporal.PlainDate =>
  Temporal.Instant.fromEpochMilliseconds(clocks.real.nowMs()).toZonedDateTimeISO("UTC").toPlainDate();

const startOf = (date: Temporal.PlainDate): number => date.toZonedDateTime("UTC").epochMilliseconds;

/** Those that have gone further than to be offered it. */
const begunOf = ({ funnel: { started, done, failed, timed_out } }: RolloutSeen): number =>
  started + done + failed + timed_out;

async function rolloutReaches(stage: Stage, id: string, holds: (seen: RolloutSeen) => boolean): Promise<RolloutSeen> {
  let seen = await readRollout(stage.deps.api, id);
  await stage.until(async () => holds(seen) || holds((seen = await readRollout(stage.deps.api, id))));
  return seen;
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
