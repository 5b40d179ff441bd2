/** A bundle: a folder with an image, what is said of it, what its family has signed, and its SBOM if it has one. */
import { createHash } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { copyFile, mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type ReleaseDescription, releaseDescription } from "../../firmware/release-shapes.ts";
import { writeWhole } from "../../platform/storage.ts";
import { CommandError } from "./command.ts";

const imageName = "image";
const descriptionName = "release.json";
const familyName = "family.json";
const sbomName = "sbom.cdx.json";

export interface Bundle {
  dir: string;
  description: ReleaseDescription;
  imageFile: string;
  /** The family's metadata as it was signed with the image in it. */
  family: string;
  sbomFile: string | null;
}

const whyOf = (error: unknown): string =>
  error instanceof Error && "code" in error
    ? String(error.code)
    : error instanceof Error
      ? error.message
      : String(error);

/** Length and SHA-256 of a file; `named` is how a refusal calls it. */
export async function digestOf(path: string, named: string): Promise<{ length: number; sha256: string }> {
  const hash = createHash("sha256");
  let length = 0;
  try {
    for await (const piece of createReadStream(path)) {
      hash.update(piece);
      length += piece.length;
    }
  } catch (error) {
    throw new CommandError("usage", `${named} ${path} cannot be read (${whyOf(error)}).`);
  }
  return { length, sha256: hash.digest("hex") };
}

/** Refuses a folder that is there: a bundle is never written over. */
export async function needNoBundle(dir: string): Promise<void> {
  const found = await stat(dir).catch(() => null);
  if (found !== null) throw new CommandError("usage", `--out ${dir} is there already: name another folder.`);
}

/** Writes a bundle; what is said of the image last, so that a folder without it is no bundle. */
export async function writeBundle(dir: string, parts: Omit<Bundle, "dir">): Promise<void> {
  const { description, imageFile, family, sbomFile } = parts;
  await mkdir(dir, { recursive: true });
  const copy = join(dir, imageName);
  await copyFile(imageFile, copy, constants.COPYFILE_FICLONE);
  const { sha256 } = await digestOf(copy, "The bundle's image");
  if (sha256 !== description.sha256) throw new CommandError("usage", `--image ${imageFile} changed while it was read.`);
  if (sbomFile !== null) await copyFile(sbomFile, join(dir, sbomName));
  await writeWhole(join(dir, familyName), family, 0o644);
  await writeWhole(join(dir, descriptionName), `${JSON.stringify(description, null, 2)}\n`, 0o644);
}

const need = (path: string): Promise<string> =>
  readFile(path, "utf8").catch((error: unknown) => {
    throw new CommandError("keys", `${path} cannot be read (${whyOf(error)}): name a folder that \`sign\` made.`);
  });

export async function readBundle(dir: string): Promise<Bundle> {
  const file = join(dir, descriptionName);
  const parsed = releaseDescription.safeParse(parseJson(await need(file)));
  if (!parsed.success) throw new CommandError("keys", `${file} is not what \`sign\` writes: sign the image again.`);
  const description = parsed.data;
  const imageFile = join(dir, imageName);
  const found = await digestOf(imageFile, "The bundle's image");
  if (found.sha256 !== description.sha256 || found.length !== description.length) {
    throw new CommandError("keys", `${imageFile} is not the image that was signed: sign it again.`);
  }
  const sbomFile = join(dir, sbomName);
  const hasSbom = (await stat(sbomFile).catch(() => null)) !== null;
  return {
    dir,
    description,
    imageFile,
    family: await need(join(dir, familyName)),
    sbomFile: hasSbom ? sbomFile : null,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
