import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { z } from "zod";
import { type FactoryTrust, readFactoryTrust } from "../agent/factory-trust.ts";
import { type Api, ApiError } from "../api.ts";

/** By path and not by import: a team has the command line on a machine of its own. */
const commandFile = fileURLToPath(new URL("../../cloud/cli/release.ts", import.meta.url));
const run = promisify(execFile);

/** A simulated oven that finds this in its new image does not come up well. */
const unhealthyMark = Buffer.from("UNHEALTHY");

const keysMade = z.object({ root: z.string(), directorJwks: z.string() });
const published = z.object({ release: z.object({ id: z.string() }) });

export interface ReleaseSpec {
  model: string;
  hardwareIds: readonly string[];
  version: string;
  releaseCounter: number;
  notes: string;
  bytes: number;
  /** Whether the image finds itself well after its boot. */
  isSound: boolean;
  /** What it is made of: names and versions. */
  components: readonly (readonly [name: string, version: string])[];
}

/** The maker's team: its keys lie in a folder of its own, and only what is signed and public leaves it. */
export interface ReleaseTeam {
  /** What goes into the appliances before they leave the factory. */
  factory: FactoryTrust;
  /** Signs an image (opaque bytes to anybody but its own appliance) and publishes it. @returns the release's id */
  publish(spec: ReleaseSpec): Promise<string>;
  /** Removes its folder. */
  leave(): Promise<void>;
}

/** Makes the keys and registers the root. Nothing is left where that fails. */
export async function assembleTeam(api: Api, models: readonly string[]): Promise<ReleaseTeam> {
  const folder = await mkdtemp(join(tmpdir(), "hearth-team-"));
  const leave = (): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 5 });
  const command = async <T>(args: readonly string[], shape: z.ZodType<T>): Promise<T> => {
    const { stdout } = await run(process.execPath, [commandFile, ...args, "--json", "--yes"], {
      cwd: folder,
      env: { ...process.env, HEARTH_URL: api.url, HEARTH_KEY: api.key, HEARTH_RELEASE_KEYS: join(folder, "keys") },
      ...(api.signal === undefined ? {} : { signal: api.signal }),
    }).catch((cause: unknown) => {
      throw new ApiError(`npm run release -- ${args[0]}: ${sentenceOf(cause)}`, { cause });
    });
    return shape.parse(JSON.parse(stdout));
  };
  try {
    const made = await command(["keygen", ...models.flatMap((model) => ["--model", model])], keysMade);
    const factory = readFactoryTrust(await readFile(made.root, "utf8"), await readFile(made.directorJwks, "utf8"));
    return { factory, leave, publish: (spec) => publish(spec, folder, command) };
  } catch (error) {
    await leave();
    throw error;
  }
}

async function publish(
  { model, hardwareIds, version, releaseCounter, notes, bytes, isSound, components }: ReleaseSpec,
  folder: string,
  command: <T>(args: readonly string[], shape: z.ZodType<T>) => Promise<T>,
): Promise<string> {
  const image = join(folder, `${model}-${version}.img`);
  const bundle = join(folder, `${model}-${version}`);
  const sbom = join(folder, `${model}-${version}.cdx.json`);
  await writeFile(image, isSound ? randomBytes(bytes) : Buffer.concat([randomBytes(bytes), unhealthyMark]));
  const parts = components.map(([name, of]) => ({ type: "library", name, version: of }));
  await writeFile(sbom, JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.5", version: 1, components: parts }));
  const about = ["--model", model, "--hardware", hardwareIds.join(","), "--version", version];
  const rest = [
    "--counter",
    String(releaseCounter),
    "--notes",
    notes,
    "--image",
    image,
    "--sbom",
    sbom,
    "--out",
    bundle,
  ];
  await command(["sign", ...about, ...rest], z.object({ bundle: z.string() }));
  const { release } = await command(["publish", bundle], published);
  return release.id;
}

/** What the command said to people, or else what became of it. */
function sentenceOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const said = "stderr" in cause ? String(cause.stderr).trim() : "";
  return said === "" ? cause.message : said;
}
