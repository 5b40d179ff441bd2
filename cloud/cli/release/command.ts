/** What all commands of `npm run release` share: how they speak, and how they end. */
import { createInterface } from "node:readline/promises";

/** How the command ends; `--help` lists them. */
export const exitCodes = {
  usage: 2,
  refused: 3,
  unreachable: 4,
  not_allowed: 3,
  moved: 3,
  keys: 5,
} as const;

export const exitHelp = `
Exit codes:
  0  done
  1  something went wrong that should not
  2  the command or one of its options is not right, or nobody said --yes
  3  the service refused, or hands out what is not to be trusted
  4  the service could not be reached
  5  a private key or a file of the bundle is missing, or is not what it should be`;

/** An end that a person can do something about: printed as a sentence, without a stack. */
export class CommandError extends Error {
  override name = "CommandError";
  readonly code: keyof typeof exitCodes;
  readonly details: Record<string, unknown>;

  constructor(code: keyof typeof exitCodes, message: string, details: Record<string, unknown> = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

export const defaultKeys = "release-keys";
export const defaultApi = "http://127.0.0.1:8080";

export interface CommonOptions {
  api: string;
  key?: string | undefined;
  keys: string;
  json: boolean;
  dryRun: boolean;
  yes: boolean;
  /** With which the keys are encrypted in their files; left out: they are not. */
  passphrase?: string | undefined;
}

/** Data goes to stdout, in one piece at the end; everything that is said on the way to stderr. */
export class Speaker {
  readonly #json: boolean;
  #progress = "";

  constructor(options: Pick<CommonOptions, "json">) {
    this.#json = options.json;
  }

  /** A step that was done. */
  say(sentence: string): void {
    this.#endProgress();
    process.stderr.write(`${sentence}\n`);
  }

  /** How far a long step is; on a terminal alone, over itself. */
  progress(sentence: string): void {
    if (!process.stderr.isTTY || sentence === this.#progress) return;
    process.stderr.write(`\r${sentence}\u001B[K`);
    this.#progress = sentence;
  }

  #endProgress(): void {
    if (this.#progress !== "") process.stderr.write("\n");
    this.#progress = "";
  }

  /** What came of it, and what would come next. */
  result(data: Record<string, unknown>, lines: readonly string[], next?: string): void {
    this.#endProgress();
    process.stdout.write(this.#json ? `${JSON.stringify(data)}\n` : lines.map((line) => `${line}\n`).join(""));
    if (next !== undefined) process.stderr.write(`\nNext: ${next}\n`);
  }
}

/** Goes on only if somebody wants it: `--yes`, or a yes at the terminal. */
export async function confirm(options: Pick<CommonOptions, "yes" | "dryRun">, question: string): Promise<void> {
  if (options.yes || options.dryRun) return;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new CommandError("usage", `${question} Say --yes: nobody can be asked here.`);
  }
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await asking.question(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new CommandError("usage", "Nothing was done.");
  } finally {
    asking.close();
  }
}

/** How the next command names the folder and the service, where they are not the usual ones. */
export const sameOptions = ({ keys, api }: Pick<CommonOptions, "keys" | "api">): string =>
  `${keys === defaultKeys ? "" : ` --keys ${keys}`}${api === defaultApi ? "" : ` --api ${api}`}`;
