/** `npm run backup` and `npm run restore`, as a person runs them. */
import { type ChildProcess, fork } from "node:child_process";

const cli = new URL("../../cloud/cli/backup.ts", import.meta.url);

export interface Ran {
  code: number | null;
  said: string;
  report: { rows: number; files: number } | null;
}

/** Runs the command on a data folder of its own. */
export async function runBackupCommand(
  command: "backup" | "restore",
  path: string,
  dataDir: string,
  more: readonly string[] = [],
): Promise<Ran> {
  const child: ChildProcess = fork(cli, [command, path, ...more, "--json"], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: { ...process.env, HEARTH_DATA_DIR: dataDir },
  });
  let said = "";
  let out = "";
  child.stderr?.on("data", (piece: Buffer) => {
    said += piece.toString();
  });
  child.stdout?.on("data", (piece: Buffer) => {
    out += piece.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, said, report: out === "" ? null : JSON.parse(out) };
}
