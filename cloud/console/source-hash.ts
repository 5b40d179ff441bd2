import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative } from "node:path";

/** The file in the build that says which sources it came from. */
export const builtFromFile = "built-from.txt";

/** What lies in the console's folder and changes nothing about its build. */
const isBesides = (path: string) => /^(dist|node_modules)([./-]|$)|(^|\/)\.|\.test\.tsx?$|\.md$/.test(path);

/** What the console takes from outside its folder, seen from there: all of the wire contract, the rest by name, and the versions of what it bundles. */
export const fromOutside = [
  "../../protocol",
  "../platform/best-locale.ts",
  "../service/core/answer-template.ts",
  "../service/core/cause-article.ts",
  "../../package-lock.json",
];

/**
 * One hash over everything that the console is built from.
 *
 * @param consoleDir the folder `cloud/console`
 */
export async function sourceHash(consoleDir: string): Promise<string> {
  const files = await Promise.all([".", ...fromOutside].map((path) => filesAt(join(consoleDir, path))));
  const hash = createHash("sha256");
  for (const path of files.flat()) {
    hash.update(relative(consoleDir, path)).update("\0");
    hash.update(await readFile(path).catch(() => "")).update("\0");
  }
  return hash.digest("hex");
}

/** The files of a folder that count, in order; of a file itself, which may be missing. */
async function filesAt(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory() !== true) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !isBesides(relative(path, file).replaceAll("\\", "/")))
    .toSorted();
}
