import { type RawBuilder, sql } from "kysely";
import { affected, amongIds, type Db } from "../platform/database.ts";
import type { Choice, ConsentReceipt, ConsentText, Purpose, Spoken, Standing } from "./core/consent.ts";

interface TextRow {
  purpose: Purpose;
  party: string;
  party_name: string | null;
  locale: string;
  version: number;
  words: string;
  words_sha256: string;
  in_return: string;
  created_at_ms: number;
  created_by: string;
}

const toText = (row: TextRow): ConsentText => ({
  purpose: row.purpose,
  party: row.party === "" ? null : row.party,
  partyName: row.party_name,
  locale: row.locale,
  version: row.version,
  words: row.words,
  wordsSha256: row.words_sha256,
  inReturn: row.in_return,
  createdAtMs: row.created_at_ms,
  createdBy: row.created_by,
});

export interface ReceiptRow {
  sequence: number;
  id: string;
  household_id: string;
  purpose: Choice;
  party: string;
  decision: ConsentReceipt["decision"];
  text_locale: string | null;
  text_version: number | null;
  words: string | null;
  words_sha256: string | null;
  in_return: string | null;
  channel: string;
  evidence: string | null;
  at_ms: number;
  recorded_at_ms: number;
  by_principal: string;
  carried_from: string | null;
}

export const toReceipt = (row: ReceiptRow): ConsentReceipt => ({
  id: row.id,
  purpose: row.purpose,
  party: row.party === "" ? null : row.party,
  decision: row.decision,
  textLocale: row.text_locale,
  textVersion: row.text_version,
  words: row.words,
  wordsSha256: row.words_sha256,
  inReturn: row.in_return,
  channel: row.channel,
  evidence: row.evidence,
  atMs: row.at_ms,
  recordedAtMs: row.recorded_at_ms,
  by: row.by_principal,
  carriedFrom: row.carried_from,
});

/** A word as it was spoken then, and when it was entered. */
export const toSpoken = (row: ReceiptRow): Spoken => ({
  purpose: row.purpose,
  party: row.party,
  isGiven: row.decision === "given",
  atMs: row.at_ms,
  receiptId: row.id,
  isOwn: row.by_principal.startsWith("owner:"),
  recordedAtMs: row.recorded_at_ms,
});

/** A receipt as it is written. The words are named by their version, and are not written again. */
export type NewReceipt = Omit<ConsentReceipt, "words" | "party"> & { householdId: string; party: string };

interface StandingRow {
  household_id: string;
  purpose: Choice;
  party: string;
  is_given: boolean;
  at_ms: number;
  receipt_id: string;
}

const toStanding = (row: StandingRow): Standing => ({
  purpose: row.purpose,
  party: row.party,
  isGiven: row.is_given,
  atMs: row.at_ms,
  receiptId: row.receipt_id,
});

/** Everything that households agreed to: a table expression with `household_id`, `purpose` and `party`. */
export const consentFacts: RawBuilder<unknown> = sql`(
  SELECT household_id, purpose, party FROM consent_standing WHERE is_given)`;

/** The consent slice's SQL, and the only code that touches its tables. */
export class ConsentStore {
  /** The newest version of each text. */
  async texts(db: Db): Promise<ConsentText[]> {
    const { rows } = await sql<TextRow>`
      SELECT DISTINCT ON (t.purpose, t.party, t.locale) t.*, p.name AS party_name
      FROM consent_text t LEFT JOIN consent_party p ON p.key = t.party
      ORDER BY t.purpose, t.party, t.locale, t.version DESC`.execute(db);
    return rows.map(toText);
  }

  async versions(
    db: Db,
    { purpose, party, locale }: { purpose: Purpose; party: string; locale: string },
    limit: number,
  ): Promise<ConsentText[]> {
    const { rows } = await sql<TextRow>`
      SELECT t.*, p.name AS party_name FROM consent_text t LEFT JOIN consent_party p ON p.key = t.party
      WHERE t.purpose = ${purpose} AND t.party = ${party} AND t.locale = ${locale}
      ORDER BY t.version DESC LIMIT ${limit}`.execute(db);
    return rows.map(toText);
  }

  /** Lets nobody else write words until the transaction ends, so that versions follow one another. */
  async lockTexts(tx: Db): Promise<void> {
    await sql`LOCK TABLE consent_text IN SHARE ROW EXCLUSIVE MODE`.execute(tx);
  }

  /** Names a party, or names it anew. @returns false where it has no name yet and none is given */
  async nameParty(tx: Db, key: string, name: string | undefined, atMs: number): Promise<boolean> {
    if (name !== undefined)
      await sql`
        INSERT INTO consent_party (key, name, created_at_ms) VALUES (${key}, ${name}, ${atMs})
        ON CONFLICT (key) DO UPDATE SET name = excluded.name`.execute(tx);
    const { rows } = await sql`SELECT 1 FROM consent_party WHERE key = ${key}`.execute(tx);
    return rows.length > 0;
  }

  async insertText(tx: Db, text: ConsentText): Promise<void> {
    const { purpose, party, locale, version, words, wordsSha256, inReturn, createdAtMs, createdBy } = text;
    await sql`
      INSERT INTO consent_text (purpose, party, locale, version, words, words_sha256, in_return, created_at_ms, created_by)
      VALUES (${purpose}, ${party ?? ""}, ${locale}, ${version}, ${words}, ${wordsSha256}, ${inReturn}, ${createdAtMs}, ${createdBy})`.execute(
      tx,
    );
  }

