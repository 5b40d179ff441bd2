import { sql } from "kysely";
import { type Overtaken, changedMeanwhile } from "../platform/based-on.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import { type Audit, type Principal, principalText } from "../staff/staff.ts";
import { type DefinitionVersion, lifecycleDefinition, type LifecycleDefinition } from "./core/definition.ts";

interface DefinitionRow {
  version: number;
  definition: unknown;
  in_force_from_ms: number;
  created_by: string;
}

/** The definition of the stages, in all its versions: kept in memory, changed by the API. */
export class Definitions {
  readonly #deps: { db: Db; clock: Clock; audit: Audit };
  #versions: DefinitionVersion[] = [];

  constructor(deps: { db: Db; clock: Clock; audit: Audit }) {
    this.#deps = deps;
  }

  async load(): Promise<void> {
    this.#versions = await this.#all(this.#deps.db);
  }

  /** The oldest first. */
  get versions(): readonly DefinitionVersion[] {
    return this.#versions;
  }

  get inForce(): DefinitionVersion {
    const newest = this.#versions.at(-1);
    if (newest === undefined) throw new Error("the definition of the stages was not loaded");
    return newest;
  }

  /**
   * Puts the next version in force from now on: what was before stays as it was judged then.
   *
   * @param basedOn the version that was changed; another one in force refuses it
   */
  async change(
    by: Principal,
    basedOn: number,
    definition: LifecycleDefinition,
  ): Promise<DefinitionVersion | Overtaken> {
    const { db, clock, audit } = this.#deps;
    const made = await transaction(db, async (tx) => {
      await sql`LOCK TABLE lifecycle_definition IN SHARE ROW EXCLUSIVE MODE`.execute(tx);
      const before = (await this.#all(tx)).at(-1);
      if (before === undefined) throw new Error("there is no definition of the stages");
      const { version, inForceFromMs: atMs, createdBy } = before;
      const other = changedMeanwhile(basedOn, { version, atMs, by: createdBy });
      if (other !== null) return other;
      // Each version is in force for a moment at least, so that their order is that of their times.
      const inForceFromMs = Math.max(clock.nowMs(), before.inForceFromMs + 1);
      const after = { version: basedOn + 1, definition, inForceFromMs, createdBy: principalText(by) };
      await sql`INSERT INTO lifecycle_definition (version, definition, in_force_from_ms, created_by)
        VALUES (${after.version}, ${JSON.stringify(definition)}::jsonb, ${inForceFromMs}, ${after.createdBy})`.execute(
        tx,
      );
      await audit.record(tx, {
        principal: by,
        action: "lifecycle_definition.changed",
        subject: "lifecycle_definition",
        before: before.definition,
        after: definition,
      });
      return after;
    });
    if (!("kind" in made)) await this.load();
    return made;
  }

  async #all(db: Db): Promise<DefinitionVersion[]> {
    const { rows } = await sql<DefinitionRow>`SELECT * FROM lifecycle_definition ORDER BY version`.execute(db);
    return rows.map((row) => ({
      version: row.version,
      definition: lifecycleDefinition.parse(row.definition),
      inForceFromMs: row.in_force_from_ms,
      createdBy: row.created_by,
    }));
  }
}
