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
const withdrawn = z.object({ id: z.string() });
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
  /** `2036-12-31`; nobody has said where it is left out. */
  supportEnds?: string;
}

/** A release that is signed and has not left the team. */
export interface SignedBundle {
  folder: string;
}

/** The maker's team: its keys lie in a folder of its own, and only what is signed and public leaves it. */
export interface ReleaseTeam {
  /** What goes into the appliances before they leave the factory. */
  factory: FactoryTrust;
  /** Signs an image (opaque bytes to anybody but its own appliance), without the network. */
  sign(spec: ReleaseSpec): Promise<SignedBundle>;
  /** One at a time: each moves the one snapshot. @returns the release's id */
  publish(bundle: SignedBundle): Promise<string>;
  /** Stops a release for ever, and takes it out of what is signed. As `publish`, one at a time. */
  withdraw(model: string, version: string, reason: string): Promise<void>;
  /** Ends what it is at, and removes its folder. */
  leave(): Promise<void>;
}

type Command = <T>(args: readonly string[], shape: z.ZodType<T>) => Promise<T>;

/** Makes the keys and registers the root. Nothing is left where that fails. */
export async function assembleTeam(api: Api, models: readonly string[]): Promise<ReleaseTeam> {
  const folder = await mkdtemp(join(tmpdir(), "hearth-team-"));
  const left = new AbortController();
  const signal = api.signal === undefined ? left.signal : AbortSignal.any([api.signal, left.signal]);
  const working = new Set<Promise<unknown>>();
  const command: Command = async (args, shape) => {
    const running = run(process.execPath, [commandFile, ...args, "--json", "--yes"], {
      cwd: folder,
      env: { ...process.env, HEARTH_URL: api.url, HEARTH_KEY: api.key, HEARTH_RELEASE_KEYS: join(folder, "keys") },
      signal,
    });
    // What is told to end has not ended yet: until then it may write into the folder.
    const { child } = running;
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    working.add(ended);
    void ended.then(() => working.delete(ended));
    const { stdout } = await running.catch((cause: unknown) => {
      throw new ApiError(`npm run release -- ${args[0]}: ${sentenceOf(cause)}`, { cause });
    });
    return shape.parse(JSON.parse(stdout));
  };
  const leave = async (): Promise<void> => {
    left.abort();
    await Promise.all(working);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const made = await command(["keygen", ...models.flatMap((model) => ["--model", model])], keysMade);
    const factory = readFactoryTrust(await readFile(made.root, "utf8"), await readFile(made.directorJwks, "utf8"));
    return {
      factory,
      leave,
      sign: (spec) => sign(spec, folder, command),
      publish: async (bundle) => (await command(["publish", bundle.folder], published)).release.id,
      withdraw: async (model, version, reason) =>
        void (await command(["withdraw", version, "--model", model, "--reason", reason], withdrawn)),
    };
  } catch (error) {
    await leave();
    throw error;
  }
}

async function sign(spec: ReleaseSpec, folder: string, command: Command): Promise<SignedBundle> {
  const { model, version, bytes, isSound, components, supportEnds } = spec;
  const image = join(folder, `${model}-${version}.img`);
  const bundle = join(folder, `${model}-${version}`);
  const sbom = join(folder, `${model}-${version}.cdx.json`);
  await writeFile(image, isSound ? randomBytes(bytes) : Buffer.concat([randomBytes(bytes), unhealthyMark]));
  const parts = components.map(([name, of]) => ({ type: "library", name, version: of }));
  await writeFile(sbom, JSON.stringify({ bomFormat: "CycloneDX", specVersion: "1.5", version: 1, components: parts }));
  const options = {
    model,
    hardware: spec.hardwareIds.join(","),
    version,
    counter: String(spec.releaseCounter),
    notes: spec.notes,
    image,
    sbom,
    out: bundle,
    ...(supportEnds === undefined ? {} : { "support-ends": supportEnds }),
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  await command(["sign", ...args], z.object({ bundle: z.string() }));
  return { folder: bundle };
}

/** What the command said to people, or else what became of it. */
function sentenceOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const said = "stderr" in cause ? String(cause.stderr).trim() : "";
  return said === "" ? cause.message : said;
}
