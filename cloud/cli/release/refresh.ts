/** `release refresh`: later expiries for what is signed offline, and no new release. */
import type { Key, Targets } from "@tufjs/models";
import { familyRole } from "#protocol/update.ts";
import { nextFamily, nextSnapshot, nextTargets, type VersionedText } from "../../firmware/core/tuf-next.ts";
import type { RoleKey } from "../../firmware/core/tuf-keys.ts";
import { delegation, type Parsed } from "../../firmware/core/tuf-parse.ts";
import { systemClock } from "../../platform/clock.ts";
import { CommandError, type CommonOptions } from "./command.ts";
import { nextRoot } from "./next-root.ts";
import { movedRoles, onTop, openSession, type Session, signing } from "./session.ts";
import type { TrustedCopy } from "./trusted-copy.ts";

export interface RefreshOptions extends CommonOptions {
  /** Only what expires within so many days. */
  within?: string;
  root: boolean;
}

const dayMs = 86_400_000;

/** Whether something is near enough to its expiry to be signed again. */
function dueWithin(within: string | undefined): (expiresAtMs: number) => boolean {
  if (within === undefined) return () => true;
  const days = Number(within);
  if (!(days > 0)) throw new CommandError("usage", `--within is '${within}', but it wants a number of days.`);
  const untilMs = systemClock.nowMs() + days * dayMs;
  return (expiresAtMs) => expiresAtMs < untilMs;
}

export async function refresh(options: RefreshOptions): Promise<void> {
  const isDue = dueWithin(options.within);
  const session = await openSession(options);
  const { speaker } = session;
  const { signed, left } = await onTop(session, (copy) => signAll(session, copy, { isDue, root: options.root }));
  for (const role of left) speaker.say(`${role} stays as it was: its key is not in ${options.keys}.`);
  if (options.dryRun) {
    const names = signed.map(({ role }) => role).join(", ");
    speaker.say(names === "" ? "Nothing is due." : `Would sign ${names} again.`);
    speaker.result({ dryRun: true, signed: signed.map(({ role }) => role), left }, []);
    return;
  }
  if (signed.length === 0) speaker.say("Nothing is due.");
  const lines = signed.map(
    ({ role, version, expiresAtMs }) => `${role} ${version} ${new Date(expiresAtMs ?? 0).toISOString().slice(0, 10)}`,
  );
  const next =
    left.length === 0 ? undefined : `bring the keys of ${left.join(", ")}, and run npm run release -- refresh again`;
  speaker.result({ signed, left }, lines, next);
}

interface Refreshed {
  signed: { role: string; version: number; expiresAtMs: number | null }[];
  /** Roles whose keys are kept elsewhere. */
  left: string[];
}

interface Wanted {
  isDue: (expiresAtMs: number) => boolean;
  root: boolean;
}

async function signAll(session: Session, copy: TrustedCopy, { isDue, root: withRoot }: Wanted): Promise<Refreshed> {
  const { folder, api, options } = session;
  const { root, targets, snapshot } = copy;
  const moved = new Map<string, VersionedText>();
  const left: string[] = [];
  const signIf = async (now: Parsed<Targets>, known: readonly Key[], make: (key: RoleKey) => VersionedText) => {
    if (!isDue(now.expiresAtMs)) return;
    const isHere = (await folder.find(now.role)) !== null;
    if (isHere) moved.set(now.role, make(await folder.needFor(now.role, known)));
    else left.push(now.role);
  };
  await signIf(targets, keysOf(root, "targets"), (key) =>
    nextTargets({ current: targets.content, families: [], ...signing(key) }),
  );
  for (const [role, family] of copy.families) {
    const model = role.slice(familyRole("").length);
    const keys = delegation(targets.metadata, role)?.keys ?? [];
    await signIf(family, keys, (key) => nextFamily({ model, current: family.content, ...signing(key) }));
  }
  const newRootText = withRoot && isDue(root.expiresAtMs) ? await nextRoot(folder, root, {}) : undefined;
  const roles = [...moved].map(([role, { version }]) => ({ role, version }));
  if (newRootText !== undefined) roles.unshift({ role: "root", version: root.version + 1 });
  if (roles.length === 0 && !isDue(snapshot.expiresAtMs)) return { signed: [], left };
  const snapshotKey = await folder.needFor("snapshot", keysOf(root, "snapshot"));
  const named = nextSnapshot({ current: snapshot.content, moved: Object.fromEntries(moved), ...signing(snapshotKey) });
  roles.push({ role: "snapshot", version: named.version });
  if (options.dryRun) return { signed: roles.map((one) => ({ ...one, expiresAtMs: null })), left };
  const families = [...moved].filter(([role]) => role !== "targets");
  const path = `/api/v1/firmware/repository/${newRootText === undefined ? "metadata" : "root"}`;
  const answer = await api.ask("POST", path, movedRoles, {
    root: newRootText,
    targets: moved.get("targets")?.content,
    families: Object.fromEntries(families.map(([role, { content }]) => [role.slice(familyRole("").length), content])),
    snapshot: named.content,
  });
  const expiry = (role: string) => answer.roles.find((one) => one.role === role)?.expiresAtMs ?? null;
  return { signed: roles.map((one) => ({ ...one, expiresAtMs: expiry(one.role) })), left };
}

const keysOf = (root: TrustedCopy["root"], role: string): Key[] => delegation(root.metadata, role)?.keys ?? [];
