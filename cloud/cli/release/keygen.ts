/** `release keygen`: the keys of a team, the first root, and families that join later. */
import { modelKey } from "#protocol/ids.ts";
import { familyRole } from "#protocol/update.ts";
import { z } from "zod";
import { newRoot, rootLifeMs } from "../../firmware/core/tuf-build.ts";
import { type RoleKey, tufKeyOfHex } from "../../firmware/core/tuf-keys.ts";
import { familiesOf, nextFamily, nextSnapshot, nextTargets } from "../../firmware/core/tuf-next.ts";
import { delegation, parseRoot } from "../../firmware/core/tuf-parse.ts";
import { systemClock } from "../../platform/clock.ts";
import { CommandError, type CommonOptions, defaultApi, sameOptions } from "./command.ts";
import { rootNames } from "./key-folder.ts";
import { movedRoles, onTop, openSession, type Session, signing } from "./session.ts";

const repositoryState = z.object({ timestampKey: z.string(), roles: z.array(z.object({ role: z.string() })) });

export interface KeygenOptions extends CommonOptions {
  model: string[];
  register: boolean;
  /** In place of asking the service. */
  timestampKey?: string;
}

export async function keygen(options: KeygenOptions): Promise<void> {
  const models = [...new Set(options.model)];
  const wrong = models.find((model) => !modelKey.safeParse(model).success);
  if (wrong !== undefined) {
    throw new CommandError("usage", `--model is '${wrong}', but it wants 1-64 characters of a-z 0-9 -.`);
  }
  const { timestampKey, register } = options;
  if (timestampKey !== undefined && (register || !/^[0-9a-f]{64}$/.test(timestampKey))) {
    throw new CommandError(
      "usage",
      "--timestamp-key wants the 32 bytes of an Ed25519 public key in hex, and --no-register with it.",
    );
  }
  const session = await openSession(options);
  const { folder, api } = session;
  const state: z.infer<typeof repositoryState> =
    timestampKey === undefined
      ? await api.ask("GET", "/api/v1/firmware/repository", repositoryState)
      : { timestampKey, roles: [] };
  const isThere = state.roles.some(({ role }) => role === "root");
  const known = await folder.known("root");
  if (isThere && known === null) {
    throw new CommandError(
      "keys",
      `The service has a root already, and --keys ${folder.dir} knows none: name the folder that it was made in.`,
    );
  }
  const knownTargets = await folder.known("targets");
  if (!isThere && knownTargets !== null) return registerFirst(session, options, knownTargets);
  if (isThere) await addFamilies(session, models);
  else await begin(session, options, models, known, state.timestampKey);
}

const firstUpload = z.object({
  root: z.string(),
  targets: z.string(),
  families: z.record(z.string(), z.string()),
  snapshot: z.string(),
});
const firstName = "first-root.json";

/** The keys were made with --no-register, and nobody has told the service yet. */
async function registerFirst(session: Session, options: KeygenOptions, targets: string): Promise<void> {
  const { folder, api, speaker } = session;
  const text = await folder.read(firstName);
  const first = text === null ? null : firstUpload.parse(JSON.parse(text));
  if (first === null || first.targets !== targets) {
    throw new CommandError(
      "keys",
      `--keys ${folder.dir} belongs to a repository that this service does not have: name a new folder.`,
    );
  }
  if (options.dryRun || !options.register) {
    speaker.say(`Would register the first root of ${folder.dir} at ${api.base}.`);
    speaker.result({ dryRun: true, keys: [] }, []);
    return;
  }
  await api.ask("POST", "/api/v1/firmware/repository/root", movedRoles, first);
  await onTop(session, async () => {});
  await finish(session, Object.keys(first.families), [], first.root, true);
}

async function begin(
  session: Session,
  options: KeygenOptions,
  models: readonly string[],
  known: string | null,
  timestamp: string,
): Promise<void> {
  const { folder, api, speaker } = session;
  const names = [...rootNames, "targets", "snapshot", ...models.map(familyRole)];
  if (options.dryRun) {
    speaker.say(
      `Would make the keys ${names.join(", ")} in ${folder.dir}, and register the first root at ${api.base}.`,
    );
    speaker.result({ dryRun: true, keys: names }, []);
    return;
  }
  const keys = new Map<string, RoleKey>();
  for (const name of names) keys.set(name, await folder.findOrMake(name));
  const keyOf = (name: string): RoleKey => keys.get(name) ?? unmade(name);
  const root = known ?? firstRoot(keyOf, timestamp);
  const online = delegation(parseRoot(root).metadata, "timestamp")?.keys ?? [];
  if (!online.some((key) => key.equals(tufKeyOfHex(timestamp)))) {
    throw new CommandError("keys", `--keys ${folder.dir} was made for another service: name a new folder.`);
  }
  // Before it is sent: a root that the service has and the team has lost would be the end of this repository.
  await folder.remember("root", root);
  const families = models.map((model) => ({
    model,
    keys: [keyOf(familyRole(model)).key],
    text: nextFamily({ model, current: null, ...signing(keyOf(familyRole(model))) }),
  }));
  const targets = nextTargets({ current: null, families, ...signing(keyOf("targets")) });
  const moved = { targets, ...Object.fromEntries(families.map(({ model, text }) => [familyRole(model), text])) };
  const snapshot = nextSnapshot({ current: null, moved, ...signing(keyOf("snapshot")) });
  const first = {
    root,
    targets: targets.content,
    families: Object.fromEntries(families.map(({ model, text }) => [model, text.content])),
    snapshot: snapshot.content,
  };
  if (options.register) {
    await api.ask("POST", "/api/v1/firmware/repository/root", movedRoles, first);
    await onTop(session, async () => {});
  } else {
    await folder.publish(firstName, JSON.stringify(first));
    // So that releases can be signed before it is registered.
    await folder.remember("snapshot", first.snapshot);
    for (const [model, content] of Object.entries(first.families)) await folder.remember(familyRole(model), content);
    await folder.remember("targets", first.targets);
  }
  speaker.say("These keys stay with the team, and never go to a server:");
  for (const name of names) speaker.say(`  ${folder.path(name)}   ${purpose(name)}`);
  speaker.say("Move each root key to a medium of its own in another safe, and targets.key to a safe as well.");
  await finish(session, models, names, root, options.register);
}