  async insertReceipts(tx: Db, receipts: readonly NewReceipt[]): Promise<void> {
    if (receipts.length === 0) return;
    await sql`
      INSERT INTO consent_receipt (id, household_id, purpose, party, decision, text_locale, text_version, words_sha256, in_return,
        channel, evidence, at_ms, recorded_at_ms, by_principal, carried_from)
      SELECT id, "householdId", purpose, party, decision, "textLocale", "textVersion", "wordsSha256", "inReturn", channel, evidence,
        "atMs", "recordedAtMs", by, "carriedFrom"
      FROM jsonb_to_recordset(${JSON.stringify(receipts)}::jsonb) AS r(
        id uuid, "householdId" uuid, purpose text, party text, decision text, "textLocale" text, "textVersion" int,
        "wordsSha256" text, "inReturn" text, channel text, evidence text, "atMs" bigint, "recordedAtMs" bigint, by text,
        "carriedFrom" uuid)`.execute(tx);
  }

  async putStandings(tx: Db, householdId: string, standings: readonly Standing[]): Promise<void> {
    if (standings.length === 0) return;
    await sql`
      INSERT INTO consent_standing (household_id, purpose, party, is_given, at_ms, receipt_id)
      SELECT ${householdId}, purpose, party, "isGiven", "atMs", "receiptId"
      FROM jsonb_to_recordset(${JSON.stringify(standings)}::jsonb) AS s(
        purpose text, party text, "isGiven" boolean, "atMs" bigint, "receiptId" uuid)
      ON CONFLICT (household_id, purpose, party) DO UPDATE
        SET is_given = excluded.is_given, at_ms = excluded.at_ms, receipt_id = excluded.receipt_id`.execute(tx);
  }

  async removeStandings(tx: Db, householdId: string, standings: readonly Standing[]): Promise<void> {
    if (standings.length === 0) return;
    await sql`
      DELETE FROM consent_standing s USING jsonb_to_recordset(${JSON.stringify(standings)}::jsonb) AS gone(purpose text, party text)
      WHERE s.household_id = ${householdId} AND s.purpose = gone.purpose AND s.party = gone.party`.execute(tx);
  }

  async standings(db: Db, householdId: string): Promise<Standing[]> {
    const { rows } = await sql<StandingRow>`
      SELECT * FROM consent_standing WHERE household_id = ${householdId} ORDER BY purpose, party`.execute(db);
    return rows.map(toStanding);
  }

  /** What each of these households agreed to, `run` left out. */
  async given(
    db: Db,
    householdIds: readonly string[],
  ): Promise<{ householdId: string; purpose: Choice; party: string }[]> {
    if (householdIds.length === 0) return [];
    const { rows } = await sql<StandingRow>`
      SELECT household_id, purpose, party FROM consent_standing
      WHERE is_given AND household_id = ${amongIds(householdIds)}`.execute(db);
    return rows.map((row) => ({ householdId: row.household_id, purpose: row.purpose, party: row.party }));
  }

  /** Who said each receipt first: the household itself, or one that it was carried from. */
  async speakers(db: Db, receiptIds: readonly string[]): Promise<Map<string, string>> {
    const { rows } = await sql<{ id: string; household_id: string }>`
      SELECT r.id, coalesce(o.household_id, r.household_id) AS household_id
      FROM consent_receipt r LEFT JOIN consent_receipt o ON o.id = r.carried_from
      WHERE r.id = ANY(${[...receiptIds]}::uuid[])`.execute(db);
    return new Map(rows.map((row) => [row.id, row.household_id]));
  }

  /** Receipts of these households, newest first, below `beforeSequence` where given. */
  async receipts(db: Db, ids: readonly string[], beforeSequence: number | null, limit: number): Promise<ReceiptRow[]> {
    const { rows } = await sql<ReceiptRow>`
      SELECT r.*, t.words FROM consent_receipt r
      LEFT JOIN consent_text t ON t.purpose = r.purpose AND t.party = r.party AND t.locale = r.text_locale AND t.version = r.text_version
      WHERE r.household_id = ANY(${[...ids]}::uuid[]) AND (${beforeSequence}::bigint IS NULL OR r.sequence < ${beforeSequence})
      ORDER BY r.sequence DESC LIMIT ${limit}`.execute(db);
    return rows;
  }

  async receiptsById(db: Db, ids: readonly string[]): Promise<ReceiptRow[]> {
    const { rows } = await sql<ReceiptRow>`
      SELECT r.*, NULL AS words FROM consent_receipt r WHERE r.id = ANY(${[...ids]}::uuid[])`.execute(db);
    return rows;
  }

  async receiptsBefore(db: Db, ids: readonly string[], beforeMs: number, limit: number): Promise<ReceiptRow[]> {
    const { rows } = await sql<ReceiptRow>`
      SELECT r.*, NULL AS words FROM consent_receipt r
      WHERE r.household_id = ANY(${[...ids]}::uuid[]) AND r.at_ms < ${beforeMs}
      ORDER BY r.at_ms DESC, r.sequence DESC LIMIT ${limit}`.execute(db);
    return rows;
  }

  /** Erases what a household agreed to. @returns how many receipts there were */
  async erase(tx: Db, householdId: string): Promise<number> {
    await sql`SELECT set_config('hearth.erasing', ${householdId}, true)`.execute(tx);
    await sql`DELETE FROM consent_standing WHERE household_id = ${householdId}`.execute(tx);
    const receipts = await affected(tx)`DELETE FROM consent_receipt WHERE household_id = ${householdId}`;
    await sql`SELECT set_config('hearth.erasing', '', true)`.execute(tx);
    return receipts;
  }
}
