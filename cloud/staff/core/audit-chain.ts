import { createHash } from "node:crypto";

/** What one line of the audit log says. `before` and `after` are JSON text, or null. */
export interface AuditContent {
  sequence: number;
  atMs: number;
  principal: string;
  action: string;
  subject: string;
  before: string | null;
  after: string | null;
}

/** The hash before the first line. */
export const auditSeed: Buffer = createHash("sha256").update("hearth audit log").digest();

/** The hash of a line: SHA-256 over the hash before it and the line's content. Changing or removing any line changes all after it. */
export function auditHash(previous: Uint8Array, line: AuditContent): Buffer {
  const { sequence, atMs, principal, action, subject, before, after } = line;
  const content = JSON.stringify([sequence, atMs, principal, action, subject, before, after]);
  return createHash("sha256").update(previous).update(content).digest();
}
