/** A signed repository with two families, on which tests try what must be refused. */
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { Metadata, Targets } from "@tufjs/models";
import { sql } from "kysely";
import { type RoleKey, signer } from "../../cloud/firmware/core/tuf-keys.ts";
import type { VersionedText } from "../../cloud/firmware/core/tuf-next.ts";
import { hobModel, Kitchen } from "./kitchen.ts";
import type { ReleaseKit, ReleaseOver, ReleaseView, Sent } from "./release-kit.ts";

export const signing = (release: ReleaseView): string => `releases/${release.id}/sign`;
export const publishing = (release: ReleaseView): string => `releases/${release.id}/publish`;

export class RepositoryStage {
  readonly kitchen: Kitchen;
  readonly kit: ReleaseKit;

  private constructor(kitchen: Kitchen, kit: ReleaseKit) {
    this.kitchen = kitchen;
    this.kit = kit;
  }

  /** With the families `oven` and `hob`, and one published release of the first. */
  static async open(): Promise<RepositoryStage> {
    const kitchen = await Kitchen.open();
    await kitchen.as("admin", "PUT", "/models/hob", hobModel);
    const kit = await kitchen.releaseKit("oven", "hob");
    await kit.publish(randomBytes(500));
    return new RepositoryStage(kitchen, kit);
  }

  readonly nowMs = (): number => this.kitchen.clock.nowMs();

  readonly post = (path: string, body: object): Promise<Sent> =>
    this.kitchen.send("admin", "POST", `/api/v1/firmware/${path}`, body);

  /** Everything that could be left behind: metadata, releases, images. */
  async #traces(): Promise<unknown> {
    const { db } = this.kitchen.base;
    const { rows: metadata } = await sql`SELECT role, version, content FROM repository_file ORDER BY 1, 2`.execute(db);
    const { rows: releases } = await sql`SELECT * FROM firmware_release ORDER BY id`.execute(db);
    const files = await readdir(join(this.kitchen.artifactsDir, "firmware"), { recursive: true });
    return { metadata, releases, files: files.toSorted() };
  }

  /** Sends what must be refused. Returns the code of the refusal, as long as it has left nothing behind. */
  readonly refused = async (path: string, body: object): Promise<string> => {
    const before = await this.#traces();
    const answer = await this.post(path, body);
    if (answer.status < 400) return "taken";
    return isDeepStrictEqual(await this.#traces(), before) ? (answer.body.code as string) : "left something behind";
  };

  /** A draft that could be published, with what would publish it. */
  readonly ready = async (over: ReleaseOver = {}): Promise<{ release: ReleaseView; family: VersionedText }> => {
    const release = await this.kit.draft(randomBytes(800), over);
    return { release, family: await this.kit.familyWith(release) };
  };

  /** As `ready`, and signed. */
  readonly signed = async (over: ReleaseOver = {}): Promise<{ release: ReleaseView; family: VersionedText }> => {
    const made = await this.ready(over);
    const { status } = await this.post(signing(made.release), { family: made.family.content });
    if (status !== 200) throw new Error(`it was not signed: ${status}`);
    return made;
  };

  readonly drop = (release: ReleaseView) => this.kitchen.as("admin", "DELETE", `/firmware/releases/${release.id}`);
}

/** Metadata with some of its signed part exchanged, signed anew. */
export function altered(text: string, key: RoleKey, change: (targets: { [name: string]: unknown }) => void): string {
  const parsed = JSON.parse(text) as { signed: { [name: string]: unknown } };
  change(parsed.signed);
  const metadata = new Metadata(Targets.fromJSON(JSON.parse(JSON.stringify(parsed.signed))));
  metadata.sign(signer(key));
  return JSON.stringify(metadata.toJSON());
}
