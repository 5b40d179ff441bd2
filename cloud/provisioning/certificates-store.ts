import { sql } from "kysely";
import type { Db } from "../platform/database.ts";
import type { Revocation, RevocationReason } from "../pki/pki.ts";
import type { CertificateFacts } from "./core/enrolment.ts";

export interface Certificate {
  fingerprint: string;
  deviceId: string;
  serialNumber: string;
  notBeforeMs: number;
  notAfterMs: number;
  issuedAtMs: number;
  /** The batch whose claim credential it was asked for with; null where the device was in already. */
  batch: string | null;
  revokedAtMs: number | null;
  revokedReason: RevocationReason | null;
}

export interface NewCertificate extends Omit<Certificate, "revokedAtMs" | "revokedReason"> {
  keySha256: string;
  pem: string;
}

export interface CertificateFilter {
  deviceId: string | null;
  /** Ends before, and has not ended now. */
  expiringBeforeMs: number | null;
  revoked: boolean | null;
  /** End and fingerprint of the last one of the page before. */
  after: readonly [number, string] | null;
  limit: number;
}

const columns =
  sql.raw(`fingerprint, device_id AS "deviceId", serial_number AS "serialNumber", not_before_ms AS "notBeforeMs",
  not_after_ms AS "notAfterMs", issued_at_ms AS "issuedAtMs", batch, revoked_at_ms AS "revokedAtMs",
  revoked_reason AS "revokedReason"`);

/** More than one device comes by in its life; what is older decides nothing. */
const factsMax = 100;

/** SQL of the devices' certificates and keys. */
export class CertificatesStore {
  /** What an enrolment is decided on, the newest first. */
  async facts(db: Db, deviceId: string): Promise<CertificateFacts[]> {
    const { rows } = await sql<CertificateFacts>`
      SELECT fingerprint, key_sha256 AS "keySha256", pem, not_before_ms AS "notBeforeMs", not_after_ms AS "notAfterMs",
             revoked_at_ms IS NOT NULL AS "isRevoked"
      FROM device_certificate WHERE device_id = ${deviceId} ORDER BY issued_at_ms DESC LIMIT ${factsMax}`.execute(db);
    return rows;
  }

  /** The device whose key it is, or null. */
  async keyOwner(db: Db, keySha256: string): Promise<string | null> {
    const { rows } = await sql<{ device_id: string }>`
      SELECT device_id FROM device_public_key WHERE sha256 = ${keySha256}`.execute(db);
    return rows[0]?.device_id ?? null;
  }

  async insert(tx: Db, one: NewCertificate): Promise<void> {
    await sql`
      INSERT INTO device_public_key (sha256, device_id) VALUES (${one.keySha256}, ${one.deviceId})
      ON CONFLICT (sha256) DO NOTHING`.execute(tx);
    await sql`
      INSERT INTO device_certificate
        (fingerprint, device_id, serial_number, key_sha256, pem, not_before_ms, not_after_ms, issued_at_ms, batch)
      VALUES (${one.fingerprint}, ${one.deviceId}, ${one.serialNumber}, ${one.keySha256}, ${one.pem}, ${one.notBeforeMs},
              ${one.notAfterMs}, ${one.issuedAtMs}, ${one.batch})`.execute(tx);
  }

  async find(db: Db, fingerprint: string): Promise<Certificate | null> {
    const { rows } = await sql<Certificate>`
      SELECT ${columns} FROM device_certificate WHERE fingerprint = ${fingerprint}`.execute(db);
    return rows[0] ?? null;
  }

  /** In the order in which they end. */
  async page(db: Db, filter: CertificateFilter, nowMs: number): Promise<Certificate[]> {
    const { deviceId, expiringBeforeMs, revoked, after, limit } = filter;
    const { rows } = await sql<Certificate>`
      SELECT ${columns} FROM device_certificate
      WHERE (${deviceId}::text IS NULL OR device_id = ${deviceId})
        AND (${expiringBeforeMs}::bigint IS NULL OR (not_after_ms < ${expiringBeforeMs} AND not_after_ms > ${nowMs}))
        AND (${revoked}::boolean IS NULL OR (revoked_at_ms IS NOT NULL) = ${revoked})
        AND (${after?.[0] ?? null}::bigint IS NULL OR (not_after_ms, fingerprint) > (${after?.[0] ?? null}, ${after?.[1] ?? null}))
      ORDER BY not_after_ms, fingerprint LIMIT ${limit}`.execute(db);
    return rows;
  }

  /** Of one device, the newest first. */
  async ofDevice(db: Db, deviceId: string): Promise<Certificate[]> {
    const { rows } = await sql<Certificate>`
      SELECT ${columns} FROM device_certificate WHERE device_id = ${deviceId}
      ORDER BY issued_at_ms DESC, fingerprint LIMIT ${factsMax}`.execute(db);
    return rows;
  }

  /** @returns whether it was not revoked before */
  async revoke(tx: Db, fingerprint: string, reason: RevocationReason, nowMs: number): Promise<boolean> {
    const { rows } = await sql`
      UPDATE device_certificate SET revoked_at_ms = ${nowMs}, revoked_reason = ${reason}
      WHERE fingerprint = ${fingerprint} AND revoked_at_ms IS NULL RETURNING 1`.execute(tx);
    return rows.length > 0;
  }

  /** Revokes every certificate of a device that counts. @returns their fingerprints */
  async revokeAll(tx: Db, deviceId: string, reason: RevocationReason, nowMs: number): Promise<string[]> {
    const { rows } = await sql<{ fingerprint: string }>`
      UPDATE device_certificate SET revoked_at_ms = ${nowMs}, revoked_reason = ${reason}
      WHERE device_id = ${deviceId} AND revoked_at_ms IS NULL AND not_after_ms > ${nowMs}
      RETURNING fingerprint`.execute(tx);
    return rows.map(({ fingerprint }) => fingerprint);
  }

  /** Revoked ones that would count otherwise: those that have ended are refused for that. */
  async denied(db: Db, nowMs: number): Promise<string[]> {
    const { rows } = await sql<{ fingerprint: string }>`
      SELECT fingerprint FROM device_certificate
      WHERE revoked_at_ms IS NOT NULL AND not_after_ms > ${nowMs}`.execute(db);
    return rows.map(({ fingerprint }) => fingerprint);
  }

  /** The same as a revocation list has them. */
  async revocations(db: Db, nowMs: number): Promise<Revocation[]> {
    const { rows } = await sql<Revocation>`
      SELECT serial_number AS "serialNumber", revoked_at_ms AS "revokedAtMs", revoked_reason AS reason
      FROM device_certificate WHERE revoked_at_ms IS NOT NULL AND not_after_ms > ${nowMs}
      ORDER BY revoked_at_ms, serial_number`.execute(db);
    return rows;
  }

  async nextListNumber(db: Db): Promise<number> {
    const { rows } = await sql<{ number: number }>`SELECT nextval('fleet_crl_number') AS number`.execute(db);
    return rows[0]?.number ?? 0;
  }
}
