/** `release rotate`: a new key in the place of one, so that whoever has the old one is locked out. */
import type { Key } from "@tufjs/models";
import { z } from "zod";
import { familyRole } from "#protocol/update.ts";
import { type RoleKey, tufKeyOfHex } from "../../firmware/core/tuf-keys.ts";
import { nextFamily, nextSnapshot, nextTargets } from "../../firmware/core/tuf-next.ts";
import { delegation } from "../../firmware/core/tuf-parse.ts";
import { CommandError, type CommonOptions, confirm } from "./command.ts";
import { rootNames } from "./key-folder.ts";
import { needRoots, nextRoot, type RootChange } from "./next-root.ts";
import { movedRoles, onTop, openSession, type Session, signing } from "./session.ts";
import type { TrustedCopy } from "./trusted-copy.ts";

export const rotated = ["root", "targets", "snapshot", "timestamp", "family"] as const;

export interface RotateOptions extends CommonOptions {
  /** Which of the root's keys; none: all of them. */
  replace: string[];
}

/** What a rotation sends, and where. */
interface Rotation {
  path: string;
  body: Record<string, unknown>;
}

export async function rotate(options: RotateOptions, role: string, model: string | undefined): Promise<void> {
  const what = rotated.find((one) => one === role);
  if (what === undefined) {
    throw new CommandError("usage", `ROLE is '${role}', but it wants one of ${rotated.join(", ")}.`);
  }
  if ((what === "family") !== (model !== undefined)) {
    throw new CommandError("usage", "MODEL goes with `rotate family`, and with nothing else: rotate family oven-x200.");
  }
  const names = namesOf(what, model, options.replace);
  const session = await openSession(options);
  const { folder, speaker } = session;
  if (options.dryRun) {
    await onTop(session, async (copy) => check(session, copy, what));
    speaker.say(`Would ${names.length === 0 ? "sign root for the service's key" : `make a new ${names.join(", ")}`}.`);
    speaker.result({ dryRun: true, role: what, keys: names }, []);
    return;
  }
  await confirm(options, `Rotates ${model ?? what}: the old key counts for nothing from then on.`);
  const settled = await onTop(session, async (copy) => folder.settle(keysOf(copy)));
  if (settled.length > 0 && names.every((name) => settled.includes(name))) {
    speaker.say(`An earlier rotation of ${settled.join(", ")} had been taken: the folder has it now as well.`);
  } else {
    await onTop(session, async (copy) => {
      await check(session, copy, what);
      const { path, body } = await rotation(session, copy, what, names);
      await session.api.ask("POST", path, movedRoles, body);
    });
    for (const name of names) await folder.takeNext(name);
  }
  const root = await folder.known("root");
  if (root !== null) await folder.publish("root.json", root);
  for (const name of names) speaker.say(`${folder.path(name)} is new; destroy ${name}.retired-* and its copies.`);
  if (what === "root") speaker.say(`Appliances follow by themselves; new ones are made with ${folder.dir}/root.json.`);
  speaker.result(
    { role: what, keys: names.map((name) => folder.path(name)) },
    names,
    "npm run release -- refresh --dry-run",
  );
}

function namesOf(what: (typeof rotated)[number], model: string | undefined, replace: readonly string[]): string[] {
  if (what !== "root" && replace.length > 0) {
    throw new CommandError("usage", "--replace names keys of root: use it with `rotate root`.");
  }
  switch (what) {
    case "root": {
      const unknown = replace.find((name) => !rootNames.some((one) => one === name));
      if (unknown !== undefined) {
        throw new CommandError("usage", `--replace is '${unknown}', but it wants one of ${rootNames.join(", ")}.`);
      }
      return replace.length === 0 ? [...rootNames] : [...new Set(replace)];
    }
    case "timestamp":
      return [];
    case "family":
      return [familyRole(model ?? "")];
    case "targets":
    case "snapshot":
      return [what];
  }
}

/** Every key that the repository knows now. */
const keysOf = ({ root, targets }: TrustedCopy): Key[] => [
  ...Object.values(root.metadata.signed.keys),
  ...Object.values(targets.metadata.signed.delegations?.keys ?? {}),
];

const roleKeys = ({ root }: TrustedCopy, name: string): Key[] => delegation(root.metadata, name)?.keys ?? [];

