import { type GatewayLimits, gatewayLimitsSchema, limitRows } from "#protocol/link/limits.ts";

const rowOf = new Map(limitRows.map((row) => [row.variable, row]));

/**
 * The gateway's limits, as the environment sets them.
 *
 * @param env without empty values
 * @returns a sentence where a variable is none of ours or has a value that its limit does not take
 */
export function readLimits(
  env: Record<string, string>,
): { kind: "limits"; limits: GatewayLimits } | { kind: "refused"; sentence: string } {
  const given: Record<string, number> = {};
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith("HEARTH_LIMIT_")) continue;
    const row = rowOf.get(variable);
    if (row === undefined) {
      return { kind: "refused", sentence: `${variable} is no limit of Hearth: \`npm run limits\` lists them.` };
    }
    const { name, title, unit, least, most } = row;
    // A number and nothing besides: Number() would take '0x10', '1e9' and blanks.
    const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= least && number <= most)) {
      const wanted = `a whole number${unit === "" ? "" : ` of ${unit}`} from ${least} to ${most}`;
      return { kind: "refused", sentence: `${variable} is '${value}', but Hearth wants ${wanted} (${title}).` };
    }
    given[name] = number;
  }
  return { kind: "limits", limits: gatewayLimitsSchema.parse(given) };
}

/** All limits as a table of Markdown, as the README has it. The spool's bound is a setting of its own, and a limit like the others. */
export function limitsTable(): string {
  const lines = [...limitRows, spoolBytes].map(
    ({ title, variable, standard, unit, at }) =>
      `| ${title} | \`${variable}\` | ${standard}${unit === "" ? "" : ` ${unit}`} | ${at} |`,
  );
  return ["| limit | variable | default | at it |", "|---|---|---|---|", ...lines].join("\n");
}

const spoolBytes = {
  title: "The spool: what is on disk and not yet in the database",
  variable: "HEARTH_SPOOL_BYTES",
  standard: 1_073_741_824,
  unit: "bytes",
  at: "QoS 1 waits, QoS 0 is dropped and counted, CONNACK 3; until a fifth of it is free again",
};
