import { type RawBuilder, sql } from "kysely";
import type { Db } from "../platform/database.ts";
import {
  beginsWith,
  bestRank,
  type Found,
  holds,
  hasLongPart,
  rankOf,
  type SearchScope,
} from "../platform/search-term.ts";

const placeOf = (householdId: string): string => `/households/${householdId}`;

/** Whether parts can be looked for: the index helps with one word at least, and the others are compared. */
const hasParts = ({ term, parts }: SearchScope): boolean => parts && hasLongPart(term.words);

/** Every word is in one of the columns. */
const everyWord = (words: readonly string[], columns: readonly RawBuilder<unknown>[]): RawBuilder<unknown> =>
  sql.join(
    words.map(
      (word) =>
        sql`(${sql.join(
          columns.map((column) => sql`${column} LIKE ${holds(word)}`),
          sql` OR `,
        )})`,
    ),
    sql` AND `,
  );

const once = <Row extends { id: string }>(rows: readonly Row[]): Row[] => [
  ...new Map(rows.map((row) => [row.id, row])).values(),
];

interface HouseholdRow {
  id: string;
  name: string;
  people: string | null;
}

/** Households by the beginning of their id, or by their name. */
export async function findHouseholds(db: Db, scope: SearchScope): Promise<Found[]> {
  const { term, limit } = scope;
  const byId = term.ids === null ? sql`false` : sql`id BETWEEN ${term.ids.from}::uuid AND ${term.ids.to}::uuid`;
  const byPart = hasParts(scope) ? everyWord(term.words, [sql`lower(name)`]) : sql`false`;
  const { rows } = await sql<HouseholdRow>`
    WITH found AS (
      (SELECT id, name FROM household WHERE ${byId} ORDER BY id LIMIT ${limit})
      UNION ALL
      (SELECT id, name FROM household WHERE lower(name) LIKE ${beginsWith(term.text)} ORDER BY lower(name) USING ~<~ LIMIT ${limit})
      UNION ALL
      (SELECT id, name FROM household WHERE ${byPart} LIMIT ${limit})
    )
    SELECT id, name, (SELECT string_agg(m.name, ', ' ORDER BY m.id) FROM household_member m WHERE m.household_id = found.id) AS people
    FROM found LIMIT ${limit * 3}`.execute(db);
  return once(rows).map(({ id, name, people }) => ({
    kind: "household",
    id,
    title: name,
    subtitle: people ?? "nobody yet",
    href: placeOf(id),
    rank: bestRank([rankOf(name, term.text), rankOf(id, term.text)]),
  }));
}

interface MemberRow {
  id: string;
  household_id: string;
  name: string;
  email: string | null;
  household: string;
}

/** Members of households by their name or e-mail address. */
export async function findMembers(db: Db, scope: SearchScope): Promise<Found[]> {
  const { term, limit } = scope;
  const byPart = hasParts(scope) ? everyWord(term.words, [sql`lower(name)`, sql`lower(email)`]) : sql`false`;
  const { rows } = await sql<MemberRow>`
    WITH found AS (
      (SELECT * FROM household_member WHERE lower(email) LIKE ${beginsWith(term.text)}
        ORDER BY lower(email) USING ~<~ LIMIT ${limit})
      UNION ALL
      (SELECT * FROM household_member WHERE lower(name) LIKE ${beginsWith(term.text)} ORDER BY lower(name) USING ~<~ LIMIT ${limit})
      UNION ALL
      (SELECT * FROM household_member WHERE ${byPart} LIMIT ${limit})
    )
    SELECT found.id, found.household_id, found.name, found.email, household.name AS household
    FROM found JOIN household ON household.id = found.household_id LIMIT ${limit * 3}`.execute(db);
  return once(rows).map(({ id, household_id, name, email, household }) => ({
    kind: "member",
    id,
    title: name,
    subtitle: email === null ? household : `${email} · ${household}`,
    href: placeOf(household_id),
    rank: bestRank([rankOf(name, term.text), ...(email === null ? [] : [rankOf(email, term.text)])]),
  }));
}
