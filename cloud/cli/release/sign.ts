/** `release sign`: signs an image for a model with its family's key. It talks to nobody. */
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { familyRole, targetCustom } from "#protocol/update.ts";
import { readSbom } from "../../firmware/core/sbom.ts";
import { familiesOf, nextFamily } from "../../firmware/core/tuf-next.ts";
import { parseTargets } from "../../firmware/core/tuf-parse.ts";
import { releaseDescription } from "../../firmware/release-shapes.ts";
import { digestOf, needNoBundle, writeBundle } from "./bundle.ts";
import { CommandError, type CommonOptions, sameOptions, Speaker } from "./command.ts";
import { KeyFolder } from "./key-folder.ts";
import { signing } from "./session.ts";

export interface SignOptions extends CommonOptions {
  model: string;
  version: string;
  counter: string;
  hardware: string[];
  minCounter: string;
  kind: string;
  passThrough: boolean;
  notes?: string;
  notesFile?: string;
  supportEnds?: string;
  sbom?: string;
  image: string;
  out?: string;
}

/** Which option says what of the description. */
const optionOf: Readonly<Record<string, string>> = {
  model: "--model",
  version: "--version",
  releaseCounter: "--counter",
  minCounter: "--min-counter",
  hardwareIds: "--hardware",
  kind: "--kind",
  notes: "--notes",
  supportEndsAtMs: "--support-ends",
  length: "--image",
};

const textFile = (option: string, path: string): Promise<string> =>
  readFile(path, "utf8").catch((error: unknown) => {
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new CommandError("usage", `${option} ${path} cannot be read (${why}).`);
  });

function whole(option: string, text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new CommandError("usage", `${option} is '${text}', but it wants a whole number.`);
}

/** Epoch milliseconds of the begin of a day in UTC. */
function dayMs(text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new CommandError("usage", `--support-ends is '${text}', but it wants a date such as 2031-12-31.`);
}

async function notesOf({ notes, notesFile }: SignOptions): Promise<string> {
  if (notesFile === undefined) return notes ?? "";
  if (notes !== undefined)
    throw new CommandError("usage", "--notes and --notes-file both say the notes: leave one out.");
  return (await textFile("--notes-file", notesFile)).trim();
}

async function checkSbom(path: string | undefined): Promise<string | null> {
  if (path === undefined) return null;
  const read = readSbom(await textFile("--sbom", path));
  if (read.kind === "refused")
    throw new CommandError("usage", `--sbom ${path} is no SBOM that Hearth takes: ${read.detail}`);
  return path;
}

async function describe(options: SignOptions) {
  const { model, version, counter, minCounter, hardware, kind, passThrough, supportEnds, image } = options;
  const extension = /^\.[0-9A-Za-z]{1,8}$/.test(extname(image)) ? extname(image) : ".img";
  const said = {
    path: `fw/${model}/${version}-${counter}${extension}`,
    model,
    hardwareIds: [...new Set(hardware)],
    version,
    releaseCounter: whole("--counter", counter),
    minCounter: whole("--min-counter", minCounter),
    kind,
    passThrough,
    notes: await notesOf(options),
    supportEndsAtMs: supportEnds === undefined ? null : dayMs(supportEnds),
    ...(await digestOf(image, "--image")),
  };
  const parsed = releaseDescription.safeParse(said);
  if (parsed.success) return parsed.data;
  // The path follows from the others, so their own issues say more.
  const issue = parsed.error.issues.toSorted((a, b) => Number(a.path[0] === "path") - Number(b.path[0] === "path"))[0];
  const option = optionOf[String(issue?.path[0])] ?? "--version";
  throw new CommandError("usage", `${option} is not right: ${issue?.message ?? "it is not valid"}.`);
}

export async function sign(options: SignOptions): Promise<void> {
  const folder = await KeyFolder.open(options.keys, options.passphrase);
  const speaker = new Speaker(options);
  const sbom = await checkSbom(options.sbom);
  const release = await describe(options);
  const { model, version, releaseCounter, minCounter } = release;
  const role = familyRole(model);
  const current = await folder.known(role);
  const targets = await folder.known("targets");
  if (current === null || targets === null) {
    throw new CommandError(
      "keys",
      `${join(folder.dir, "repository")} does not know ${role}: \`npm run release -- keygen --model ${model}\` adds it, or name the team's folder with --keys.`,
    );
  }
  const known = familiesOf(targets).find((family) => family.model === model);
  const key = await folder.needFor(role, known?.keys ?? []);
  const counters = Object.values(parseTargets(role, current).metadata.signed.targets).map(
    ({ custom }) => targetCustom.safeParse(custom).data?.releaseCounter ?? 0,
  );
  const highest = Math.max(0, ...counters);
  if (releaseCounter <= highest) {
    throw new CommandError("usage", `--counter ${releaseCounter} is not above ${highest}, which ${model} has already.`);
  }
  if (minCounter >= releaseCounter) {
    throw new CommandError("usage", `--min-counter ${minCounter} is not below --counter ${releaseCounter}.`);
  }
  const dir = options.out ?? join("release-bundles", `${model}-${version}-${releaseCounter}`);
  await needNoBundle(dir);
  const custom = targetCustom.parse(release);
  const family = nextFamily({ model, current, add: { ...release, custom }, ...signing(key) });
  const { path, sha256, length } = release;
  const data = { bundle: dir, path, sha256, length, model, version, releaseCounter, familyVersion: family.version };
  if (options.dryRun) {
    speaker.say(
      `Would sign ${release.path} (${release.length} bytes) as version ${family.version} of ${role} in ${dir}.`,
    );
    speaker.result({ dryRun: true, ...data }, []);
    return;
  }
  await writeBundle(dir, { description: release, imageFile: options.image, family: family.content, sbomFile: sbom });
  speaker.say(`Signed ${release.path} with ${folder.path(role)}.`);
  speaker.result(data, [dir], `npm run release -- publish ${dir}${sameOptions(options)}`);
}
