/**
 * The certificates of development: a CA of this data folder's own, made at its first start.
 *
 *   data/pki/root.pem        for boards to believe; its key was used once and is nowhere
 *   data/pki/fleet-ca.pem    the intermediate and its root
 *   data/pki/fleet-ca.key
 *   data/pki/server.pem      the server's key, its certificate and the intermediate; made anew before it ends and when names change
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { StartError } from "../platform/config.ts";
import { writeWhole } from "../platform/storage.ts";
import { type Authority, issueServer, newIntermediate, newRoot } from "./authority.ts";
import { developmentOrganisation as organisation, isDevelopment } from "./core/development.ts";
import type { Material } from "./core/material.ts";
import { certificatesIn, isSignedBy, pemOf } from "./core/pem.ts";
import { newKey } from "./keys.ts";

const dayMs = 86_400_000;
/** The CA cannot be renewed, since its root's key is gone, so it lasts longer than a development. */
const authorityMs = 3_650 * dayMs;
const serverMs = 90 * dayMs;
const renewBeforeMs = 30 * dayMs;

export const developmentDirName = "pki";
const files = { root: "root.pem", fleet: "fleet-ca.pem", fleetKey: "fleet-ca.key", server: "server.pem" } as const;

/** Where the root's certificate lies, to copy it to a board. */
export const developmentRootFile = (dataDir: string): string => join(dataDir, developmentDirName, files.root);

/** DNS names and addresses by which a server is reached; never empty. */
export type Names = readonly [string, ...string[]];

/**
 * The development's certificates, with those made that are not there or are no longer good.
 *
 * @throws StartError where there is a CA that cannot be used: making another would lock boards out in silence
 */
export async function developmentMaterial(dataDir: string, names: Names, nowMs: number): Promise<Material> {
  const dir = join(dataDir, developmentDirName);
  const { fleet, root } = (await knownAuthority(dir, nowMs)) ?? (await newAuthority(dir, nowMs));
  const server = (await knownServer(dir, fleet, names, nowMs)) ?? (await newServer(dir, fleet, names, nowMs));
  return { server, fleet, formerFleet: "", root };
}

/** What a file has, or null where there is none. */
async function textOf(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  });
}

async function knownAuthority(dir: string, nowMs: number): Promise<{ fleet: Authority; root: string } | null> {
  const [chainText, privateKey] = await Promise.all([
    textOf(join(dir, files.fleet)),
    textOf(join(dir, files.fleetKey)),
  ]);
  // All of the folder came at once, so that nothing of it is there without the rest.
  if (chainText === null && privateKey === null) return null;
  const [intermediate, root] = certificatesIn(chainText ?? "") ?? [];
  if (intermediate === undefined || root === undefined || privateKey === null) throw unusable(dir, "parts are missing");
  if (!isSignedBy(intermediate, root) || !isDevelopment(intermediate))
    throw unusable(dir, "it is not of Hearth's making");
  if (!hasKey(intermediate, privateKey)) throw unusable(dir, "its key is another one's");
  if (intermediate.validToDate.getTime() <= nowMs) throw unusable(dir, "it has ended");
  return { fleet: { certificate: intermediate.toString(), privateKey }, root: root.toString() };
}

const unusable = (dir: string, why: string) =>
  new StartError(
    `HEARTH_DATA_DIR holds a development CA in ${dir} that cannot be used (${why}): remove that folder and Hearth makes a new one, whose root boards have to be given again.`,
  );

function hasKey(certificate: X509Certificate, privateKey: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(privateKey));
  } catch {
    return false;
  }
}

/** Made in a folder beside, which is moved to its place whole. */
async function newAuthority(dir: string, nowMs: number): Promise<{ fleet: Authority; root: string }> {
  const term = { nowMs, validMs: authorityMs };
  const root = await newRoot({ commonName: "Hearth development root", organisation }, term);
  const fleet = await newIntermediate(root, { commonName: "Hearth development fleet CA", organisation }, term);
  const made = `${dir}.new`;
  await rm(made, { recursive: true, force: true });
  await mkdir(made, { mode: 0o700 });
  await writeWhole(join(made, files.root), root.certificate, 0o644);
  await writeWhole(join(made, files.fleet), fleet.certificate + root.certificate, 0o644);
  await writeWhole(join(made, files.fleetKey), fleet.privateKey, 0o600);
  // A folder without a CA can only be empty, or hold a server's certificate of one that is gone.
  await rm(dir, { recursive: true, force: true });
  await rename(made, dir);
  return { fleet, root: root.certificate };
}

/** The server's certificate as it lies there, if it is signed by this CA, has exactly these names, and does not end soon. */
async function knownServer(
  dir: string,
  fleet: Authority,
  names: Names,
  nowMs: number,
): Promise<Material["server"] | null> {
  const text = (await textOf(join(dir, files.server))) ?? "";
  const chain = certificatesIn(text);
  const [leaf] = chain ?? [];
  const key = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n/.exec(text)?.[0];
  if (chain === null || leaf === undefined || key === undefined || !hasKey(leaf, key)) return null;
  if (!isSignedBy(leaf, new X509Certificate(fleet.certificate))) return null;
  const [fromMs, toMs] = [leaf.validFromDate.getTime(), leaf.validToDate.getTime()];
  if (nowMs < fromMs || nowMs > toMs - renewBeforeMs) return null;
  // The names as they were asked for: the certificate writes addresses in another way.
  const asked = /^names: (.*)$/m.exec(text)?.[1];
  return asked === names.join(" ") ? { cert: pemOf(chain), key } : null;
}

/** Key and certificate lie in one file, so that they are always of one pair. */
async function newServer(dir: string, fleet: Authority, names: Names, nowMs: number): Promise<Material["server"]> {
  const { privateKey, publicKey } = newKey();
  const { certificate } = await issueServer(fleet, { names, publicKey, nowMs, validMs: serverMs });
  const cert = pemOf(certificatesIn(certificate + fleet.certificate) ?? []);
  await writeWhole(join(dir, files.server), `names: ${names.join(" ")}\n${privateKey}${cert}`, 0o600);
  return { cert, key: privateKey };
}