/** Refuses where a key that must sign is not here. */
async function check({ folder }: Session, copy: TrustedCopy, what: (typeof rotated)[number]): Promise<void> {
  if (what === "family") await folder.needFor("targets", roleKeys(copy, "targets"));
  else await needRoots(folder, copy.root);
  if (what === "targets" || what === "family") await folder.needFor("snapshot", roleKeys(copy, "snapshot"));
}

async function rotation(
  session: Session,
  copy: TrustedCopy,
  what: (typeof rotated)[number],
  names: readonly string[],
): Promise<Rotation> {
  const { folder } = session;
  switch (what) {
    case "root":
      return rootPath({ root: await nextRoot(folder, copy.root, await rootRotation(session, copy, names)) });
    case "timestamp": {
      const shape = z.object({ timestampKey: z.string() });
      const { timestampKey } = await session.api.ask("GET", "/api/v1/firmware/repository", shape);
      return rootPath({ root: await nextRoot(folder, copy.root, { timestamp: [tufKeyOfHex(timestampKey)] }) });
    }
    case "snapshot": {
      const key = await folder.next("snapshot");
      const snapshot = nextSnapshot({ current: copy.snapshot.content, moved: {}, ...signing(key) });
      const root = await nextRoot(folder, copy.root, { snapshot: [key.key] });
      return rootPath({ root, snapshot: snapshot.content });
    }
    case "targets": {
      const key = await folder.next("targets");
      const targets = nextTargets({ current: copy.targets.content, families: [], ...signing(key) });
      const root = await nextRoot(folder, copy.root, { targets: [key.key] });
      return rootPath({ root, targets: targets.content, snapshot: await snapshotOf(session, copy, { targets }) });
    }
    case "family":
      return rotateFamily(session, copy, names[0] ?? "");
  }
}

const rootPath = (body: Record<string, string>): Rotation => ({ path: "/api/v1/firmware/repository/root", body });

async function rotateFamily(session: Session, copy: TrustedCopy, role: string): Promise<Rotation> {
  const { folder } = session;
  const model = role.slice("fw-".length);
  const current = copy.families.get(role);
  if (current === undefined) {
    throw new CommandError("usage", `MODEL ${model} has no key yet: \`npm run release -- keygen --model ${model}\`.`);
  }
  const targetsKey = await folder.needFor("targets", roleKeys(copy, "targets"));
  const key = await folder.next(role);
  const families = [{ model, keys: [key.key] }];
  const targets = nextTargets({ current: copy.targets.content, families, ...signing(targetsKey) });
  const family = nextFamily({ model, current: current.content, ...signing(key) });
  const snapshot = await snapshotOf(session, copy, { targets, [role]: family });
  const body = { targets: targets.content, families: { [model]: family.content }, snapshot };
  return { path: "/api/v1/firmware/repository/metadata", body };
}

async function snapshotOf(
  { folder }: Session,
  copy: TrustedCopy,
  moved: Parameters<typeof nextSnapshot>[0]["moved"],
): Promise<string> {
  const key = await folder.needFor("snapshot", roleKeys(copy, "snapshot"));
  return nextSnapshot({ current: copy.snapshot.content, moved, ...signing(key) }).content;
}

/** The keys of the next root, and the new ones among them. */
async function rootRotation({ folder }: Session, copy: TrustedCopy, names: readonly string[]): Promise<RootChange> {
  const known = roleKeys(copy, "root");
  const here = await folder.roots(known);
  const gone = new Set(here.filter(({ name }) => names.includes(name)).map(({ key }) => key.key.keyID));
  const missing = known.filter(({ keyID }) => !here.some(({ key }) => key.key.keyID === keyID));
  const lost = names.filter((name) => !here.some((one) => one.name === name));
  // Of a key whose file is lost only the root itself still knows: it is clear which one goes where no other is away.
  if (lost.length > 0 && lost.length !== missing.length) {
    throw new CommandError(
      "keys",
      `--replace ${lost.join(",")} does not say which key goes, for ${missing.length} of the root's are not in ${folder.dir}: bring those that stay.`,
    );
  }
  if (lost.length > 0) for (const { keyID } of missing) gone.add(keyID);
  const added: RoleKey[] = [];
  for (const name of names) added.push(await folder.next(name));
  return { root: [...known.filter(({ keyID }) => !gone.has(keyID)), ...added.map(({ key }) => key)], added };
}
