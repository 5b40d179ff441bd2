/** `npm run release`: the offline side of firmware. Private keys stay in a folder on the team's own machine. */
import { resolve } from "node:path";
import { Command, CommanderError, Option } from "commander";
import { systemClock } from "../platform/clock.ts";
import { CommandError, type CommonOptions, exitCodes, exitHelp, Speaker } from "./release/command.ts";
import { KeyFolder } from "./release/key-folder.ts";
import { rotatable, type Rotatable, refresh, rotate, withdraw } from "./release/keep.ts";
import { keygen, type KeygenOptions, modelList } from "./release/keygen.ts";
import { publish } from "./release/publish.ts";
import { sign, type SignOptions } from "./release/sign.ts";

const list = (value: string, before: string[] = []): string[] => [...before, ...value.split(",").filter(Boolean)];

const program = new Command("release")
  .description("Signs firmware offline, publishes it, and looks after the keys.")
  .addHelpText("after", exitHelp)
  .exitOverride();

/** A command with what all of them take. */
const command = (name: string, summary: string): Command =>
  program
    .command(name)
    .description(summary)
    .exitOverride()
    .addOption(new Option("--api <url>", "where Hearth is").env("HEARTH_URL").default("http://localhost:8080"))
    .addOption(new Option("--key <key>", "a staff key: release, or admin for keygen and rotate").env("HEARTH_KEY"))
    .addOption(
      new Option("--keys <folder>", "the folder with the team's keys")
        .env("HEARTH_RELEASE_KEYS")
        .default("release-keys"),
    )
    .option("--json", "the result as one line of JSON on stdout", false)
    .option("--dry-run", "say what would be done, and change nothing", false)
    .option("--yes", "do not ask", false);

const workOf = <Options extends CommonOptions>(options: Options) => ({
  options,
  folder: new KeyFolder(resolve(options.keys), process.env["HEARTH_RELEASE_PASSPHRASE"]),
  speaker: new Speaker(options),
  nowMs: systemClock.nowMs(),
});

command("keygen", "Make the team's keys and the first root; later, the key of a further model")
  .requiredOption("--model <model>", "a model that gets firmware; may be given again", list)
  .option("--no-register", "do not register the root; print how")
  .option("--timestamp-key <hex>", "the service's timestamp key, where the service cannot be reached from here")
  .action(async (options: KeygenOptions) => {
    const model = modelList.safeParse(options.model).data;
    if (model === undefined) throw new CommandError("usage", "--model wants keys of models such as oven-x200.");
    await keygen(workOf({ ...options, model }));
  });

command("sign", "Sign an image, without any network, into a bundle")
  .requiredOption("--model <model>", "the model that it is for")
  .requiredOption("--image <file>", "the image")
  .requiredOption("--release-version <version>", "its version, as appliances report it")
  .requiredOption("--counter <n>", "its release counter: above that of every release before it")
  .requiredOption("--hardware <ids>", "the hardware that it runs on, separated by commas", list)
  .option("--min-counter <n>", "the least counter of the release that it installs over", "0")
  .option("--pass-through", "appliances must not skip it", false)
  .option("--security", "a security release, and not one with features", false)
  .option("--notes <text>", "what people read about it")
  .option("--notes-file <file>", "the same, from a file")
  .option("--support-ends <date>", "until when it is supported, such as 2036-12-31")
  .option("--sbom <file>", "its SBOM: CycloneDX in JSON")
  .option("--out <folder>", "where the bundle goes; by default release-bundles/MODEL-VERSION-COUNTER")
  .action((options: SignOptions) => sign(workOf(options)));

command("publish", "Publish a bundle")
  .argument("<bundle>", "the folder that sign made")
  .action((bundle: string, options: CommonOptions) => publish(workOf(options), bundle));

command("refresh", "Sign again what would expire: targets, families and snapshot")
  .option("--within <days>", "only what expires within so many days")
  .option("--root", "the root as well, with two of its keys", false)
  .action((options: CommonOptions & { within?: string; root: boolean }) => refresh(workOf(options)));

command("rotate", "Put a new key in the place of one that was stolen, lost or used long enough")
  .argument("<role>", rotatable.join(", "))
  .option("--replace <n>", "which root key goes: 1, 2 or 3", "1")
  .option("--model <model>", "whose family")
  .action((role: string, options: CommonOptions & { model?: string; replace: string }) => {
    const known: Rotatable | undefined = rotatable.find((one) => one === role);
    if (known === undefined) throw new CommandError("usage", `rotate wants one of ${rotatable.join(", ")}.`);
    return rotate(workOf(options), known);
  });

command("withdraw", "Stop a release at once, and take its image out of the signed metadata")
  .argument("<release>", "the release's id")
  .requiredOption("--reason <text>", "why; it is kept and shown")
  .action((id: string, options: CommonOptions & { reason: string }) => withdraw(workOf(options), id));

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = tell(error);
}

/** Says what went wrong, and how the process ends. */
function tell(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage;
  if (error instanceof CommandError) {
    process.stderr.write(`${error.message}\n`);
    if (process.argv.includes("--json")) {
      process.stdout.write(`${JSON.stringify({ error: error.code, message: error.message, ...error.details })}\n`);
    }
    return exitCodes[error.code];
  }
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  return 1;
}
