/**
 * `npm run fuzz -- --cases 100000 --seed 1`: hostile connections against a gateway, and a healthy device that must notice nothing.
 * Ends with code 1 and the seed and cases where it did; `--from` tries those again alone.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Arena } from "../../gateway/testing/arena.ts";

const { values } = parseArgs({
  options: { cases: { type: "string" }, seed: { type: "string" }, from: { type: "string" } },
});
const numberOf = (name: keyof typeof values, otherwise: number): number => {
  const value = Number(values[name] ?? otherwise);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  process.stderr.write(`--${name} wants a whole number, and had ${values[name]}\n`);
  process.exit(2);
};
const cases = numberOf("cases", 100_000);
const seed = numberOf("seed", Date.now() % 1_000_000);
const from = numberOf("from", 0);
const progressMs = 5_000;

process.stdout.write(`seed ${seed}, ${cases} cases from ${from}\n`);
const startedAt = performance.now();
let saidAt = startedAt;
const dir = await mkdtemp(join(tmpdir(), "hearth-fuzz-"));
const arena = await Arena.open(dir);
try {
  await arena.run(seed, from, cases, (done) => {
    const now = performance.now();
    if (now - saidAt < progressMs) return;
    saidAt = now;
    process.stdout.write(`${done} of ${cases}, ${Math.round((done * 1_000) / (now - startedAt))} a second\n`);
  });
  const { gates, brokerClients, open } = await arena.remains();
  if (gates !== 1 || brokerClients !== 1 || open !== 1) {
    throw new Error(
      `left behind: ${gates - 1} gates, ${brokerClients - 1} clients of the broker, ${open - 1} connections`,
    );
  }
  const tookS = ((performance.now() - startedAt) / 1_000).toFixed(1);
  process.stdout.write(`seed ${seed}: ${cases} cases in ${tookS} s, nothing lost and nothing left behind\n`);
} catch (error) {
  process.exitCode = 1;
  console.error(error);
} finally {
  await arena.close();
  await rm(dir, { recursive: true, force: true });
}
