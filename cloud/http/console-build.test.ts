import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { removeLeftovers } from "./console-build.ts";

test("what killed builds left is removed by the next one; a build under way and the console itself stay", async () => {
  const dir = await mkdtemp(join(tmpdir(), "hearth-build-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  const { pid: dead } = spawnSync(process.execPath, ["--version"]);
  const staying = ["dist", "dist.new-", `dist.new-${process.ppid}`, `dist.old-${process.pid}`, "src"];
  for (const name of [...staying, `dist.new-${dead}`, `dist.old-${dead}`]) {
    await mkdir(join(dir, name, "assets"), { recursive: true });
  }
  await removeLeftovers(dir);
  expect((await readdir(dir)).toSorted()).toEqual(staying.toSorted());
});
