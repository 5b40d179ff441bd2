/** A bundle: a folder with an image, what is said of it, and what its family has signed. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile, mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { releaseDescription, type ReleaseDescription } from "../../firmware/release-shapes.ts";
import { writeWhole } from "../../platform/storage.ts";
import { CommandError } from "./command.ts";

const imageName = "image";
const descriptionName = "release.json";
const familyName = "family.json";
const sbomName = "sbom.cdx.json";

export interface Bundle {
  dir: string;
  imageFile: string;
  description: ReleaseDescription;
  /** The family's metadata, signed; the exact bytes. */
  family: string;
  sbomFile: string | null;
}

export async function digestOf(file: string): Promise<{ length: number; sha256: string }> {
  const hash = createHash("sha256");
  let length = 0;
  for await (const chunk of createReadStream(file)) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError("a file is read in bytes");
    hash.update(chunk);
    length += chunk.length;
  }
  return { length, sha256: hash.digest("hex") };
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

export async function needFile(path: string, what: string): Promise<string> {
  if (await isFile(path)) return path;
  throw new CommandError("keys", `There is no ${what} at ${path}.`);
}

export async function writeBundle(
  dir: string,
  parts: { image: string; description: ReleaseDescription; family: string; sbom: string | null },
): Promise<Bundle> {
  const { image, description, family, sbom } = parts;
  await mkdir(dir, { recursive: true });
  const imageFile = join(dir, imageName);
  await copyFile(image, imageFile);
  const sbomFile = sbom === null ? null : join(dir, sbomName);
  if (sbom !== null && sbomFile !== null) await copyFile(sbom, sbomFile);
  await writeWhole(join(dir, familyName), family, 0o644);
  // Last: a folder without it is no bundle.
  await writeWhole(join(dir, descriptionName), `${JSON.stringify(description, null, 2)}\n`, 0o644);
  return { dir, imageFile, description, family, sbomFile };
}

export async function readBundle(dir: string): Promise<Bundle> {
  const file = await needFile(join(dir, descriptionName), "bundle");
  const parsed = releaseDescription.safeParse(parseJson(await readFile(file, "utf8")));
  if (!parsed.success) {
    throw new CommandError("keys", `${file} does not describe a release: ${z.prettifyError(parsed.error)}`);
  }
  const description = parsed.data;
  const imageFile = await needFile(join(dir, imageName), "image");
  const { length, sha256 } = await digestOf(imageFile);
  if (length !== description.length || sha256 !== description.sha256) {
    throw new CommandError(
      "keys",
      `${imageFile} is not the image that was signed: sign again with \`npm run release -- sign\`.`,
    );
  }
  const family = await readFile(await needFile(join(dir, familyName), "signed metadata"), "utf8");
  const sbomFile = join(dir, sbomName);
  return { dir, imageFile, description, family, sbomFile: (await isFile(sbomFile)) ? sbomFile : null };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
