import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";

/** The file in the build that says which sources it came from. */
export const builtFromFile = "built-from.txt";

/** What lies in the console's folder and changes nothing about its build. */
const isBesides = (path: string) => /^(dist|node_modules)([./-]|$)|(^|\/)\.|\.test\.tsx?$|\.md$/.test(path);

/**
 * One hash over everything that the console is built from: its folder, and the lock file with the versions of what it bundles.
 *
 * @param consoleDir the folder `cloud/console`
 */
export async function sourceHash(consoleDir: string): Promise<string> {
  const entries = await readdir(consoleDir, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !isBesides(relative(consoleDir, path).replaceAll("\\", "/")))
    .toSorted();
  const hash = createHash("sha256");
  for (const path of [...files, join(consoleDir, "../../package-lock.json")]) {
    hash.update(relative(consoleDir, path)).update("\0");
    hash.update(await readFile(path).catch(() => "")).update("\0");
  }
  return hash.digest("hex");
}
