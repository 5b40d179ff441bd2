/** `npm run release`: signs firmware on the team's side, and brings it out. Private keys never leave the folder of `--keys`. */
import { Command, CommanderError, Option } from "commander";
import { CommandError, type CommonOptions, defaultApi, defaultKeys, exitCodes, exitHelp } from "./release/command.ts";

const list = (text: string, before: string[] = []): string[] => [
  ...before,
  ...text.split(",").filter((one) => one !== ""),
];

/** A command with the options that all have. */
const command = (parent: Command, signature: string, summary: string): Command =>
  parent
    .command(signature)
    .summary(summary)
    .description(summary)
    .addOption(new Option("--api <url>", "the service").env("HEARTH_URL").default(defaultApi))
    .addOption(new Option("--key <key>", "a staff key of role release, or admin for root").env("HEARTH_KEY"))
    .addOption(new Option("--keys <dir>", "the team's keys").env("HEARTH_RELEASE_KEYS").default(defaultKeys))
    .option("--json", "the result as JSON on stdout", false)
    .option("--dry-run", "say what would be done, and change nothing", false)
    .option("--yes", "do not ask", false);

/** Read here and nowhere else. */
const withPassphrase = <T extends CommonOptions>(options: T): T => ({
  ...options,
  passphrase: process.env["HEARTH_RELEASE_PASSPHRASE"] || undefined,
});

const program = new Command("release")
  .usage("<command> [options]")
  .description("Signs firmware on the team's side, and brings it out.")
  .addHelpText(
    "after",
    `
The private keys stay in the folder of --keys (0700, files 0600), in their files as they are, or encrypted where HEARTH_RELEASE_PASSPHRASE
is set. What the folder last saw of the signed repository is in its repository/: \`sign\` works on top of that, without a network.
What the service hands out is verified against it before anything is signed.

  on the machine that...   lie these keys
  signs                    fw-{model}.key, and repository/
  publishes                snapshot.key, and repository/
  (in safes)               root-1.key, root-2.key, root-3.key, targets.key
${exitHelp}`,
  )
  .showHelpAfterError("(--help says more)")
  .exitOverride();

command(program, "keygen", "make the team's keys and the first root, or the key of another model")
  .requiredOption("--model <model>", "a product family; several with commas, or once more", list)
  .option("--no-register", "leave the registering to an admin, who has no keys: says how")
  .option("--timestamp-key <hex>", "the service's timestamp key, where the service cannot be reached from here")
  .action(async (options) => (await import("./release/keygen.ts")).keygen(withPassphrase(options)));

command(program, "sign", "sign an image, offline: makes a folder to publish")
  .requiredOption("--model <model>", "whose image it is")
  .requiredOption("--version <version>", "as people read it: 2.1.0")
  .requiredOption("--counter <n>", "higher than of every release of the model before")
  .requiredOption("--hardware <ids>", "revisions that may run it, with commas", list)
  .requiredOption("--image <file>", "the image")
  .option("--min-counter <n>", "the least counter that an appliance runs before; 0: any", "0")
  .addOption(new Option("--kind <kind>", "what it is").choices(["security", "feature"]).default("feature"))
  .option("--pass-through", "no appliance below it is brought past it", false)
  .option("--notes <text>", "what is new, for households")
  .option("--notes-file <file>", "the same from a file")
  .option("--support-ends <date>", "until when it is supported: 2031-12-31")
  .option("--sbom <file>", "its CycloneDX SBOM in JSON")
  .option("--out <dir>", "the folder to make (default: release-bundles/{model}-{version}-{counter})")
  .addHelpText(
    "after",
    `
Signed with the model's key are the image's length, SHA-256, hardware, version and counters, together with all that the model
published before, as --keys knows it. kind, notes, pass-through, support-ends and sbom travel beside: no appliance believes them.
To publish, the snapshot key is enough, unless another release of the model came between: then the model's key signs again.`,
  )
  .action(async (options) => (await import("./release/sign.ts")).sign(withPassphrase(options)));

command(program, "publish <bundle>", "bring out what `sign` has made").action(async (bundle: string, options) =>
  (await import("./release/publish.ts")).publish(withPassphrase(options), bundle),
);

command(program, "refresh", "sign everything again with later expiries, for another 180 days")
  .option("--within <days>", "only what expires within so many days")
  .option("--root", "the root as well, with two of its keys", false)
  .action(async (options) => (await import("./release/refresh.ts")).refresh(withPassphrase(options)));

command(
  program,
  "rotate <role> [model]",
  "put a new key in the place of root, targets, snapshot, timestamp, or family MODEL",
)
  .option("--replace <keys>", "which of root-1, root-2, root-3 (default: all)", list, [])
  .addHelpText(
    "after",
    `
All but \`rotate family\` make a new root, signed by two of the three root keys, and want an admin's key.
rotate timestamp: the service has another key of its own, and root is to name it.`,
  )
  .action(async (role: string, model: string | undefined, options) =>
    (await import("./release/rotate.ts")).rotate(withPassphrase(options), role, model),
  );

command(program, "withdraw <version>", "offer a release no more, and take its image out of what is signed")
  .requiredOption("--model <model>", "whose release it is")
  .requiredOption("--reason <text>", "why, for those who ask later")
  .action(async (version: string, options) =>
    (await import("./release/withdraw.ts")).withdraw(withPassphrase(options), version),
  );

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommandError) {
    process.stderr.write(`${error.message}\n`);
    if (process.argv.includes("--json")) {
      process.stdout.write(`${JSON.stringify({ error: error.code, message: error.message, ...error.details })}\n`);
    }
    process.exitCode = exitCodes[error.code];
  } else if (error instanceof CommanderError) {
    // It has said why already.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  }
}
