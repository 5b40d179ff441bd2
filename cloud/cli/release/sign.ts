import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { z } from "zod";
import { familyRole } from "#protocol/update.ts";
import { readSbom } from "../../firmware/core/sbom.ts";
import { nextFamily } from "../../firmware/core/tuf-next.ts";
import { releaseDescription } from "../../firmware/release-shapes.ts";
import { digestOf, needFile, writeBundle } from "./bundle.ts";
import { CommandError, type CommonOptions, type Speaker } from "./command.ts";
import type { KeyFolder } from "./key-folder.ts";

export interface SignOptions extends CommonOptions {
  model: string;
  image: string;
  releaseVersion: string;
  counter: string;
  hardware: string[];
  minCounter: string;
  passThrough: boolean;
  security: boolean;
  notes?: string | undefined;
  notesFile?: string | undefined;
  supportEnds?: string | undefined;
  sbom?: string | undefined;
  out?: string | undefined;
}

const whole = (name: string, text: string): number => {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new CommandError("usage", `--${name} is '${text}', but it wants a whole number.`);
};

function dateMs(text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(ms))
    throw new CommandError("usage", `--support-ends is '${text}', but it wants a date such as 2036-12-31.`);
  return ms;
}

/** Signs an image as the next of its family, without any network: a bundle comes of it, which `publish` takes. */
export async function sign(work: {
  options: SignOptions;
  folder: KeyFolder;
  speaker: Speaker;
  nowMs: number;
}): Promise<void> {
  const { options, folder, speaker, nowMs } = work;
  const { model, releaseVersion: version } = options;
  const image = await needFile(options.image, "image");
  const { length, sha256 } = await digestOf(image);
  const releaseCounter = whole("counter", options.counter);
  const parsed = releaseDescription.safeParse({
    path: `fw/${model}/${version}-${releaseCounter}${extname(image) || ".img"}`,
    model,
    hardwareIds: options.hardware,
    version,
    releaseCounter,
    minCounter: whole("min-counter", options.minCounter),
    length,
    sha256,
    kind: options.security ? "security" : "feature",
    passThrough: options.passThrough,
    notes: options.notesFile === undefined ? (options.notes ?? "") : await readFile(options.notesFile, "utf8"),
    supportEndsAtMs: options.supportEnds === undefined ? null : dateMs(options.supportEnds),
  });
  if (!parsed.success) throw new CommandError("usage", `That describes no release. ${z.prettifyError(parsed.error)}`);
  const description = parsed.data;
  if (description.minCounter >= releaseCounter) {
    throw new CommandError(
      "refused",
      `No appliance could install it: --min-counter ${description.minCounter} is not below --counter ${releaseCounter}.`,
    );
  }
  const sbom = options.sbom === undefined ? null : await needFile(options.sbom, "SBOM");
  if (sbom !== null) {
    const read = readSbom(await readFile(sbom, "utf8"));
    if (read.kind === "refused")
      throw new CommandError("refused", `${sbom} is no SBOM that Hearth takes. ${read.detail}`);
  }
  const key = await folder.need(familyRole(model));
  const { hardwareIds, minCounter, path } = description;
  const add = { path, length, sha256, custom: { model, hardwareIds, version, releaseCounter, minCounter } };
  const current = await folder.known(familyRole(model));
  const family = nextFamily({ model, current, add, by: [key], nowMs });
  const dir = options.out ?? join("release-bundles", `${model}-${version}-${releaseCounter}`);
  if (!options.dryRun) await writeBundle(dir, { image, description, family: family.content, sbom });
  speaker.result(
    {
      bundle: dir,
      path,
      sha256,
      length,
      model,
      version,
      releaseCounter,
      familyVersion: family.version,
      dryRun: options.dryRun,
    },
    [`${dir}: ${model} ${version} (counter ${releaseCounter}), ${length} bytes, SHA-256 ${sha256}`],
    `npm run release -- publish ${dir}`,
  );
}
