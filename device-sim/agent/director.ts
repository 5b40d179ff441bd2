import { createHash } from "node:crypto";
import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from "jose";
import { statementBytesMax, statementType, type UpdateFailure, updateStatement } from "#protocol/update.ts";
import type { SignedStatement } from "./core/decide-statement.ts";
import { type Fetched, limitedFetch, type Reach } from "./limited-fetch.ts";
import { readJson } from "./read-json.ts";

export type StatementOutcome =
  | { kind: "signed"; statement: SignedStatement }
  | { kind: "refused"; rule: UpdateFailure };

const refused = (rule: UpdateFailure): StatementOutcome => ({ kind: "refused", rule });

/** Fetches the director's statement and verifies who signed it. What it says is not looked at yet. */
export async function fetchStatement(
  reach: Reach,
  href: string,
  directorKeys: JSONWebKeySet,
  signal: AbortSignal,
): Promise<StatementOutcome> {
  const fetched = await limitedFetch(reach, href, statementBytesMax, signal);
  if (fetched.kind !== "body") return refused(failureOf(fetched));
  return verifyStatement(Buffer.from(fetched.bytes).toString("latin1").trim(), directorKeys);
}

function failureOf(fetched: Exclude<Fetched, { kind: "body" }>): UpdateFailure {
  if (fetched.kind === "status")
    return fetched.status >= 400 && fetched.status < 500 ? "statement_refused" : "statement_unreachable";
  if (fetched.why === "not_allowed") return "link_not_allowed";
  return `statement_${fetched.why}`;
}

async function verifyStatement(text: string, directorKeys: JSONWebKeySet): Promise<StatementOutcome> {
  try {
    // The director's own root of trust: none of the image repository's keys counts here.
    const { payload, protectedHeader } = await compactVerify(text, createLocalJWKSet(directorKeys), {
      algorithms: ["EdDSA"],
    });
    if (protectedHeader.typ !== statementType || protectedHeader.kid === undefined)
      return refused("statement_not_signed");
    const claims = updateStatement.safeParse(readJson(payload)).data;
    if (claims === undefined) return refused("statement_malformed");
    const sha256 = createHash("sha256").update(text).digest("hex");
    return { kind: "signed", statement: { claims, keyId: protectedHeader.kid, sha256 } };
  } catch {
    return refused(/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text) ? "statement_not_signed" : "statement_malformed");
  }
}
