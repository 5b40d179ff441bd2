import { z } from "zod";
import { familyRole } from "#protocol/update.ts";
import { newRoot, rootLifeMs } from "../../firmware/core/tuf-build.ts";
import { type RoleKey, tufKeyOfHex } from "../../firmware/core/tuf-keys.ts";
import { familiesOf, nextFamily, nextSnapshot, nextTargets } from "../../firmware/core/tuf-next.ts";
import { Api } from "./api.ts";
import { CommandError, type CommonOptions, type Speaker } from "./command.ts";
import { type KeyFolder, rootNames } from "./key-folder.ts";
import { moveRepository, repositoryState } from "./repository.ts";
import { trustedCopy } from "./trusted-copy.ts";

export interface KeygenOptions extends CommonOptions {
  model: string[];
  register: boolean;
  /** In place of asking the service. */
  timestampKey?: string | undefined;
}

interface Work {
  options: KeygenOptions;
  folder: KeyFolder;
  speaker: Speaker;
  nowMs: number;
}

/** Makes the team's keys and the first root; or, where there is one, a further family for each model that is new. */
export async function keygen(work: Work): Promise<void> {
  const { options, folder } = work;
  if ((await folder.known("root")) === null) return firstKeys(work);
  const api = new Api(options);
  const first = await folder.read("first-root.json");
  const isUnknown = first !== null && (await repositoryState(api)).roles.length === 0;
  return isUnknown ? registerFirst(work, api, first) : moreFamilies(work);
}

/** The keys are made, and the service has not been told yet. */
async function registerFirst({ options, folder, speaker }: Work, api: Api, first: string): Promise<void> {
  const upload = firstUpload.parse(JSON.parse(first));
  if (!options.dryRun) await moveRepository(api, upload, folder);
  speaker.result(
    { keys: folder.dir, models: Object.keys(upload.families), registered: !options.dryRun, dryRun: options.dryRun },
    [
      options.dryRun
        ? "Would register the root that was made here before."
        : "The root that was made here before is registered.",
    ],
  );
}

const firstUpload = z.object({
  root: z.string(),
  targets: z.string(),
  snapshot: z.string(),
  families: z.record(z.string(), z.string()),
});

async function firstKeys({ options, folder, speaker, nowMs }: Work): Promise<void> {
  const api = new Api(options);
  const names = await folder.names();
  if (names.length > 0) {
    throw new CommandError(
      "keys",
      `${folder.dir} holds keys already (${names.join(", ")}) and no root. Name an empty folder with --keys.`,
    );
  }
  const timestampHex = options.timestampKey ?? (await repositoryState(api)).timestampKey;
  if (!/^[0-9a-f]{64}$/.test(timestampHex)) {
    throw new CommandError("usage", "--timestamp-key wants the 32 bytes of an Ed25519 public key in hex.");
  }
  if (options.dryRun) {
    speaker.result({ keys: folder.dir, models: options.model, dryRun: true }, [
      `Would make ${rootNames.length} root keys, those of targets and snapshot, and one for each of ${options.model.join(", ")} in ${folder.dir}.`,
    ]);
    return;
  }
  const keys = new Map<string, RoleKey>();
  for (const name of [...rootNames, "targets", "snapshot", ...options.model.map(familyRole)]) {
    const key = folder.newKey();
    await folder.add(name, key);
    keys.set(name, key);
  }
  const first = firstRepository(keys, options.model, timestampHex, nowMs);
  await folder.remember("root", first.root);
  const rootFile = await folder.publish("root.json", first.root);
  const jwks = options.timestampKey === undefined ? await api.file("/api/v1/firmware/director.jwks") : null;
  const jwksFile = jwks === null ? null : await folder.publish("director.jwks", jwks);
  const upload = await folder.publish("first-root.json", JSON.stringify(first));
  speaker.say(
    `${keys.size} keys in ${folder.dir}, readable by you alone. Take the root keys apart, each to another person, and keep copies.`,
  );
  const isRegistered = options.register && api.hasKey;
  if (isRegistered) await moveRepository(api, first, folder);
  const made = [
    `${rootFile}: what appliances are made with, so that they know whom to believe`,
    ...(jwksFile === null ? [] : [`${jwksFile}: the director's key, which they are made with as well`]),
  ];
  speaker.result(
    { keys: folder.dir, root: rootFile, directorJwks: jwksFile, models: options.model, registered: isRegistered },
    isRegistered ? [...made, "The root is registered."] : made,
    isRegistered
      ? `npm run release -- sign --model ${options.model[0]} --image FILE --release-version 1.0.0 --counter 1`
      : `an admin registers the root: curl -X POST -H "authorization: Bearer $HEARTH_KEY" -H "content-type: application/json" --data @${upload} ${api.base}/api/v1/firmware/repository/root`,
  );
}

