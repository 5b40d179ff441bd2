import { spawn } from "node:child_process";
import { readdir, readFile, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { builtFromFile, sourceHash } from "../console/source-hash.ts";
import { StartError } from "../platform/config.ts";
import { isAlive } from "../platform/data-lock.ts";

const consoleDir = join(import.meta.dirname, "../console");
/** Where the built console lies. */
export const consoleDistDir: string = join(consoleDir, "dist");
/** What a failed build says at most; the end of it is where the reason is. */
const saidCharsMax = 2_000;

const isFrom = async (distDir: string, hash: string): Promise<boolean> =>
  (await readFile(join(distDir, builtFromFile), "utf8").catch(() => "")) === hash;

/** Runs vite, quietly, as a child: the service itself never loads a bundler. */
function build(outDir: string, signal?: AbortSignal): Promise<void> {
  const vite = join(dirname(createRequire(import.meta.url).resolve("vite/package.json")), "bin/vite.js");
  const args = [vite, "build", consoleDir, "--outDir", outDir, "--emptyOutDir", "--logLevel", "error"];
  return new Promise((resolve, reject) => {
    // Whoever starts the service with another one set, as test runners do, would get the slow React of developers.
    const env = { ...process.env, NODE_ENV: "production" };
    const child = spawn(process.execPath, args, { cwd: consoleDir, env, stdio: ["ignore", "pipe", "pipe"], signal });
    let said = "";
    const hear = (chunk: Buffer) => {
      said = (said + chunk.toString("utf8")).slice(-saidCharsMax);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    // Called off, it still runs for a moment: its end is waited for.
    child.once("error", (error) => (child.pid === undefined ? reject(error) : undefined));
    child.once("close", (code) =>
      code === 0 ? resolve() : reject(new Error(said.trim() || `vite ended with ${code}`)),
    );
  });
}

/** Puts the new build where the old one is. Of two that build at once the first stays: it is served by then, and both are the same. */
async function swapIn(newDir: string, distDir: string, hash: string): Promise<void> {
  if (await isFrom(distDir, hash)) return;
  const oldDir = `${distDir}.old-${process.pid}`;
  await rename(distDir, oldDir).catch(() => {});
  try {
    await rename(newDir, distDir);
  } catch (error) {
    if (!(await isFrom(distDir, hash))) throw error;
  } finally {
    await rm(oldDir, { recursive: true, force: true });
  }
}

/** A build that was killed removes nothing: what it left is known by its pid. */
export async function removeLeftovers(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    const pid = /^dist\.(?:new|old)-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(dir, name), { recursive: true, force: true });
  }
}

/**
 * Sees to it that the console is built from the sources that are there: a build that is missing or from other sources is made, which
 * takes seconds; one that is right costs the reading of the sources.
 *
 * @param signal calls the build off
 * @throws StartError where it cannot be built
 */
export async function ensureConsole(signal?: AbortSignal): Promise<void> {
  const distDir = consoleDistDir;
  const hash = await sourceHash(consoleDir);
  if (await isFrom(distDir, hash)) return;
  const newDir = `${distDir}.new-${process.pid}`;
  try {
    await removeLeftovers(consoleDir);
    await build(newDir, signal);
    await swapIn(newDir, distDir, hash);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StartError(
      `the console could not be built: run \`npm ci\`, then \`npm run build:console\` to see why (${why}).`,
    );
  } finally {
    await rm(newDir, { recursive: true, force: true });
  }
}
