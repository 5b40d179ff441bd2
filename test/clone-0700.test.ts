import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { anyPorts, processesIn, until } from "./support/service-process.ts";

/** Only root runs PostgreSQL as somebody else, who then cannot walk into the clone. */
const applies = process.platform === "linux" && process.getuid?.() === 0;

const project = join(import.meta.dirname, "..");
let clone = "";
const placesMade = new Set<string>();
let running: ChildProcess | null = null;

beforeAll(() => {
  if (!applies) return;
  clone = realpathSync(mkdtempSync(join(tmpdir(), "hearth-clone-")));
  chmodSync(clone, 0o700);
  const files = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: project });
  for (const file of files
    .toString()
    .split("\0")
    .filter((name) => name !== "")) {
    // A file that was deleted and not yet committed is still listed.
    cpSync(join(project, file), join(clone, file), { force: true, errorOnExist: false });
  }
  const modules = realpathSync(join(project, "node_modules"));
  // Links cost nothing; where the temporary folder is on another disk there is no other way than to copy.
  try {
    execFileSync("cp", ["-al", modules, join(clone, "node_modules")], { stdio: "ignore" });
  } catch {
    rmSync(join(clone, "node_modules"), { recursive: true, force: true });
    execFileSync("cp", ["-a", modules, join(clone, "node_modules")]);
  }
});
afterAll(() => {
  running?.kill("SIGKILL");
  for (const place of [...placesMade, clone]) if (place !== "") rmSync(place, { recursive: true, force: true });
});

interface Start {
  child: ChildProcess;
  said: string;
  api: (path: string, key: string, init?: RequestInit) => Promise<Response>;
}

/** `npm start`'s command with nothing in its environment but what a shell cannot do without. */
async function start(): Promise<Start> {
  const env = ["PATH=/usr/bin:/bin", `HOME=${clone}`, ...Object.entries(anyPorts).map((each) => each.join("="))];
  const child = spawn("env", ["-i", ...env, "node_modules/.bin/node", "cloud/main.ts"], { cwd: clone });
  running = child;
  let said = "";
  child.stdout.on("data", (piece: Buffer) => (said += piece.toString()));
  child.stderr.on("data", (piece: Buffer) => (said += piece.toString()));
  await until("it says that it runs, or ends", () => said.includes("Ctrl-C stops it.") || child.exitCode !== null);
  expect(said).toContain("Hearth is running.");
  const base = /API\s+(http:\S+)\/api\/v1/.exec(said)?.[1] ?? "";
  return {
    child,
    said,
    api: (path, key, init = {}) =>
      fetch(base + path, { ...init, headers: { authorization: `Bearer ${key}`, "content-type": "application/json" } }),
  };
}

async function stop({ child }: Start): Promise<number | null> {
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  return ended;
}

test.skipIf(!applies)(
  "a clone in a folder of root's alone starts with an empty environment, says where its database is, and finds it again",
  async () => {
    const first = await start();
    const key = /Key\s+(hearth_\S+)/.exec(first.said)?.[1] ?? "";
    const cluster = /database in (\S+)/.exec(first.said)?.[1] ?? "";
    expect(first.said).toContain(join(clone, "data"));
    expect(cluster).toMatch(/^\/var\/lib\/hearth\/[0-9a-f]{16}\/postgres$/);
    placesMade.add(dirname(cluster));
    const [server = ""] = await processesIn(cluster);
    // The binaries of the clone cannot be reached either: those that run are a copy.
    const native = dirname(dirname(readlinkSync(`/proc/${server}/exe`)));
    expect(native).toMatch(/^\/var\/lib\/hearth\/native-[0-9a-f]{16}$/);
    placesMade.add(native);
    const household = { name: "Huber", locale: "de", timeZone: "Europe/Berlin" };
    const made = await first.api("/api/v1/households", key, { method: "POST", body: JSON.stringify(household) });
    expect(made.status).toBe(201);
    expect(await stop(first)).toBe(0);
    expect(await processesIn(cluster)).toEqual([]);

    const second = await start();
    expect(second.said).toContain(cluster);
    expect(second.said).not.toContain("shown once");
    const found = (await (await second.api("/api/v1/households", key)).json()) as { items: object[] };
    expect(found.items).toMatchObject([household]);
    expect(await stop(second)).toBe(0);
    expect([...(await processesIn(cluster)), ...(await processesIn(clone))]).toEqual([]);
  },
);
