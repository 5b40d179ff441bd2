/** `npm run key -- new`: makes a staff key, whether or not the service runs. */
import { parseArgs } from "node:util";
import { systemClock } from "../platform/clock.ts";
import { readConfig, StartError } from "../platform/config.ts";
import { migrate } from "../platform/database.ts";
import { randomIds } from "../platform/ids.ts";
import { Staff, type StaffRole, staffRoles } from "../staff/staff.ts";
import { withDatabase } from "./own-database.ts";

const usage = `usage: npm run key -- new [--name NAME] [--role ${staffRoles.join("|")}]

Makes a staff key and prints it once; only its hash is kept. Without --role the key is an admin's.
Uses HEARTH_DATA_DIR (./data) or DATABASE_URL, as \`npm start\` does; the service may be running or not.`;

async function newKey(name: string, role: StaffRole): Promise<void> {
  const { key, secret } = await withDatabase(readConfig(process.env), async (database) => {
    await migrate(database.db);
    const staff = new Staff({ db: database.db, clock: systemClock, ids: randomIds });
    return staff.createKey({ kind: "system" }, name, role);
  });
  process.stderr.write(`A key named '${key.name}', role ${key.role}. It is shown this once:\n`);
  process.stdout.write(`${secret}\n`);
}

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      name: { type: "string", default: "made on the command line" },
      role: { type: "string", default: "admin" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const role = staffRoles.find((known) => known === values.role);
  if (values.help) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  if (positionals[0] !== "new" || positionals.length > 1) throw new StartError(usage);
  if (role === undefined)
    throw new StartError(`--role is '${values.role}', but it wants one of ${staffRoles.join(", ")}.`);
  await newKey(values.name, role);
} catch (error) {
  const known = error instanceof StartError || (error instanceof TypeError && "code" in error);
  process.stderr.write(known ? `${error.message}\n` : `${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
}