function firstRepository(
  keys: ReadonlyMap<string, RoleKey>,
  models: readonly string[],
  timestampHex: string,
  nowMs: number,
) {
  const key = (name: string): RoleKey => {
    const found = keys.get(name);
    if (found === undefined) throw new TypeError(`no key ${name}`);
    return found;
  };
  const root = newRoot(
    {
      root: rootNames.map((name) => key(name).key),
      targets: [key("targets").key],
      snapshot: [key("snapshot").key],
      timestamp: [tufKeyOfHex(timestampHex)],
    },
    { version: 1, expiresAtMs: nowMs + rootLifeMs },
    rootNames.map(key),
  );
  const named = models.map((model) => ({ model, keys: [key(familyRole(model)).key] }));
  const targets = nextTargets({ current: null, families: named, by: [key("targets")], nowMs });
  const families = models.map(
    (model) => [model, nextFamily({ model, current: null, by: [key(familyRole(model))], nowMs })] as const,
  );
  const moved = Object.fromEntries([
    ["targets", targets] as const,
    ...families.map(([model, family]) => [familyRole(model), family] as const),
  ]);
  const snapshot = nextSnapshot({ current: null, moved, by: [key("snapshot")], nowMs });
  return {
    root,
    targets: targets.content,
    families: Object.fromEntries(families.map(([model, { content }]) => [model, content])),
    snapshot: snapshot.content,
  };
}

async function moreFamilies({ options, folder, speaker, nowMs }: Work): Promise<void> {
  const api = new Api(options);
  const copy = await trustedCopy(api, folder);
  const known = familiesOf(copy.targets.content).map(({ model }) => model);
  const models = options.model.filter((model) => !known.includes(model));
  if (models.length === 0) {
    throw new CommandError(
      "usage",
      `There are keys for ${options.model.join(", ")} already. To replace one: npm run release -- rotate family --model MODEL.`,
    );
  }
  const [targetsKey, snapshotKey] = [await folder.need("targets"), await folder.need("snapshot")];
  // One may be here from a run that the service did not answer.
  const here = await Promise.all(models.map((model) => folder.find(familyRole(model))));
  const keys = models.map((model, at) => ({ model, isNew: here[at] === null, key: here[at] ?? folder.newKey() }));
  const targets = nextTargets({
    current: copy.targets.content,
    families: keys.map(({ model, key }) => ({ model, keys: [key.key] })),
    by: [targetsKey],
    nowMs,
  });
  const families = keys.map(
    ({ model, key }) => [model, nextFamily({ model, current: null, by: [key], nowMs })] as const,
  );
  const moved = Object.fromEntries([
    ["targets", targets] as const,
    ...families.map(([model, family]) => [familyRole(model), family] as const),
  ]);
  const snapshot = nextSnapshot({ current: copy.snapshot.content, moved, by: [snapshotKey], nowMs });
  if (!options.dryRun) {
    for (const { model, key, isNew } of keys) if (isNew) await folder.add(familyRole(model), key);
    const contents = Object.fromEntries(families.map(([model, { content }]) => [model, content]));
    await moveRepository(api, { targets: targets.content, families: contents, snapshot: snapshot.content }, folder);
  }
  speaker.result(
    { keys: folder.dir, models, registered: !options.dryRun, dryRun: options.dryRun },
    [`${options.dryRun ? "Would add" : "Added"} ${models.join(", ")}.`],
    `npm run release -- sign --model ${models[0]} --image FILE --release-version 1.0.0 --counter 1`,
  );
}

export const modelList = z.array(z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/)).min(1);
