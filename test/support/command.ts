/** A command of ours, as a person runs it. */
import { spawn } from "node:child_process";

/**
 * Runs a program of ours until it ends by itself.
 *
 * @param args its file, from the project's root, and its arguments
 * @param env beside what this process has
 * @returns all that it wrote, to whichever of the two outputs
 */
export async function runCommand(
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [...args], { env: { ...process.env, ...env } });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  const code = await new Promise<number | null>((done) => child.once("close", done));
  return { code, output: Buffer.concat(chunks).toString() };
}
