import { stat } from "node:fs/promises";
import { z } from "zod";
import { familyRole } from "#protocol/update.ts";
import { familyRefusal } from "../../firmware/core/release-rules.ts";
import { nextFamily, nextSnapshot, type VersionedText } from "../../firmware/core/tuf-next.ts";
import { parseTargets } from "../../firmware/core/tuf-parse.ts";
import { Api } from "./api.ts";
import { type Bundle, readBundle } from "./bundle.ts";
import { CommandError, type CommonOptions, type Speaker } from "./command.ts";
import type { KeyFolder } from "./key-folder.ts";
import { type TrustedCopy, trustedCopy } from "./trusted-copy.ts";

const release = z.looseObject({ id: z.string(), state: z.string(), path: z.string(), sha256: z.string() });
type ReleaseAnswer = z.infer<typeof release>;

interface Work {
  options: CommonOptions;
  folder: KeyFolder;
  speaker: Speaker;
  nowMs: number;
}

const shown = (bytes: number) => `${(bytes / 1_048_576).toFixed(1)} MiB`;

/** Publishes a bundle: draft, image, SBOM, signature and snapshot, one after the other. What is refused on the way leaves no draft. */
export async function publish(work: Work, dir: string): Promise<void> {
  const { options, folder, speaker, nowMs } = work;
  const api = new Api(options);
  const bundle = await readBundle(dir);
  const snapshotKey = await folder.need("snapshot");
  const copy = await trustedCopy(api, folder);
  const family = await familyFor(work, bundle, copy);
  const role = familyRole(bundle.description.model);
  const snapshot = nextSnapshot({
    current: copy.snapshot.content,
    moved: { [role]: family },
    by: [snapshotKey],
    nowMs,
  });
  const { model, version, releaseCounter } = bundle.description;
  if (options.dryRun) {
    speaker.result(
      {
        dryRun: true,
        model,
        version,
        releaseCounter,
        familyVersion: family.version,
        snapshotVersion: snapshot.version,
      },
      [
        `Would publish ${model} ${version} (counter ${releaseCounter}): ${role} ${family.version}, snapshot ${snapshot.version}.`,
      ],
    );
    return;
  }
  const draft = await draftOf(api, bundle);
  try {
    await sendImage(work, api, draft, bundle);
    await api.ask("POST", `/api/v1/firmware/releases/${draft.id}/sign`, release, { family: family.content });
    speaker.say("The signature is verified.");
    const published = await api.ask("POST", `/api/v1/firmware/releases/${draft.id}/publish`, release, {
      snapshot: snapshot.content,
    });
    await folder.remember(role, family.content);
    await folder.remember("snapshot", snapshot.content);
    speaker.result(
      { release: published },
      [`${model} ${version} is published: release ${published.id}.`],
      `plan its rollout, your own appliances first: ${api.base}/rollouts/new?release=${published.id}`,
    );
  } catch (error) {
    // Whoever tries again begins from the beginning; a connection that broke may have left it published, and then it stays.
    await api.drop(`/api/v1/firmware/releases/${draft.id}`).catch(() => {});
    throw error;
  }
}

/** What the family has signed for the bundle; signed again where the family moved since and its key is here. */
async function familyFor(work: Work, bundle: Bundle, copy: TrustedCopy): Promise<VersionedText> {
  const { description } = bundle;
  const { model, path, length, sha256, hardwareIds, version, releaseCounter, minCounter } = description;
  const role = familyRole(model);
  const current = copy.families.get(role);
  if (current === undefined) {
    throw new CommandError("refused", `There is no family for ${model}: npm run release -- keygen --model ${model}`);
  }
  const signed = parseTargets(role, bundle.family);
  const before = current.metadata.signed.targets;
  const stale =
    signed.version !== current.version + 1 ||
    familyRefusal({
      signed: signed.metadata.signed.targets,
      before,
      releases: [{ ...description, state: "draft" }],
      adding: { ...description, state: "draft" },
    }) !== null ||
    Object.keys(before).some((known) => signed.metadata.signed.targets[known] === undefined);
  if (!stale) return { version: signed.version, content: bundle.family };
  const key = await work.folder.find(role);
  if (key === null) {
    throw new CommandError(
      "moved",
      `${role} moved since the bundle was signed, and its key is not in ${work.folder.dir}: sign again where it is.`,
    );
  }
  if (before[path] !== undefined)
    throw new CommandError("refused", `${path} is published already: take another version or counter.`);
  work.speaker.say(`${role} moved since the bundle was signed; it is signed again on top of what is there now.`);
  const add = { path, length, sha256, custom: { model, hardwareIds, version, releaseCounter, minCounter } };
  return nextFamily({ model, current: current.content, add, by: [key], nowMs: work.nowMs });
}

/** A draft for the bundle: a new one, or the one that a run before this one left behind. */
async function draftOf(api: Api, { description }: Bundle): Promise<ReleaseAnswer> {
  try {
    return await api.ask("POST", "/api/v1/firmware/releases", release, description);
  } catch (error) {
    if (!(error instanceof CommandError) || error.details["code"] !== "release_counter_taken") throw error;
    const list = z.object({ items: z.array(release) });
    const { items } = await api.ask("GET", `/api/v1/firmware/releases?model=${description.model}&limit=500`, list);
    const left = items.find(
      ({ state, path, sha256 }) =>
        (state === "draft" || state === "signed") && path === description.path && sha256 === description.sha256,
    );
    if (left === undefined) throw error;
    await api.drop(`/api/v1/firmware/releases/${left.id}`);
    return api.ask("POST", "/api/v1/firmware/releases", release, description);
  }
}

async function sendImage({ speaker }: Work, api: Api, draft: ReleaseAnswer, bundle: Bundle): Promise<void> {
  const { length } = bundle.description;
  await api.upload(
    `/api/v1/firmware/releases/${draft.id}/image`,
    bundle.imageFile,
    "application/octet-stream",
    release,
    (sent) => speaker.progress(`Image: ${shown(sent)} of ${shown(length)} (${Math.floor((100 * sent) / length)} %)`),
  );
  speaker.say(`The image is there: ${shown(length)}.`);
  if (bundle.sbomFile === null) return;
  const { size } = await stat(bundle.sbomFile);
  await api.upload(
    `/api/v1/firmware/releases/${draft.id}/sbom`,
    bundle.sbomFile,
    "application/vnd.cyclonedx+json",
    release,
    (sent) => speaker.progress(`SBOM: ${shown(sent)} of ${shown(size)}`),
  );
  speaker.say("The SBOM is there.");
}
