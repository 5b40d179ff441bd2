/**
 * Whether SWUpdate would take an image (`.swu`): an archive of `sw-description`, its signature `sw-description.sig` (CMS in DER, detached)
 * and the files that it lists by their SHA-256. What an appliance would refuse is refused at upload.
 */
import { createHash } from "node:crypto";
import { isTrustedSignature } from "./cms-signature.ts";
import { NotCpio, readCpio } from "./cpio.ts";
import { type Config, parseLibconfig } from "./libconfig.ts";

export type SwuRefusal =
  | "swu_not_readable"
  | "swu_not_signed"
  | "swu_signature_wrong"
  | "swu_description_not_readable"
  | "swu_version_differs"
  | "swu_file_not_listed_with_hash"
  | "swu_file_missing"
  | "swu_file_hash_wrong";

export type SwuCheck = { kind: "good"; version: string } | { kind: "refused"; rule: SwuRefusal; detail: string };

const descriptionName = "sw-description";
const signatureName = "sw-description.sig";
const descriptionBytesMax = 1_048_576;
const signatureBytesMax = 65_536;
const filesMax = 1_000;

const refused = (rule: SwuRefusal, detail: string): SwuCheck => ({ kind: "refused", rule, detail });

export interface SwuExpected {
  /** PEM of the certificates by which images may be signed. */
  certificates: readonly string[];
  /** The release's version. */
  version: string;
  nowMs: number;
}

/** Reads an image once, from its beginning, and holds no more of it than description and signature. */
export async function checkSwu(chunks: AsyncIterable<Buffer>, expected: SwuExpected): Promise<SwuCheck> {
  try {
    return judge(await gather(chunks), expected);
  } catch (error) {
    if (error instanceof NotCpio) return refused("swu_not_readable", `${sentence(error.message)}.`);
    throw error;
  }
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

interface Gathered {
  /** Names in their order. */
  names: string[];
  description: Buffer | null;
  signature: Buffer | null;
  /** Of each file, as hex. A name that stands twice has the hash of the first, which is the one that is installed. */
  hashes: Map<string, string>;
}

async function gather(chunks: AsyncIterable<Buffer>): Promise<Gathered> {
  const found: Gathered = { names: [], description: null, signature: null, hashes: new Map() };
  let [name, digest, kept] = ["", createHash("sha256"), [] as Buffer[]];
  for await (const part of readCpio(chunks)) {
    switch (part.kind) {
      case "file":
        name = part.name;
        if (found.names.length === filesMax) throw new NotCpio(`it has more than ${filesMax} files`);
        if (part.length > keptMax(name)) throw new NotCpio(`${name} is longer than it may be`);
        found.names.push(name);
        [digest, kept] = [createHash("sha256"), []];
        break;
      case "bytes":
        digest.update(part.bytes);
        if (isKept(name)) kept.push(Buffer.from(part.bytes));
        break;
      case "end":
        if (!found.hashes.has(name)) found.hashes.set(name, digest.digest("hex"));
        if (name === descriptionName) found.description ??= Buffer.concat(kept);
        if (name === signatureName) found.signature ??= Buffer.concat(kept);
    }
  }
  return found;
}

const isKept = (name: string): boolean => name === descriptionName || name === signatureName;
const keptMax = (name: string): number =>
  name === descriptionName ? descriptionBytesMax : name === signatureName ? signatureBytesMax : Infinity;

async function judge({ names, description, signature, hashes }: Gathered, expected: SwuExpected): Promise<SwuCheck> {
  if (description === null || names[0] !== descriptionName)
    return refused("swu_not_readable", `Its first file is not ${descriptionName}.`);
  if (signature === null || names[1] !== signatureName)
    return refused("swu_not_signed", `Its second file is not ${signatureName}.`);
  const trust = await isTrustedSignature(signature, description, expected);
  if (trust.kind === "refused") return refused("swu_signature_wrong", trust.why);
  const config = readDescription(description.toString("utf8"));
  const version = config === null ? null : versionIn(config);
  if (config === null || version === null)
    return refused("swu_description_not_readable", "It is no libconfig and no JSON, or has no software.version.");
  if (version !== expected.version)
    return refused("swu_version_differs", `The image says ${version}, the release ${expected.version}.`);
  return files(config, hashes) ?? { kind: "good", version };
}

function readDescription(text: string): Config | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return isConfig(parsed) ? parsed : null;
  } catch {
    return parseLibconfig(text);
  }
}

const isConfig = (value: unknown): value is Config =>
  ["string", "number", "boolean"].includes(typeof value) ||
  (Array.isArray(value) ? value.every(isConfig) : isGroup(value) && Object.values(value).every(isConfig));

const isGroup = (value: unknown): value is { [name: string]: Config } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function versionIn(config: Config): string | null {
  const software = isGroup(config) ? config["software"] : undefined;
  const version = isGroup(software) ? software["version"] : undefined;
  return typeof version === "string" ? version : null;
}

/** What is wrong with a file that the description lists, or null. Each must have its hash, since the signature covers nothing else of it. */
function files(config: Config, hashes: ReadonlyMap<string, string>): SwuCheck | null {
  if (Array.isArray(config)) return firstOf(config, hashes);
  if (!isGroup(config)) return null;
  const { filename, sha256 } = config;
  if (typeof filename === "string") {
    const found = hashes.get(filename);
    if (typeof sha256 !== "string")
      return refused("swu_file_not_listed_with_hash", `${filename} has no sha256 in ${descriptionName}.`);
    if (found === undefined) return refused("swu_file_missing", `${filename} is not in the archive.`);
    if (found !== sha256.toLowerCase())
      return refused("swu_file_hash_wrong", `${filename} has not the SHA-256 that ${descriptionName} names.`);
  }
  return firstOf(Object.values(config), hashes);
}

function firstOf(all: readonly Config[], hashes: ReadonlyMap<string, string>): SwuCheck | null {
  for (const one of all) {
    const wrong = files(one, hashes);
    if (wrong !== null) return wrong;
  }
  return null;
}
