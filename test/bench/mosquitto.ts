import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { freePort } from "../support/service-process.ts";
import { untilListening } from "./listening.ts";
import { makeCertificate } from "./certificate.ts";
import { type BenchDevice, madeUpDevices, newBareItem, type Peer } from "./peer.ts";

const mosquittoPath = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/opt/homebrew/sbin/mosquitto"].find((path) =>
  existsSync(path),
);

export const mosquittoIsThere = mosquittoPath !== undefined;

export interface Mosquitto extends Peer {
  /** How its password file is hashed, and with how many iterations: part of what each login costs. */
  readonly passwordHash: string;
  /** Who may do everything: what a program behind the broker logs in as. */
  readonly publisher: BenchDevice;
}

/** Mosquitto, with a password file and a listener for TLS, keeping nothing on disk. */
export async function startMosquitto(deviceCount: number): Promise<Mosquitto> {
  if (mosquittoPath === undefined) throw new Error("mosquitto is not installed");
  const dir = await mkdtemp(join(tmpdir(), "hearth-mosquitto-"));
  const file = (name: string) => join(dir, name);
  const { devices, publisher } = madeUpDevices(deviceCount);
  const { key, cert } = makeCertificate();
  const [port, tlsPort] = [await freePort(), await freePort()];
  await writeFile(file("key.pem"), key);
  await writeFile(file("cert.pem"), cert);
  await writeFile(file("passwords"), [...devices, publisher].map(({ id, token }) => `${id}:${token}\n`).join(""));
  execFileSync("mosquitto_passwd", ["-U", file("passwords")]);
  const settings = [
    // Started as root it would give that up, and could not read this folder.
    `user ${userInfo().username}`,
    "allow_anonymous false",
    `password_file ${file("passwords")}`,
    "persistence false",
    "log_type none",
    "max_inflight_messages 100",
    // Its usual 1,000 would drop what a subscriber that is behind has not read yet.
    "max_queued_messages 0",
    "set_tcp_nodelay true",
    `listener ${port} 127.0.0.1`,
    `listener ${tlsPort} 127.0.0.1`,
    `certfile ${file("cert.pem")}`,
    `keyfile ${file("key.pem")}`,
  ];
  await writeFile(file("mosquitto.conf"), `${settings.join("\n")}\n`);
  const command = `ulimit -n $(ulimit -Hn) && exec "$0" -c "$1"`;
  const child = spawn("sh", ["-c", command, mosquittoPath, file("mosquitto.conf")], { stdio: "ignore" });
  await untilListening(port);
  return {
    pid: child.pid ?? 0,
    port,
    tlsPort,
    devices,
    publisher,
    passwordHash: nameOfHash(await readFile(file("passwords"), "utf8")),
    collectGarbage() {},
    newItem: async () => newBareItem(port, publisher),
    async stop() {
      const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      child.kill();
      await gone;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** What `$7$101$salt$hash` says. Its first number names the kind of hash, as in mosquitto's password_mosq.h. */
function nameOfHash(passwords: string): string {
  const [, kind, iterations] = passwords.slice(passwords.indexOf(":") + 1).split("$");
  if (kind === "7") return `PBKDF2-SHA512, ${iterations} iterations`;
  return kind === "6" ? "SHA-512" : `kind ${kind}`;
}
