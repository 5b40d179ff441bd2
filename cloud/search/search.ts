import { sql } from "kysely";
import { type Db, inStatementTime } from "../platform/database.ts";
import type { Logger } from "../platform/logger.ts";
import { type Found, type SearchScope, searchRanks, searchTerm } from "../platform/search-term.ts";
import type { Permission, Principal } from "../staff/staff.ts";

export { searchProblems } from "./errors.ts";

/** Where one kind of thing is looked for, and what somebody must be allowed who is told of it. */
export interface SearchSource {
  kind: Found["kind"];
  permission: Permission;
  find: (db: Db, scope: SearchScope) => Promise<Found[]>;
}

export interface SearchLimits {
  /** How long the search for one kind may take in the database. */
  statementMsMax: number;
  atOnceMax: number;
}

export const searchLimits: SearchLimits = { statementMsMax: 300, atOnceMax: 8 };

interface SearchDeps {
  db: Db;
  logger: Logger;
  /** In the order in which equally good finds are told. */
  sources: readonly SearchSource[];
  allowed: (principal: Principal, permission: Permission) => boolean;
  limits?: Partial<SearchLimits>;
}

export interface SearchAnswer {
  items: Found[];
  /** Kinds that took too long: they may hold more. */
  incomplete: Found["kind"][];
  /** Whether parts of words were looked for, or, for want of an index, beginnings and ends alone. */
  parts: boolean;
}

/** Finds appliances, people and cases by what somebody has in hand. */
export class Search {
  readonly #deps: SearchDeps;
  readonly #limits: SearchLimits;
  #parts = false;
  #underWay = 0;

  constructor(deps: SearchDeps) {
    this.#deps = deps;
    this.#limits = { ...searchLimits, ...deps.limits };
  }

  get sources(): readonly SearchSource[] {
    return this.#deps.sources;
  }

  /** Makes the indexes over parts of words where that can be done. */
  async load(): Promise<void> {
    const { rows } = await sql<{ made: boolean }>`SELECT make_part_indexes() AS made`.execute(this.#deps.db);
    this.#parts = rows[0]?.made === true;
    if (!this.#parts)
      this.#deps.logger.warn(
        { event: "search.no_parts" },
        "pg_trgm cannot be had in this database: search finds by beginnings and ends alone",
      );
  }

  /** The best finds of all kinds that the principal may read, best first. */
  async find(
    principal: Principal,
    typed: string,
    limit: number,
  ): Promise<({ kind: "found" } & SearchAnswer) | { kind: "refused"; rule: "search_too_short" | "search_busy" }> {
    const term = searchTerm(typed);
    if (term === null) return { kind: "refused", rule: "search_too_short" };
    if (this.#underWay >= this.#limits.atOnceMax) return { kind: "refused", rule: "search_busy" };
    this.#underWay += 1;
    try {
      return { kind: "found", ...(await this.#ask(principal, { term, limit, parts: this.#parts })) };
    } finally {
      this.#underWay -= 1;
    }
  }

  async #ask(principal: Principal, scope: SearchScope): Promise<SearchAnswer> {
    const { db, sources, allowed } = this.#deps;
    const found: Found[] = [];
    const incomplete: Found["kind"][] = [];
    const left = sources.filter(({ permission }) => allowed(principal, permission));
    while (left.length > 0) {
      // One after the other, so that a search takes one connection whatever it looks through, and in one transaction while all goes well.
      const done = await inStatementTime(db, this.#limits.statementMsMax, async (tx) => {
        for (let source = left[0]; source !== undefined; source = left[0]) {
          found.push(...(await source.find(tx, scope)));
          left.shift();
        }
        return true;
      });
      const late = done === null ? left.shift() : undefined;
      if (late !== undefined) incomplete.push(late.kind);
    }
    // The sort is stable: within a rank the order is that of the sources, and within those their own.
    const items = found.toSorted((a, b) => searchRanks.indexOf(a.rank) - searchRanks.indexOf(b.rank));
    return { items: items.slice(0, scope.limit), incomplete, parts: scope.parts };
  }
}
