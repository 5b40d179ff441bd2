import type { TargetFile } from "@tufjs/models";
import { familyRole, timestampLifeMs } from "#protocol/update.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import {
  type AcceptedFile,
  type AcceptedUpload,
  checkFamilyAlone,
  checkUpload,
  type MetadataTexts,
  type RefusedMetadata,
} from "./core/repository-check.ts";
import { repositoryProblems, type RoleState } from "./core/repository-problems.ts";
import { newTimestamp } from "./core/tuf-build.ts";
import type { RoleKey } from "./core/tuf-keys.ts";
import { delegation, parseRoot, parseTargets } from "./core/tuf-parse.ts";
import * as store from "./repository-store.ts";

/** A timestamp is signed anew after this long: an appliance that comes once a day always finds a fresh one. */
const timestampEveryMs = 3_600_000;

/** Metadata that a person sends, by what it is. */
export interface MetadataUpload {
  root?: string | undefined;
  targets?: string | undefined;
  snapshot?: string | undefined;
  /** By model. */
  families?: Record<string, string> | undefined;
}

export interface RepositoryRole extends RoleState {
  /** Ids of the keys that may sign it, and how many must. */
  keyIds: string[];
  threshold: number;
}

export interface RepositoryState {
  roles: RepositoryRole[];
  /** The raw bytes in hex of the key with which this installation signs timestamps: root must name it. */
  timestampKey: string;
  problems: string[];
}

export interface RepositoryDeps {
  db: Db;
  clock: Clock;
  audit: Audit;
  timestampKey: RoleKey;
}

const byRole = (upload: MetadataUpload): Map<string, string> => {
  const top = Object.entries({ root: upload.root, targets: upload.targets, snapshot: upload.snapshot });
  const families = Object.entries(upload.families ?? {}).map(([model, text]) => [`fw-${model}`, text] as const);
  return new Map([...top, ...families].flatMap(([role, text]) => (text === undefined ? [] : [[role, text] as const])));
};

/** The signed repository: takes metadata that an appliance would take, hands it out, and keeps its timestamp fresh. */
export class Repository {
  readonly #deps: RepositoryDeps;
  /** As it was when it last moved here, or when the last tick looked. */
  #roles: RoleState[] = [];
  #signsTimestamps = true;

  constructor(deps: RepositoryDeps) {
    this.#deps = deps;
  }

  /** Looks at what is stored, for `problems`. */
  async load(): Promise<void> {
    this.#remember(await store.newestFiles(this.#deps.db));
  }