const unmade = (name: string): never => {
  throw new TypeError(`no key ${name}`);
};

const purpose = (name: string): string => {
  if (name.startsWith("root-")) return "two of the three change keys";
  if (name === "targets") return "says which key signs for which model; for refresh and new models";
  if (name === "snapshot") return "signs every publication, on the machine that publishes";
  return "signs this model's releases";
};

function firstRoot(keyOf: (name: string) => RoleKey, timestamp: string): string {
  const own = rootNames.map(keyOf);
  const keys = {
    root: own.map(({ key }) => key),
    targets: [keyOf("targets").key],
    snapshot: [keyOf("snapshot").key],
    timestamp: [tufKeyOfHex(timestamp)],
  };
  return newRoot(keys, { version: 1, expiresAtMs: systemClock.nowMs() + rootLifeMs }, own);
}

/** Models that come later: the top-level targets are signed again with them. */
async function addFamilies(session: Session, models: readonly string[]): Promise<void> {
  const { options, folder, api, speaker } = session;
  const made = await onTop(session, async ({ root, targets, snapshot }) => {
    const there = familiesOf(targets.content).map(({ model }) => model);
    const fresh = models.filter((model) => !there.includes(model));
    if (fresh.length === 0) return [];
    const targetsKey = await folder.needFor("targets", delegation(root.metadata, "targets")?.keys ?? []);
    const snapshotKey = await folder.needFor("snapshot", delegation(root.metadata, "snapshot")?.keys ?? []);
    if (options.dryRun) return fresh;
    const families = [];
    for (const model of fresh) {
      const key = await folder.findOrMake(familyRole(model));
      families.push({ model, keys: [key.key], text: nextFamily({ model, current: null, ...signing(key) }) });
    }
    const next = nextTargets({ current: targets.content, families, ...signing(targetsKey) });
    const moved = {
      targets: next,
      ...Object.fromEntries(families.map(({ model, text }) => [familyRole(model), text])),
    };
    const named = nextSnapshot({ current: snapshot.content, moved, ...signing(snapshotKey) });
    await api.ask("POST", "/api/v1/firmware/repository/metadata", movedRoles, {
      targets: next.content,
      families: Object.fromEntries(families.map(({ model, text }) => [model, text.content])),
      snapshot: named.content,
    });
    return fresh;
  });
  const names = made.map(familyRole);
  if (options.dryRun) {
    speaker.say(
      names.length === 0 ? "Would change nothing." : `Would make ${names.join(", ")} and sign targets again.`,
    );
    speaker.result({ dryRun: true, keys: names }, []);
    return;
  }
  for (const name of names) speaker.say(`  ${folder.path(name)}   ${purpose(name)}`);
  if (names.length === 0) speaker.say("Every model that was named has its key already.");
  await finish(session, models, names, (await folder.known("root")) ?? "", true);
}

/** Writes what a factory needs, and says so. */
async function finish(
  session: Session,
  models: readonly string[],
  names: readonly string[],
  root: string,
  registered: boolean,
): Promise<void> {
  const { options, folder, api, speaker } = session;
  const rootFile = await folder.publish("root.json", root);
  const jwks = await directorOf(session, registered);
  const directorJwks = jwks === null ? null : await folder.publish("director.jwks", jwks);
  const files = [rootFile, ...(directorJwks === null ? [] : [directorJwks])];
  speaker.say(`Appliances are made with ${files.join(" and ")}.`);
  const about = `--model ${models[0] ?? "MODEL"} --version 1.0.0 --counter 1 --hardware REVISION --image FILE`;
  const upload = `${folder.dir}/${firstName}`;
  speaker.result(
    {
      keys: folder.dir,
      made: names.map((name) => folder.path(name)),
      root: rootFile,
      directorJwks,
      models,
      registered,
    },
    files,
    registered
      ? `npm run release -- sign ${about}${sameOptions({ ...options, api: defaultApi })}`
      : `an admin registers it: curl -H "authorization: Bearer $HEARTH_KEY" -H "content-type: application/json" --data @${upload} ${api.base}/api/v1/firmware/repository/root`,
  );
}

/** The director's public key; null where nobody can be asked, and the root is registered by another. */
async function directorOf({ api }: Session, isNeeded: boolean): Promise<string | null> {
  try {
    return await api.file("/api/v1/firmware/director.jwks");
  } catch (error) {
    if (!isNeeded && error instanceof CommandError && error.code === "unreachable") return null;
    throw error;
  }
}
