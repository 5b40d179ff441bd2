/** `npm run decide`: why a household got an item, or why it did not; asked of the running service, and decided again from what it stored. */
import { traceDays, triedWords } from "../engagement/engagement.ts";
import { Command, CommanderError, Option } from "commander";
import { z } from "zod";

const trace = z.object({
  tests: z.array(
    z.object({
      test: z.string(),
      outcome: z.string(),
      says: z.string(),
      with: z.record(z.string(), z.unknown()).optional(),
    }),
  ),
  terms: z.array(z.object({ from: z.string(), term: z.string(), points: z.number(), about: z.string().optional() })),
});
const explanation = z.object({
  stored: z
    .object({
      answer: z.string(),
      says: z.string(),
      decidedAtMs: z.number(),
      score: z.number(),
      trace: trace.nullable(),
    })
    .nullable(),
  replay: z.object({ same: z.boolean(), answer: z.string(), reason: z.string().nullable() }).nullable(),
  before: z.array(z.object({ decidedAtMs: z.number(), answer: z.string(), reason: z.string().nullable() })),
  now: z.array(
    z.object({
      campaign: z.object({ name: z.string(), state: z.string() }),
      isMember: z.boolean(),
      says: z.string(),
      trace,
    }),
  ),
});
type Trace = z.infer<typeof trace>;

interface Options {
  api: string;
  key?: string;
  household: string;
  item: string;
  explain: boolean;
  json: boolean;
}

const say = (line: string) => void process.stdout.write(`${line}\n`);
const timeText = (atMs: number) => new Date(atMs).toISOString();

async function ask({ api, key, household, item }: Options): Promise<unknown> {
  const response = await fetch(`${api.replace(/\/+$/, "")}/api/v1/decisions/explain`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key ?? ""}` },
    body: JSON.stringify({ householdId: household, itemId: item }),
  });
  const body: unknown = await response.json();
  if (response.ok) return body;
  const { detail, help } = z.object({ detail: z.string(), help: z.string() }).partial().parse(body);
  throw new Error(`${detail ?? `The service answered ${response.status}.`} ${help ?? ""}`);
}

function explain({ tests, terms }: Trace): void {
  for (const [at, { test, outcome, says, with: values }] of tests.entries()) {
    const more = values === undefined ? "" : ` ${JSON.stringify(values)}`;
    say(`  ${at + 1} ${test.padEnd(9)} ${outcome.padEnd(11)} ${outcome === "not_asked" ? "" : says + more}`.trimEnd());
    const tried = z.array(z.string()).safeParse(values?.["tried"]);
    for (const way of triedWords(tried.data ?? [])) say(`      ${way}`);
  }
  for (const { from, term, points, about } of terms)
    say(`    ${points > 0 ? "+" : ""}${points} ${from}: ${term}${about === undefined ? "" : ` (${about})`}`);
}

async function decide(options: Options): Promise<void> {
  const body = await ask(options);
  if (options.json) return say(JSON.stringify(body));
  const { stored, replay, before, now } = explanation.parse(body);
  if (stored === null) say("Nothing was decided about it for this household.");
  else {
    say(`${timeText(stored.decidedAtMs)}: ${stored.says}`);
    if (replay !== null)
      say(
        replay.same
          ? "Decided again from what is stored: the same."
          : `Decided again from what is stored: ${replay.answer}.`,
      );
    if (stored.trace === null) say(`How it was decided is gone: that is kept for ${traceDays} days.`);
    else if (options.explain) explain(stored.trace);
    for (const one of before) say(`before, ${timeText(one.decidedAtMs)}: ${one.answer} (${one.reason ?? "-"})`);
  }
  for (const { campaign, isMember, says, trace: traced } of now) {
    say(`Asked now, for ${campaign.name} (${campaign.state}, ${isMember ? "in" : "not in"} its audience): ${says}`);
    if (options.explain) explain(traced);
  }
  // Whoever keeps a watch on it learns that the code or the record is not what it was.
  if (replay?.same === false) process.exitCode = 3;
}

try {
  await new Command("decide")
    .description("Says why a household got an item, or why it did not, and decides again from what is stored.")
    .requiredOption("--household <id>", "the household")
    .requiredOption("--item <id>", "the content item")
    .option("--explain", "every test, and every term of the score", false)
    .option("--json", "the answer of the service as it is", false)
    .addOption(new Option("--api <url>", "the service").env("HEARTH_URL").default("http://127.0.0.1:8080"))
    .addOption(new Option("--key <key>", "a staff key of role support, content or admin").env("HEARTH_KEY"))
    .addHelpText("after", "\nEnds with 3 where deciding again from what is stored comes to something else.")
    .exitOverride()
    .action(decide)
    .parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode;
  else {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
