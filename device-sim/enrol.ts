/**
 * The process `npm run enrol` runs: asks for the certificate of one serial number with a CSR that was made elsewhere, and prints what
 * comes. For trying a board whose own firmware does not speak yet; the private key stays where it was made.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { batchKey, serialNumber } from "#protocol/provisioning.ts";
import { UsageError } from "./command-line.ts";
import { firstContact } from "./link/first-contact.ts";
import { isLoopback } from "./platform/loopback.ts";
import { systemTimers } from "./platform/timers.ts";

const usage = `Asks for an appliance's certificate, and prints it with what leads to its root, in PEM.

  openssl ecparam -name prime256v1 -genkey -noout -out SN-0001.key
  openssl req -new -key SN-0001.key -subj /CN=SN-0001 -out SN-0001.csr
  HEARTH_CLAIM_SECRET=... npm run -s enrol -- --batch 2026-41 --serial SN-0001 --csr SN-0001.csr --ca data/pki/root.pem > SN-0001.pem

  --batch KEY      the production batch
  --serial SN      the serial number, which is on its list
  --csr FILE       PKCS #10 in PEM
  --broker URL     mqtts://localhost:8883
  --ca FILE        PEM of the root that the broker's certificate leads to; without it, the roots that the system believes
  --allow-remote   a broker that is not on this machine

  HEARTH_CLAIM_SECRET holds the batch's claim secret: a command line can be read by others.
`;

function read(option: string, path: string | undefined): string {
  if (path === undefined) throw new UsageError(`--${option} FILE must be given. See --help.`);
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new UsageError(`--${option} ${path} cannot be read.`, { cause });
  }
}

function options(args: readonly string[]) {
  const string = { type: "string" } as const;
  const boolean = { type: "boolean" } as const;
  const types = { batch: string, serial: string, csr: string, broker: string, ca: string };
  const { values } = parseArgs({ args: [...args], options: { ...types, "allow-remote": boolean, help: boolean } });
  if (values.help === true) return null;
  const batch = batchKey.safeParse(values.batch).data;
  const serial = serialNumber.safeParse(values.serial).data;
  if (batch === undefined) throw new UsageError("--batch must be a batch's key. See --help.");
  if (serial === undefined) throw new UsageError("--serial must be a manufactured serial number. See --help.");
  const broker = values.broker ?? "mqtts://localhost:8883";
  const isHere = URL.canParse(broker) && isLoopback(new URL(broker));
  if (!isHere && values["allow-remote"] !== true)
    throw new UsageError(`--broker ${broker} is not on this machine: add --allow-remote if that is meant.`);
  const secret = process.env["HEARTH_CLAIM_SECRET"] ?? "";
  if (secret === "") throw new UsageError("HEARTH_CLAIM_SECRET must hold the batch's claim secret.");
  const payload = JSON.stringify({ csr: read("csr", values.csr) });
  return {
    broker,
    serial,
    payload,
    claim: { batch, secret },
    ...(values.ca === undefined ? {} : { ca: read("ca", values.ca) }),
  };
}

async function main(): Promise<void> {
  const given = options(process.argv.slice(2));
  if (given === null) {
    process.stdout.write(usage);
    return;
  }
  const signal = new AbortController().signal;
  const reply = await firstContact({ ...given, timers: systemTimers, signal }).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`${given.broker} gave no answer: ${why}.`, { cause });
  });
  if (reply.kind === "refused") throw new UsageError(`It was refused (${reply.rule}): ${reply.detail}`);
  process.stdout.write(reply.certificate + reply.chain);
}

try {
  await main();
  process.exit(0);
} catch (error) {
  const isUsage = error instanceof UsageError || (error instanceof TypeError && "code" in error);
  if (!isUsage) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
