/** The process `npm start` runs: reads the environment, starts Hearth, says where it is, and ends it when asked. */
import { readConfig, StartError } from "./platform/config.ts";
import { systemClock } from "./platform/clock.ts";
import { randomIds } from "./platform/ids.ts";
import { createLogger } from "./platform/logger.ts";
import { type Hearth, startHearth } from "./hearth.ts";

/** Longest orderly end; after that the process goes, and the next start deals with what it left. */
const stopMsMax = 10_000;

const say = (line: string) => process.stdout.write(`${line}\n`);

/** The same port under another name of this machine. */
function underHost(address: string | null, host: string | null): string | null {
  return address === null || host === null ? address : address.replace(/\/\/.*:/, `//${host}:`);
}

function sayWhere(hearth: Hearth): void {
  const { addresses, dataDir, databasePlace, firstKey, connectionsMax, filesMax, lanHosts, root, site } = hearth;
  say("");
  say("  Hearth is running.");
  say("");
  say(`    Console     ${site}/`);
  say(`    API         ${site}/api/v1      described at ${site}/api/docs`);
  say(`    Health      ${site}/api/v1/health`);
  if (addresses.mqtt !== null) say(`    MQTT        ${addresses.mqtt}`);
  // Without a network there is still this machine.
  const hosts = lanHosts === null || lanHosts.length === 0 ? [null] : lanHosts;
  for (const host of hosts) {
    const [https, mqtts] = [addresses.https, addresses.mqtts].map((address) => underHost(address, host));
    say(`    TLS         ${https}${mqtts ? `      ${mqtts}` : ""}`);
  }
  say(
    `    Root        ${root.file ?? "of the fleet CA"}${root.file === null ? "" : "      for boards and browsers to trust"}`,
  );
  say(`                SHA-256 ${root.fingerprint}`);
  say(
    `    Devices     up to ${connectionsMax} at once${filesMax === null ? "" : ` (this system allows ${filesMax} open files)`}`,
  );
  say(`    Data        ${dataDir}${databasePlace === null ? "" : `      database in ${databasePlace}`}`);
  if (firstKey === null) say("    Key         the one you have; `npm run key -- new` makes another");
  else say(`    Key         ${firstKey}      (admin; shown once; \`npm run key -- new\` makes another)`);
  say("");
  say("  Ctrl-C stops it.");
  say("");
}

async function main(): Promise<void> {
  const config = readConfig(process.env, process.argv.slice(2));
  const logger = createLogger(config.logLevel);
  let hearth: Hearth | null = null;
  let ending = false;
  const end = async (code: number, reason: string | null): Promise<void> => {
    if (ending) return;
    ending = true;
    if (reason !== null) process.stderr.write(`Hearth ends: ${reason}.\n`);
    setTimeout(() => process.exit(1), stopMsMax).unref();
    await hearth?.stop();
    process.exit(code);
  };
  const started = startHearth({
    config,
    logger,
    clock: systemClock,
    ids: randomIds,
    onGone: (reason) => void end(1, reason),
  });
  // Asked to end while it still starts: the start is finished first, so that nothing is left half made; but not for ever.
  const endOnceStarted = (): void => {
    setTimeout(() => process.exit(1), stopMsMax).unref();
    void started.then(
      () => end(0, null),
      () => {},
    );
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, endOnceStarted);
  // Started by another program that is gone: nobody would ever end this process.
  process.once("disconnect", endOnceStarted);
  hearth = await started;
  sayWhere(hearth);
  process.send?.({ kind: "ready", ...hearth.addresses, firstKey: hearth.firstKey });
}

try {
  await main();
} catch (error) {
  // What a person can put right is one sentence; anything else is ours, and keeps its stack.
  if (error instanceof StartError) process.stderr.write(`Hearth cannot start: ${error.message}\n`);
  else process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
}
