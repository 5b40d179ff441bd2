/** `release publish`: brings a signed bundle out. */
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { familyRole, targetCustom } from "#protocol/update.ts";
import { targetFile } from "../../firmware/core/tuf-build.ts";
import { nextFamily, nextSnapshot, type VersionedText } from "../../firmware/core/tuf-next.ts";
import { delegation, MetadataError, parseTargets, signatures } from "../../firmware/core/tuf-parse.ts";
import { type Bundle, readBundle } from "./bundle.ts";
import { CommandError, type CommonOptions } from "./command.ts";
import { onTop, openSession, type Session, signing } from "./session.ts";
import type { TrustedCopy } from "./trusted-copy.ts";

export const releaseShape = z.looseObject({
  id: z.string(),
  state: z.enum(["draft", "signed", "published", "withdrawn"]),
  version: z.string(),
  releaseCounter: z.number(),
  path: z.string(),
  sha256: z.string(),
  sha1: z.string().nullable(),
  publishedAtMs: z.number().nullable(),
});
export type KnownRelease = z.infer<typeof releaseShape>;

const page = z.object({ items: z.array(releaseShape), nextCursor: z.string().nullable() });

/** All releases of a model, newest first. */
export async function releasesOf({ api }: Session, model: string): Promise<KnownRelease[]> {
  const found: KnownRelease[] = [];
  let cursor: string | null = null;
  do {
    const query: URLSearchParams = new URLSearchParams({ model, limit: "500", ...(cursor === null ? {} : { cursor }) });
    const answer: z.infer<typeof page> = await api.ask("GET", `/api/v1/firmware/releases?${query.toString()}`, page);
    found.push(...answer.items);
    cursor = answer.nextCursor;
  } while (cursor !== null);
  return found;
}

export async function publish(options: CommonOptions, dir: string): Promise<void> {
  const bundle = await readBundle(dir);
  const session = await openSession(options);
  const { api, speaker } = session;
  const { model, version, releaseCounter, path, length, sha256 } = bundle.description;
  const role = familyRole(model);
  const before = (await releasesOf(session, model)).find(
    (one) => one.path === path && one.sha256 === sha256 && one.state !== "withdrawn",
  );
  if (before?.state === "published") return tell(session, before, `${model} ${version} is published already.`);
  // All that can be wrong here is found before anything is sent.
  const ready = await onTop(session, (copy) => prepare(session, copy, bundle));
  if (options.dryRun) {
    const versions = `version ${ready.family.version} of ${role}, version ${ready.snapshot.version} of snapshot`;
    speaker.say(`Would send ${length} bytes and publish ${model} ${version} with ${versions}.`);
    speaker.result({ dryRun: true, model, version, releaseCounter, path }, []);
    return;
  }
  const { id } = await draftOf(session, bundle, before);
  try {
    await bring(session, bundle, id);
    const published = await onTop(session, async (copy) => {
      const { family, snapshot } = await prepare(session, copy, bundle);
      const at = `/api/v1/firmware/releases/${id}`;
      await api.ask("POST", `${at}/sign`, releaseShape, { family: family.content });
      return api.ask("POST", `${at}/publish`, releaseShape, { snapshot: snapshot.content });
    });
    tell(session, published, `${model} ${version} is published.`);
  } catch (error) {
    // A draft would keep its counter from the next one. One that was published after all cannot be dropped, and stays.
    await api.drop(`/api/v1/firmware/releases/${id}`).catch(() => {});
    throw error;
  }
}

function tell({ api, speaker }: Session, release: KnownRelease, said: string): void {
  const planHref = `${api.base}/rollouts/new?release=${release.id}`;
  speaker.say(said);
  speaker.result(
    { id: release.id, release, planHref },
    [release.id],
    `plan its rollout, your own appliances first: ${planHref}`,
  );
}

