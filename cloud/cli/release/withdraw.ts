/** `release withdraw`: a release is offered no more, and the signed metadata no longer names its image. */
import { familyRole } from "#protocol/update.ts";
import { nextFamily, nextSnapshot } from "../../firmware/core/tuf-next.ts";
import { delegation } from "../../firmware/core/tuf-parse.ts";
import { CommandError, type CommonOptions, confirm } from "./command.ts";
import { type KnownRelease, releaseShape, releasesOf } from "./publish.ts";
import { movedRoles, onTop, openSession, type Session, signing } from "./session.ts";
import type { TrustedCopy } from "./trusted-copy.ts";

export interface WithdrawOptions extends CommonOptions {
  model: string;
  reason: string;
}

export async function withdraw(options: WithdrawOptions, version: string): Promise<void> {
  const session = await openSession(options);
  const { api, speaker } = session;
  const { model, reason } = options;
  if (reason.trim() === "") throw new CommandError("usage", "--reason is empty: say why, for those who ask later.");
  // A version is given anew only after it was withdrawn, so the newest of them is the one that is meant.
  const release = (await releasesOf(session, model)).find(
    (one) => one.version === version && (one.state === "published" || one.state === "withdrawn"),
  );
  if (release === undefined) {
    throw new CommandError("usage", `No release of --model ${model} with version ${version} was published.`);
  }
  // Before anything moves: what is withdrawn and still signed is only half withdrawn.
  await onTop(session, async (copy) => keysFor(session, copy, model));
  if (options.dryRun) {
    speaker.say(`Would withdraw ${model} ${version} and sign ${familyRole(model)} without ${release.path}.`);
    speaker.result({ dryRun: true, id: release.id, model, version }, []);
    return;
  }
  await confirm(options, `${model} ${version} is withdrawn for ever; what waits for it is taken back.`);
  if (release.state === "published") {
    await api.ask("POST", `/api/v1/firmware/releases/${release.id}/withdraw`, releaseShape, { reason });
    speaker.say(`${model} ${version} is offered no more.`);
  }
  const versions = await onTop(session, async (copy) => signWithout(session, copy, model, release));
  speaker.say(
    versions === null ? "The signed metadata does not name it." : "The signed metadata no longer names its image.",
  );
  speaker.result(
    { id: release.id, model, version, ...versions },
    [release.id],
    `npm run release -- sign --model ${model}, with a higher --counter, for what takes its place`,
  );
}

async function keysFor({ folder }: Session, { root, targets }: TrustedCopy, model: string) {
  const role = familyRole(model);
  const family = await folder.needFor(role, delegation(targets.metadata, role)?.keys ?? []);
  const snapshot = await folder.needFor("snapshot", delegation(root.metadata, "snapshot")?.keys ?? []);
  return { family, snapshot };
}

async function signWithout(session: Session, copy: TrustedCopy, model: string, { path }: KnownRelease) {
  const role = familyRole(model);
  const current = copy.families.get(role);
  if (current === undefined || current.metadata.signed.targets[path] === undefined) return null;
  const keys = await keysFor(session, copy, model);
  const family = nextFamily({ model, current: current.content, remove: [path], ...signing(keys.family) });
  const moved = { [role]: family };
  const snapshot = nextSnapshot({ current: copy.snapshot.content, moved, ...signing(keys.snapshot) });
  await session.api.ask("POST", "/api/v1/firmware/repository/metadata", movedRoles, {
    families: { [model]: family.content },
    snapshot: snapshot.content,
  });
  return { [role]: family.version, snapshot: snapshot.version };
}
