import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { deviceId, locale, modelKey } from "#protocol/ids.ts";
import { personaNames } from "../core/household.ts";
import { UsageError } from "../command-line.ts";

/** What a back-fill began, in a file: run again it tells the same history of the same appliances. It holds their tokens. */
const backfillRecord = z.strictObject({
  url: z.string(),
  seed: z.int(),
  days: z.int(),
  ailing: z.int(),
  /** The time that is filled. It stays when the command is run again later: another beginning would be another history. */
  fromMs: z.int(),
  toMs: z.int(),
  /** Whether the appliances have their households. */
  settled: z.boolean(),
  devices: z
    .array(
      z.strictObject({
        id: deviceId,
        token: z.string(),
        model: modelKey,
        locale,
        timeZone: z.string(),
        country: z.string(),
        persona: z.enum(personaNames),
        seed: z.int(),
        done: z.boolean(),
      }),
    )
    .min(1),
});
export type BackfillRecord = z.infer<typeof backfillRecord>;

/** @returns null where there is no such file. @throws UsageError */
export function readBackfillFile(path: string): BackfillRecord | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return null;
    throw new UsageError(`--file ${path} cannot be read.`, { cause });
  }
  try {
    const json: unknown = JSON.parse(text);
    return backfillRecord.parse(json);
  } catch (cause) {
    throw new UsageError(`--file ${path} is no file of a back-fill; name another one.`, { cause });
  }
}

/** Whole or not at all: a half-written file would lose tokens that are told only once. */
export function writeBackfillFile(path: string, record: BackfillRecord): void {
  const half = `${path}.part`;
  writeFileSync(half, `${JSON.stringify(record, null, 1)}\n`, { mode: 0o600 });
  renameSync(half, path);
}

/** Why a file belongs to another back-fill than the one that is asked for, in a sentence; null where it is the same. */
export function otherBackfill(
  path: string,
  { url, seed, days, ailing, devices }: BackfillRecord,
  asked: { url: string; seed: number; days: number; ailing: number; count: number },
): string | null {
  const differs = Object.entries({ url, seed, days, ailing, count: devices.length }).find(
    ([name, value]) => Object.entries(asked).find(([other]) => other === name)?.[1] !== value,
  );
  if (differs === undefined) return null;
  return `--file ${path} is of a back-fill with --${differs[0]} ${differs[1]}: ask for the same, or name another file.`;
}
