/** `npm run ca`: the certificates of a production, made on any machine. It reads no settings and talks to nobody. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { access, mkdir, readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { certificatesIn } from "../pki/core/pem.ts";
import { type Authority, issueServer, newIntermediate, newKey, newRoot } from "../pki/pki.ts";
import { systemClock } from "../platform/clock.ts";
import { StartError } from "../platform/config.ts";
import { writeWhole } from "../platform/storage.ts";

const dayMs = 86_400_000;
/** The root outlives the appliances; 397 days is the most that browsers believe of a server. */
const usualDays = { root: 9_131, intermediate: 3_652, server: 397 } as const;

const usage = `usage: npm run ca -- new [--name NAME]
       npm run ca -- intermediate
       npm run ca -- server NAME...
       each with [--dir DIR] [--days DAYS]

Makes the certificates that Hearth wants in production, in DIR (./ca), on any machine:

  new            a root (25 years): root.pem for the appliances to believe, root.key for a safe
  intermediate   the fleet CA (10 years), which signs the appliances' certificates: fleet-ca.pem, fleet-ca.key
  server         the server's certificate (397 days) for DNS names and addresses: server.pem, server.key;
                 once more before it ends, and a running Hearth takes the new one up`;

const keyMode = 0o600;
const openMode = 0o644;
const say = (...lines: string[]) => process.stdout.write(`${lines.join("\n")}\n`);

interface Options {
  dir: string;
  name: string;
  days: number | null;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** What is signed for many years is never written over. */
async function refuseIfThere(dir: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (!(await exists(join(dir, name)))) continue;
    throw new StartError(`${join(dir, name)} is there already: move it away, or name another folder with --dir.`);
  }
}

/** A certificate and its key, to sign with. */
async function authorityIn(dir: string, name: string, madeBy: string): Promise<Authority> {
  const [certFile, keyFile] = [join(dir, `${name}.pem`), join(dir, `${name}.key`)];
  const textOf = (path: string) =>
    readFile(path, "utf8").catch(() => {
      throw new StartError(`${path} cannot be read: bring it here, or make it with \`npm run ca -- ${madeBy}\`.`);
    });
  const [chain, privateKey] = [await textOf(certFile), await textOf(keyFile)];
  const [certificate] = certificatesIn(chain) ?? [];
  if (certificate === undefined) throw new StartError(`${certFile} has no certificate in PEM.`);
  if (!fits(certificate, privateKey)) throw new StartError(`${keyFile} is not the key of ${certFile}.`);
  return { certificate: certificate.toString(), privateKey };
}

function fits(certificate: X509Certificate, privateKey: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(privateKey));
  } catch {
    return false;
  }
}

const term = (days: number) => ({ nowMs: systemClock.nowMs(), validMs: days * dayMs });

async function makeRoot({ dir, name, days }: Options): Promise<void> {
  await refuseIfThere(dir, ["root.pem", "root.key"]);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const root = await newRoot({ commonName: `${name} root`, organisation: name }, term(days ?? usualDays.root));
  await writeWhole(join(dir, "root.key"), root.privateKey, keyMode);
  await writeWhole(join(dir, "root.pem"), root.certificate, openMode);
  say(
    `${join(dir, "root.pem")}   the root: every appliance is built to believe it`,
    `${join(dir, "root.key")}   its key: nothing that runs needs it`,
    "",
    "Next, here: npm run ca -- intermediate",
    `Then take ${join(dir, "root.key")} away, to a medium in a safe: it is wanted again for the next intermediate, and by nobody else.`,
  );
}

async function makeIntermediate({ dir, days }: Options): Promise<void> {
  await refuseIfThere(dir, ["fleet-ca.pem", "fleet-ca.key"]);
  const root = await authorityIn(dir, "root", "new");
  const organisation = String(new X509Certificate(root.certificate).toLegacyObject().subject["O"] ?? "Hearth");
  const made = await newIntermediate(
    root,
    { commonName: `${organisation} fleet CA`, organisation },
    term(days ?? usualDays.intermediate),
  );
  await writeWhole(join(dir, "fleet-ca.key"), made.privateKey, keyMode);
  await writeWhole(join(dir, "fleet-ca.pem"), made.certificate + root.certificate, openMode);
  say(
    `HEARTH_FLEET_CA_CERT=${join(dir, "fleet-ca.pem")}`,
    `HEARTH_FLEET_CA_KEY=${join(dir, "fleet-ca.key")}   for the server alone`,
    "",
    `Now take ${join(dir, "root.key")} away, to a medium in a safe, and remove it here.`,
    "Next: npm run ca -- server hearth.example, with the names by which appliances and people reach Hearth",
  );
}

const dnsName = /^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;

async function makeServer({ dir, days }: Options, names: readonly string[]): Promise<void> {
  const [first, ...others] = names;
  if (first === undefined) throw new StartError(`server wants a name at least.\n\n${usage}`);
  const wrong = names.find((name) => isIP(name) === 0 && (!dnsName.test(name) || name.length > 253));
  if (wrong !== undefined) throw new StartError(`'${wrong}' is neither a DNS name nor an IP address.`);
  const fleet = await authorityIn(dir, "fleet-ca", "intermediate");
  const { privateKey, publicKey } = newKey();
  const made = await issueServer(fleet, { names: [first, ...others], publicKey, ...term(days ?? usualDays.server) });
  await writeWhole(join(dir, "server.key"), privateKey, keyMode);
  await writeWhole(join(dir, "server.pem"), made.certificate + fleet.certificate, openMode);
  say(
    `HEARTH_TLS_CERT=${join(dir, "server.pem")}`,
    `HEARTH_TLS_KEY=${join(dir, "server.key")}   for the server alone`,
    "",
    `It ends on ${new Date(made.notAfterMs).toISOString().slice(0, 10)}. The same command makes the next one, and a running Hearth takes it up by itself.`,
    ...((await exists(join(dir, "root.key"))) ? ["", `${join(dir, "root.key")} is still here: take it away.`] : []),
  );
}

function readDays(text: string | undefined): number | null {
  if (text === undefined) return null;
  const days = Number(text);
  if (Number.isInteger(days) && days >= 1 && days <= 36_500) return days;
  throw new StartError(`--days is '${text}', but it wants a whole number from 1 to 36500.`);
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      dir: { type: "string", default: "ca" },
      name: { type: "string", default: "Hearth" },
      days: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const [command, ...names] = positionals;
  const options = { dir: values.dir, name: values.name.slice(0, 50), days: readDays(values.days) };
  if (values.help) {
    say(usage);
    process.exit(0);
  }
  if (command === "new" && names.length === 0) await makeRoot(options);
  else if (command === "intermediate" && names.length === 0) await makeIntermediate(options);
  else if (command === "server") await makeServer(options, names);
  else throw new StartError(usage);
} catch (error) {
  const known = error instanceof StartError || (error instanceof TypeError && "code" in error);
  process.stderr.write(known ? `${error.message}\n` : `${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
}
