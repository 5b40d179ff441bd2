/** Debian's SWUpdate as an appliance runs it, and images as a maker builds and signs them: with openssl and cpio. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export const swupdatePath = "/usr/bin/swupdate";
export const hasSwupdate = existsSync(swupdatePath);

/** Somebody who signs images. */
export interface Maker {
  /** Paths of PEM files. */
  certificate: string;
  key: string;
}

/** What goes into an image. */
export interface SwuContent {
  version: string;
  /** By their names in the archive. */
  files: Readonly<Record<string, Uint8Array>>;
  /** Where a file is installed; nowhere is its own name. */
  path?: (name: string) => string;
  /** In place of the right hashes. */
  sha256?: (name: string, right: string) => string;
}

/** The description of an image in libconfig's form, as makers write it. */
export function swDescription({
  version,
  files,
  path = (name) => `/${name}`,
  sha256 = (_, right) => right,
}: SwuContent): string {
  const entries = Object.entries(files).map(([name, bytes]) => {
    const hash = sha256(name, createHash("sha256").update(bytes).digest("hex"));
    return `{ filename = "${name}"; path = "${path(name)}"; sha256 = "${hash}"; }`;
  });
  return `software =
{
	version = "${version}";
	description = "Oven firmware"; // as the maker's build writes it
	hardware-compatibility: [ "1.0" ];
	files: ( ${entries.join(", ")} );
}
`;
}

/** A folder in which images are built. */
export class Workshop {
  readonly dir: string;
  #count = 0;

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async open(): Promise<Workshop> {
    return new Workshop(await mkdtemp(join(tmpdir(), "hearth-swu-")));
  }

  async close(): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }

  /** Somebody who certifies makers. */
  async authority(name: string): Promise<Maker> {
    return this.#certify(name, ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign"]);
  }

  /** A maker with a certificate of their own, or one of an authority's. */
  async maker(
    name: string,
    { purpose = "emailProtection", by }: { purpose?: string; by?: Maker } = {},
  ): Promise<Maker> {
    const uses = ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "keyUsage=digitalSignature"];
    const signed = by === undefined ? [] : ["-CA", by.certificate, "-CAkey", by.key];
    return this.#certify(name, [...uses, "-addext", `extendedKeyUsage=${purpose}`, ...signed]);
  }

  async #certify(name: string, more: readonly string[]): Promise<Maker> {
    const [certificate, key] = [join(this.dir, `${name}.pem`), join(this.dir, `${name}.key`)];
    const ask = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"];
    await run("openssl", [...ask, "-keyout", key, "-out", certificate, "-subj", `/CN=${name}`, ...more]);
    return { certificate, key };
  }

  /** Builds an image: description, its signature, and the files, in the order that clients want. `null` signs nothing. */
  async swu(by: Maker | null, content: SwuContent, description = swDescription(content)): Promise<Buffer> {
    this.#count += 1;
    const dir = join(this.dir, `image-${this.#count}`);
    await mkdir(dir);
    await writeFile(join(dir, "sw-description"), description);
    for (const [name, bytes] of Object.entries(content.files)) await writeFile(join(dir, name), bytes);
    const names = ["sw-description", ...(by === null ? [] : ["sw-description.sig"]), ...Object.keys(content.files)];
    if (by !== null) {
      const files = [
        "-in",
        "sw-description",
        "-out",
        "sw-description.sig",
        "-signer",
        by.certificate,
        "-inkey",
        by.key,
      ];
      await run("openssl", ["cms", "-sign", ...files, "-outform", "DER", "-nosmimecap", "-binary"], { cwd: dir });
    }
    return archive(dir, names);
  }
}

async function archive(dir: string, names: readonly string[]): Promise<Buffer> {
  const packing = spawn("cpio", ["--quiet", "-o", "-H", "crc"], { cwd: dir, stdio: ["pipe", "pipe", "inherit"] });
  packing.stdin.end(`${names.join("\n")}\n`);
  const chunks: Buffer[] = [];
  for await (const chunk of packing.stdout) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export interface SwupdateOptions {
  url: string;
  id: string;
  token: string;
  trusts: Maker;
  /** What it says of itself. */
  identify: Readonly<Record<string, string>>;
  /** Takes no image below this version. */
  noDowngrading?: string;
  /** Comes back from a reboot, and reports how the update went. */
  confirms?: "success" | "failure";
  bytesPerSecond?: number;
  dir: string;
}

/** A running client. It polls as often as it is told. */
export class Swupdate {
  readonly #process: ChildProcess;
  log = "";

  private constructor(process: ChildProcess) {
    this.#process = process;
    const take = (chunk: Buffer) => {
      this.log += chunk.toString("utf8");
    };
    process.stdout?.on("data", take);
    process.stderr?.on("data", take);
  }

  static async start(options: SwupdateOptions): Promise<Swupdate> {
    const { url, id, token, trusts, identify, noDowngrading, confirms, bytesPerSecond, dir } = options;
    // Its sockets lie in here: two clients of one machine must not meet.
    const own = await mkdtemp(join(dir, "c-"));
    const facts = Object.entries(identify).map(([name, value]) => `{ name = "${name}"; value = "${value}"; }`);
    const downgrading = noDowngrading === undefined ? "" : `no-downgrading = "${noDowngrading}";`;
    const config = join(own, "swupdate.cfg");
    await writeFile(
      config,
      `globals : { verbose = true; loglevel = 5; ${downgrading} };\nidentify : ( ${facts.join(", ")} );\n`,
    );
    // The pause counts until the service has said another.
    const client = ["-t", "default", "-u", url, "-i", id, "-k", token, "-p", "1"];
    const speed = bytesPerSecond === undefined ? [] : ["-n", String(bytesPerSecond)];
    const confirm = confirms === undefined ? [] : ["-c", confirms === "success" ? "2" : "3"];
    const words = [...client, ...speed, ...confirm].join(" ");
    const args = ["-v", "-k", trusts.certificate, "-f", config, "-H", "oven:1.0", "-u", words];
    // A group of its own, since it works in several processes.
    return new Swupdate(spawn(swupdatePath, args, { detached: true, env: { ...process.env, TMPDIR: own }, cwd: own }));
  }

  /** Pulls the plug. */
  async stop(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#process;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const gone = new Promise((resolve) => {
      this.#process.once("close", resolve);
    });
    process.kill(-pid, "SIGKILL");
    await gone;
  }
}
