/** Signed metadata as text, read into TUF's own types. */
import {
  type Key,
  Metadata,
  MetadataKind,
  type Root,
  type Snapshot,
  type Targets,
  type Timestamp,
} from "@tufjs/models";
import type { Role } from "@tufjs/models/dist/role.js";
import { z } from "zod";

export interface Parsed<T extends Root | Targets | Snapshot | Timestamp> {
  role: string;
  content: string;
  metadata: Metadata<T>;
  version: number;
  expiresAtMs: number;
}

const envelope = z.record(z.string(), z.json());

export class MetadataError extends Error {
  readonly rule: "metadata_malformed" | "signature_twice";

  constructor(rule: MetadataError["rule"], message: string) {
    super(message);
    this.rule = rule;
  }
}

function read<T extends Root | Targets | Snapshot | Timestamp>(
  role: string,
  content: string,
  make: (data: z.infer<typeof envelope>) => Metadata<T>,
): Parsed<T> {
  try {
    const metadata = make(envelope.parse(JSON.parse(content)));
    const { version, expires } = metadata.signed;
    if (!Number.isSafeInteger(version) || version < 1) throw new TypeError("its version is no whole number from 1 on");
    return { role, content, metadata, version, expiresAtMs: Date.parse(expires) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const rule = why.startsWith("multiple signatures found") ? "signature_twice" : "metadata_malformed";
    throw new MetadataError(rule, `${role}: ${why.slice(0, 300)}`);
  }
}

export const parseRoot = (content: string): Parsed<Root> =>
  read("root", content, (data) => Metadata.fromJSON(MetadataKind.Root, data));
export const parseTargets = (role: string, content: string): Parsed<Targets> =>
  read(role, content, (data) => Metadata.fromJSON(MetadataKind.Targets, data));
export const parseSnapshot = (content: string): Parsed<Snapshot> =>
  read("snapshot", content, (data) => Metadata.fromJSON(MetadataKind.Snapshot, data));
export const parseTimestamp = (content: string): Parsed<Timestamp> =>
  read("timestamp", content, (data) => Metadata.fromJSON(MetadataKind.Timestamp, data));

/** The role that a delegator gives a name to, and the keys that may speak for it. Null where it knows no such role. */
export function delegation(
  delegator: Metadata<Root> | Metadata<Targets>,
  name: string,
): { role: Role; keys: Key[] } | null {
  const { signed } = delegator;
  const [roles, keys]: [Record<string, Role>, Record<string, Key>] =
    signed.type === MetadataKind.Root
      ? [signed.roles, signed.keys]
      : [signed.delegations?.roles ?? {}, signed.delegations?.keys ?? {}];
  const role = Object.hasOwn(roles, name) ? roles[name] : undefined;
  if (role === undefined) return null;
  return { role, keys: role.keyIDs.flatMap((id) => (Object.hasOwn(keys, id) ? (keys[id] ?? []) : [])) };
}

/** How many different keys of a role signed. Keys are told apart by what they are, not by what they are called. */
export function signatures(keys: readonly Key[], signed: Metadata<Root | Targets | Snapshot | Timestamp>): number {
  const by = new Set<string>();
  for (const key of keys) {
    try {
      key.verifySignature(signed);
      by.add(key.keyVal["public"] ?? "");
    } catch {
      // Not signed by this one; another may have.
    }
  }
  return by.size;
}
