import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { closeHouses, tempDir } from "./testing/house.ts";
import { RawDevice, publish } from "./testing/raw-device.ts";
import { until } from "./testing/until.ts";

const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) child.stdin?.end();
  await closeHouses();
});

const hasStrace = spawnSync("strace", ["-V"]).status === 0;
const isCi = Boolean(process.env["CI"]);

/** One traced call: when it began and ended, as strace printed it. */
interface Call {
  name: string;
  startS: number;
  endS: number;
  text: string;
}

/** Calls of `strace -f -ttt -T`, each put together from its `<unfinished ...>` and `resumed` lines. */
function readTrace(trace: string): Call[] {
  const calls: Call[] = [];
  const unfinished = new Map<string, { startS: number; text: string }>();
  for (const line of trace.split("\n")) {
    const [, pid = "", time = "0", rest = ""] = /^(\d+)\s+([\d.]+) (.*)$/.exec(line) ?? [];
    const nowS = Number(time);
    if (rest.endsWith("<unfinished ...>")) {
      unfinished.set(pid, { startS: nowS, text: rest });
      continue;
    }
    const resumed = /^<\.\.\. (\w+) resumed>(.*)$/.exec(rest);
    const begun = resumed ? unfinished.get(pid) : undefined;
    const text = `${begun?.text ?? ""}${resumed?.[2] ?? rest}`;
    const name = /^(\w+)\(/.exec(text)?.[1];
    const took = /<([\d.]+)>$/.exec(rest)?.[1];
    if (name === undefined) continue;
    const startS = begun?.startS ?? nowS;
    calls.push({ name, startS, endS: startS + Number(took ?? 0), text });
  }
  return calls;
}

/** As strace prints a string with bytes that are no text. */
const hex = (text: string): string =>
  [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
const isRead = (name: string): boolean => ["read", "readv", "recvfrom"].includes(name);

/** The file descriptor that a call was made on. */
const fdOf = (text = ""): string | undefined => /^\w+\((\d+)/.exec(text)?.[1];

test.skipIf(!hasStrace && !isCi)(
  "under concurrent puts every PUBACK is written after a flush that began when its message was written",
  async () => {
    const dir = await tempDir();
    const tracePath = path.join(dir, "trace");
    const script = fileURLToPath(new URL("./testing/gateway-process.ts", import.meta.url));
    const calls =
      "trace=read,readv,recvfrom,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,fsync,fdatasync,msync";
    const child = spawn("strace", [
      "-f",
      "-ttt",
      "-T",
      "-xx",
      "-s",
      "262144",
      "-e",
      calls,
      "-o",
      tracePath,
      process.execPath,
      script,
      dir,
    ]);
    children.push(child);
    const [first] = await once(child.stdout, "data");
    const port = Number(String(first));

    const deviceIds = ["oven-1", "oven-2", "oven-3", "oven-4"];
    const each = 25;
    await Promise.all(
      deviceIds.map(async (deviceId) => {
        const device = await RawDevice.login(port, deviceId);
        for (let n = 1; n <= each; n += 1) {
          device.send(publish(`hearth/v1/devices/${deviceId}/events`, n, `mark-${deviceId}-${n}.`));
          await device.wait("puback", n);
        }
        device.socket.destroy();
      }),
    );
    child.stdin.end();
    await until(() => child.exitCode !== null || child.signalCode !== null, "the child to end");

    const trace = readTrace(await readFile(tracePath, "utf8"));
    const flushes = trace.filter(({ name }) => ["fsync", "fdatasync", "msync"].includes(name));
    const acks = trace.filter(({ name, text }) => name.startsWith("write") && /"\\x40\\x02/.test(text));
    const unflushed: string[] = [];
    for (const deviceId of deviceIds) {
      const fd = fdOf(trace.find(({ name, text }) => isRead(name) && text.includes(hex(`mark-${deviceId}-1.`)))?.text);
      const itsAcks = acks.filter(({ text }) => fdOf(text) === fd);
      expect(itsAcks.length).toBe(each);
      for (const [at, ack] of itsAcks.entries()) {
        // One message is in flight, so that the n-th acknowledgement answers the n-th message.
        const mark = hex(`mark-${deviceId}-${at + 1}.`);
        const stored = trace.find(
          ({ name, text }) => name.includes("write") && fdOf(text) !== fd && text.includes(mark),
        );
        const isFlushed = flushes.some(
          ({ startS, endS }) => startS >= (stored?.endS ?? Infinity) && endS <= ack.startS,
        );
        if (!isFlushed) unflushed.push(`${deviceId} ${at + 1}`);
      }
    }
    expect(unflushed).toEqual([]);
  },
);
