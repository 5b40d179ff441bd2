import type { TargetFile } from "@tufjs/models";
import { isDeepStrictEqual } from "node:util";
import { targetCustom } from "#protocol/update.ts";

/** What these rules look at of a release. */
export interface RuledRelease {
  state: "draft" | "signed" | "published" | "withdrawn";
  path: string;
  model: string;
  hardwareIds: string[];
  version: string;
  releaseCounter: number;
  minCounter: number;
  passThrough: boolean;
  length: number;
  sha256: string;
}

export type ReleaseRule =
  | "target_outside_path"
  | "release_counter_not_newer"
  | "release_counter_taken"
  | "release_version_taken"
  | "release_path_taken"
  | "min_counter_not_lower"
  | "min_counter_unreachable"
  | "pass_through_unreachable";

interface RefusedRelease<Rule extends string> {
  kind: "refused";
  rule: Rule;
  detail: string;
}

const refused = <Rule extends string>(rule: Rule, detail: string): RefusedRelease<Rule> => ({
  kind: "refused",
  rule,
  detail,
});

/** A counter that appliances of some hardware report; hardware null: they do not say which. */
export interface RunningCounter {
  hardware: string | null;
  counter: number;
}

/** What was once published is never undone: an appliance may have it. */
const wasPublished = ({ state }: RuledRelease) => state === "published" || state === "withdrawn";

/**
 * Why a release may not take its place among the others of its model, or null.
 *
 * @param others all other releases of the model
 * @param running the counters that appliances of the model report
 */
export function releaseRefusal(
  release: RuledRelease,
  others: readonly RuledRelease[],
  running: readonly RunningCounter[],
): RefusedRelease<ReleaseRule> | null {
  const { model, path, version, releaseCounter, minCounter } = release;
  if (!path.startsWith(`fw/${model}/`))
    return refused("target_outside_path", `Images of ${model} lie in fw/${model}/.`);
  const highest = Math.max(0, ...others.filter(wasPublished).map((one) => one.releaseCounter));
  if (releaseCounter <= highest) {
    return refused("release_counter_not_newer", `${model} has a release with counter ${highest}.`);
  }
  const taken = (rule: ReleaseRule, isSame: (one: RuledRelease) => boolean) =>
    others.some(isSame) ? refused(rule, `Another release of ${model} has it.`) : null;
  const clash =
    taken("release_counter_taken", (one) => one.releaseCounter === releaseCounter) ??
    taken("release_path_taken", (one) => one.path === path) ??
    taken("release_version_taken", (one) => one.version === version && one.state !== "withdrawn");
  if (clash !== null) return clash;
  if (minCounter >= releaseCounter) {
    return refused("min_counter_not_lower", `minCounter ${minCounter} is not below releaseCounter ${releaseCounter}.`);
  }
  const published = others.filter(({ state }) => state === "published");
  const known = [...published.map((one) => one.releaseCounter), ...running.map(({ counter }) => counter)];
  const best = Math.max(0, ...known);
  if (minCounter > best) {
    return refused(
      "min_counter_unreachable",
      `minCounter is ${minCounter}, but no release and no appliance of ${model} has more than ${best}.`,
    );
  }
  const unreachable = release.hardwareIds.find((hardware) => !isReachable(release, hardware, published, running));
  return unreachable === undefined
    ? null
    : refused("pass_through_unreachable", blockedText(release, unreachable, published));
}

/**
 * Whether some appliance of this hardware can come to run the release: from what appliances run now, or from nothing, over the releases that
 * list the hardware, with none left out that it must pass through.
 */