/** A new draft, in the place of one that an earlier run may have left: that one may have said something else. */
async function draftOf({ api }: Session, bundle: Bundle, left: KnownRelease | undefined): Promise<KnownRelease> {
  if (left !== undefined) await api.drop(`/api/v1/firmware/releases/${left.id}`);
  return api.ask("POST", "/api/v1/firmware/releases", releaseShape, bundle.description);
}

const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`;

/** Sends the image and the SBOM. */
async function bring({ api, speaker }: Session, bundle: Bundle, id: string): Promise<void> {
  const { description, imageFile, sbomFile } = bundle;
  const whole = megabytes(description.length);
  const at = `/api/v1/firmware/releases/${id}`;
  await api.upload(`${at}/image`, imageFile, "application/octet-stream", releaseShape, (sent) =>
    speaker.progress(`Sending ${imageFile}: ${megabytes(sent)} of ${whole}`),
  );
  speaker.say(`Sent ${imageFile}: ${whole}.`);
  if (sbomFile === null) return;
  await api.upload(`${at}/sbom`, sbomFile, "application/vnd.cyclonedx+json", releaseShape, () => {});
  speaker.say(`Sent ${sbomFile}.`);
}

async function prepare(
  { folder }: Session,
  copy: TrustedCopy,
  bundle: Bundle,
): Promise<{ family: VersionedText; snapshot: VersionedText }> {
  const snapshotKey = await folder.needFor("snapshot", delegation(copy.root.metadata, "snapshot")?.keys ?? []);
  const role = familyRole(bundle.description.model);
  const keys = delegation(copy.targets.metadata, role)?.keys;
  const current = copy.families.get(role);
  if (keys === undefined || current === undefined) {
    const { model } = bundle.description;
    throw new CommandError(
      "keys",
      `No key signs for ${model} yet: \`npm run release -- keygen --model ${model}\` makes one.`,
    );
  }
  const family = needSigned(bundle, keys);
  const others = Object.entries(family.metadata.signed.targets).filter(([path]) => path !== bundle.description.path);
  const fits =
    family.version === current.version + 1 &&
    isDeepStrictEqual(new Set(others.map(([path]) => path)), new Set(Object.keys(current.metadata.signed.targets))) &&
    others.every(([path, target]) => current.metadata.signed.targets[path]?.equals(target) === true);
  const next = fits ? family : await signAgain({ folder }, bundle, keys, current.content);
  const moved = { [role]: next };
  return { family: next, snapshot: nextSnapshot({ current: copy.snapshot.content, moved, ...signing(snapshotKey) }) };
}

/** What the family signed of the image is what the bundle says of it: only that is ever signed again. */
function needSigned({ dir, description: release, family }: Bundle, keys: Parameters<typeof signatures>[0]) {
  const role = familyRole(release.model);
  const refuse = (why: string): never => {
    throw new CommandError("keys", `${dir}/family.json ${why}: sign the release again.`);
  };
  try {
    const parsed = parseTargets(role, family);
    if (signatures(keys, parsed.metadata) === 0) refuse("is not signed by the key of its family");
    const target = parsed.metadata.signed.targets[release.path];
    const said = targetFile({ ...release, custom: targetCustom.parse(release) });
    if (target?.equals(said) !== true) refuse("does not sign what release.json says");
    return parsed;
  } catch (error) {
    if (error instanceof MetadataError) return refuse(`is no signed metadata (${error.message})`);
    throw error;
  }
}

/** Another release of the family came between: the same image, on top of that one. */
async function signAgain(
  { folder }: Pick<Session, "folder">,
  { description: release }: Bundle,
  keys: Parameters<typeof signatures>[0],
  current: string,
): Promise<VersionedText> {
  const role = familyRole(release.model);
  if ((await folder.find(role)) === null) {
    throw new CommandError(
      "keys",
      `${role} moved since the bundle was signed: bring ${folder.path(role)} here, or sign again with the repository/ of this folder.`,
    );
  }
  const key = await folder.needFor(role, keys);
  const add = { ...release, custom: targetCustom.parse(release) };
  return nextFamily({ model: release.model, current, add, ...signing(key) });
}