  /**
   * Takes metadata in, in the caller's transaction: all of it or nothing.
   *
   * @param check what the caller asks of it beside what an appliance would; sees the images that each family signs
   */
  async apply<Rule extends string>(
    tx: Db,
    by: Principal,
    upload: MetadataUpload,
    check: (
      accepted: AcceptedUpload,
      current: MetadataTexts,
    ) => Promise<{ kind: "refused"; rule: Rule; detail: string } | null>,
  ): Promise<
    | { kind: "applied"; afterCommit: () => Promise<void> }
    | RefusedMetadata
    | { kind: "refused"; rule: Rule; detail: string }
  > {
    await store.lockRepository(tx);
    const nowMs = this.#deps.clock.nowMs();
    const files = await store.newestFiles(tx);
    const current = new Map(files.map(({ role, content }) => [role, content]));
    const outcome = checkUpload({
      current,
      upload: byRole(upload),
      nowMs,
      timestampKeyId: this.#deps.timestampKey.key.keyID,
      signTimestamp: (snapshot) => this.#signTimestamp(files, snapshot, nowMs),
    });
    if (outcome.kind === "refused") return outcome;
    const refusal = await check(outcome, current);
    if (refusal !== null) return refusal;
    await store.insertFiles(tx, outcome.files, nowMs);
    await this.#deps.audit.record(tx, {
      principal: by,
      action: "firmware_repository.moved",
      subject: "firmware_repository",
      before: versionsOf(files),
      after: { ...versionsOf(files), ...versionsOf(outcome.files), by: principalText(by) },
    });
    return { kind: "applied", afterCommit: () => this.load() };
  }

  #signTimestamp(
    files: readonly store.StoredFile[],
    snapshot: { version: number; content: string },
    nowMs: number,
  ): AcceptedFile {
    const version = (files.find(({ role }) => role === "timestamp")?.version ?? 0) + 1;
    // Whole seconds, as TUF writes them.
    const expiresAtMs = Math.floor((nowMs + timestampLifeMs) / 1_000) * 1_000;
    const content = newTimestamp(snapshot, { version, expiresAtMs }, [this.#deps.timestampKey]);
    return { role: "timestamp", version, content, expiresAtMs };
  }

  /** Signs the timestamp anew when it is an hour old. Several clouds may tick at once: one of them does it. */
  async tick(): Promise<void> {
    const { db, clock } = this.#deps;
    await transaction(db, async (tx) => {
      await store.lockRepository(tx);
      const files = await store.newestFiles(tx);
      this.#remember(files);
      const nowMs = clock.nowMs();
      const snapshot = files.find(({ role }) => role === "snapshot");
      const timestamp = files.find(({ role }) => role === "timestamp");
      const isDue = timestamp === undefined || timestamp.storedAtMs + timestampEveryMs <= nowMs;
      // What a key signs that the root does not know is nothing to hand out.
      if (snapshot === undefined || !isDue || !this.#signsTimestamps) return;
      const next = this.#signTimestamp(files, snapshot, nowMs);
      await store.insertFiles(tx, [next], nowMs);
      this.#remember([...files.filter(({ role }) => role !== "timestamp"), next]);
    });
  }

  #remember(files: readonly AcceptedFile[]): void {
    this.#roles = files.map(({ role, version, expiresAtMs }) => ({ role, version, expiresAtMs }));
    const root = files.find(({ role }) => role === "root");
    const found = root === undefined ? null : delegation(parseRoot(root.content).metadata, "timestamp");
    this.#signsTimestamps =
      root === undefined || found?.role.keyIDs.includes(this.#deps.timestampKey.key.keyID) === true;
  }

  /** What needs somebody's hand, from memory: whoever watches health is not kept waiting. */
  problems(): string[] {
    return repositoryProblems(this.#roles, this.#signsTimestamps, this.#deps.clock.nowMs());
  }

  /** Where each role stands, and who may sign for it. */
  async state(): Promise<RepositoryState> {
    const files = await store.newestFiles(this.#deps.db);
    const content = (wanted: string) => files.find(({ role }) => role === wanted)?.content;
    const [root, targets] = [content("root"), content("targets")];
    const roles = files.map(({ role, version, expiresAtMs }): RepositoryRole => {
      const isFamily = role.startsWith("fw-");
      const text = isFamily ? targets : root;
      const delegator = text === undefined ? null : isFamily ? parseTargets("targets", text) : parseRoot(text);
      const found = delegator === null ? null : delegation(delegator.metadata, role);
      return { role, version, expiresAtMs, keyIds: found?.role.keyIDs ?? [], threshold: found?.role.threshold ?? 0 };
    });
    return {
      roles,
      timestampKey: this.#deps.timestampKey.key.keyVal["public"] ?? "",
      problems: repositoryProblems(files, this.#signsTimestamps, this.#deps.clock.nowMs()),
    };
  }

  /** A file as appliances fetch it: `timestamp.json`, `{n}.root.json`, `{n}.fw-{model}.json`. */
  async file(name: string): Promise<{ content: string; isFinal: boolean } | null> {
    if (name === "timestamp.json") {
      const found = await store.findFile(this.#deps.db, "timestamp", null);
      return found === null ? null : { content: found.content, isFinal: false };
    }
    const match = /^([1-9][0-9]{0,8})\.([a-z0-9-]{1,70})\.json$/.exec(name);
    const [, version, role] = match ?? [];
    if (version === undefined || role === undefined || role === "timestamp") return null;
    const found = await store.findFile(this.#deps.db, role, Number(version));
    return found === null ? null : { content: found.content, isFinal: true };
  }

  /** What a family has signed, checked before there is a snapshot that names it. */
  async checkFamily(db: Db, model: string, content: string): Promise<ReturnType<typeof checkFamilyAlone>> {
    const current = new Map((await store.newestFiles(db)).map((file) => [file.role, file.content]));
    return checkFamilyAlone({ current, model, content, nowMs: this.#deps.clock.nowMs() });
  }

  /** The images that a family signs now. */
  async familyTargets(db: Db, model: string): Promise<Readonly<Record<string, TargetFile>>> {
    const role = familyRole(model);
    const file = await store.findFile(db, role, null);
    return file === null ? {} : parseTargets(role, file.content).metadata.signed.targets;
  }
}

const versionsOf = (files: readonly AcceptedFile[]): Record<string, number> =>
  Object.fromEntries(files.map(({ role, version }) => [role, version]));