function isReachable(
  release: RuledRelease,
  hardware: string,
  published: readonly RuledRelease[],
  running: readonly RunningCounter[],
): boolean {
  const steps = [...published, release]
    .filter(({ hardwareIds }) => hardwareIds.includes(hardware))
    .toSorted((a, b) => a.releaseCounter - b.releaseCounter);
  const gates = steps.filter((one) => one.passThrough && one !== release).map((one) => one.releaseCounter);
  const reached = new Set([
    0,
    ...running.filter((one) => one.hardware === null || one.hardware === hardware).map(({ counter }) => counter),
  ]);
  for (const step of steps) {
    const from = [...reached].some(
      (counter) =>
        counter < step.releaseCounter &&
        counter >= step.minCounter &&
        !gates.some((gate) => counter < gate && gate < step.releaseCounter),
    );
    if (from) reached.add(step.releaseCounter);
  }
  return reached.has(release.releaseCounter);
}

function blockedText(release: RuledRelease, hardware: string, published: readonly RuledRelease[]): string {
  const gates = published.filter((one) => one.passThrough && one.hardwareIds.includes(hardware));
  const names = gates.map(({ version }) => version).join(", ");
  return `No appliance with hardware ${hardware} could come to ${release.version}${
    names === "" ? ` with minCounter ${release.minCounter}` : `: it must pass through ${names}, which it cannot reach`
  }.`;
}

export type FamilyRule =
  | "target_missing"
  | "target_unknown"
  | "target_differs"
  | "release_withdrawn"
  | "image_length_wrong"
  | "image_hash_wrong"
  | "published_target_removed"
  | "other_target_changed";

/**
 * Why what a family has signed does not fit the releases of its model, or null: every published release is in it as it was, what was
 * withdrawn may go and not come back, and the only new image is that of `adding`.
 */
export function familyRefusal(terms: {
  signed: Readonly<Record<string, TargetFile>>;
  before: Readonly<Record<string, TargetFile>>;
  releases: readonly RuledRelease[];
  adding: RuledRelease | null;
}): RefusedRelease<FamilyRule> | null {
  const { signed, before, releases, adding } = terms;
  const ofPath = new Map(releases.map((release) => [release.path, release]));
  if (adding !== null && signed[adding.path] === undefined) {
    return refused("target_missing", `It does not name ${adding.path}.`);
  }
  for (const [path, target] of Object.entries(signed)) {
    const old = before[path];
    if (old !== undefined) {
      if (!old.equals(target)) return refused("other_target_changed", `${path} was published with other contents.`);
      continue;
    }
    const release = ofPath.get(path);
    if (release === undefined) return refused("target_unknown", `${path} is the image of no release.`);
    if (release.state === "withdrawn") return refused("release_withdrawn", `${path} was withdrawn.`);
    if (path !== adding?.path) return refused("target_unknown", `${path} is published with a release of its own.`);
    const differs = difference(target, release);
    if (differs !== null) return differs;
  }
  const gone = Object.keys(before).find(
    (path) => signed[path] === undefined && ofPath.get(path)?.state === "published",
  );
  return gone === undefined
    ? null
    : refused("published_target_removed", `${gone} is published; withdraw its release first.`);
}

/** In what a signed image is not what its release says. */
function difference(target: TargetFile, release: RuledRelease): RefusedRelease<FamilyRule> | null {
  const { model, hardwareIds, version, releaseCounter, minCounter, length, sha256 } = release;
  if (target.length !== length)
    return refused("image_length_wrong", `${target.length} bytes are signed, it has ${length}.`);
  if (!isDeepStrictEqual(target.hashes, { sha256 })) {
    return refused("image_hash_wrong", "What is signed is not the SHA-256 of the image.");
  }
  const custom = targetCustom.safeParse(target.custom).data;
  if (custom === undefined) return refused("target_differs", "What is signed of the image is not TargetCustom.");
  const said = { model, hardwareIds, version, releaseCounter, minCounter };
  const field = Object.entries(said).find(
    ([name, value]) => !isDeepStrictEqual(new Map(Object.entries(custom)).get(name), value),
  );
  return field === undefined
    ? null
    : refused("target_differs", `What is signed has another ${field[0]} than the release.`);
}
