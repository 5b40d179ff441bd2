/** What the simulator's commands are told on their command lines. */
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { isLoopback } from "./platform/loopback.ts";

/** A command line that cannot be followed, in one sentence that names the option. */
export class UsageError extends Error {}

/** Each option by its name, where it was given. @throws UsageError for one that there is not, or that lacks its value */
export function optionsIn<const Types extends ParseArgsOptionsConfig>(args: readonly string[], types: Types) {
  try {
    return parseArgs({ args: [...args], options: types, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    const [sentence = ""] = (cause instanceof Error ? cause.message : String(cause)).split(/\.(?:\s|$)/);
    throw new UsageError(`${sentence}. See --help.`, { cause });
  }
}

type Bounds = [least: number, most: number];

export function number(name: string, text: string | undefined, fallback: number, [least, most]: Bounds): number {
  const value = text === undefined ? fallback : Number(text.trim() === "" ? Number.NaN : text);
  if (value >= least && value <= most) return value;
  throw new UsageError(`--${name} must be a number from ${least} to ${most}, not '${text}'.`);
}

export function whole(name: string, text: string | undefined, fallback: number, [least, most]: Bounds): number {
  const value = text === undefined ? fallback : /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`--${name} must be a whole number from ${least} to ${most}, not '${text}'.`);
}

export function checkAddress(name: string, address: string, protocols: string[], allowRemote: boolean): void {
  if (!URL.canParse(address) || !protocols.includes(new URL(address).protocol))
    throw new UsageError(
      `--${name} must be an address that begins with ${protocols.join("// or ")}//, not '${address}'.`,
    );
  if (!allowRemote && !isLoopback(new URL(address)))
    throw new UsageError(`--${name} ${address} is not on this machine: add --allow-remote if that is meant.`);
}
