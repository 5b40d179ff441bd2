import type { Reporter, TestModule } from "vitest/node";

/** Real cooks are data from elsewhere, which a checkout may lie beside or not. Their tests say so in their names. */
const needsRecordings = /\b(real cook|recorded ones?)\b/;

const slowestMax = 10;

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
const pathOf = (module: TestModule) => module.moduleId.replace(process.cwd(), ".");

/** The files that took longest, and of that what their imports took: where to look when a run has become slow. */
function slowest(modules: readonly TestModule[]): string[] {
  const times = modules.map((module) => {
    const { collectDuration, duration } = module.diagnostic();
    return { path: pathOf(module), importMs: collectDuration, allMs: collectDuration + duration };
  });
  return times
    .toSorted((a, b) => b.allMs - a.allMs)
    .slice(0, slowestMax)
    .map(({ path, importMs, allMs }) => `${seconds(allMs).padStart(8)}  ${path} (imports ${seconds(importMs)})`);
}

/**
 * Ends the run with one line, `N passed, N failed, N skipped`. A skipped test misses a tool; under CI, where every tool is installed,
 * that is an error. Only recordings of real cooks may be missing there. `HEARTH_TEST_TIMES=1` has the ten slowest files before it.
 */
export class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const skippedTests = tests.filter((test) => test.result().state === "skipped");
    const count = (state: string) => tests.filter((test) => test.result().state === state).length;
    const [passed, failed, skipped] = [count("passed"), count("failed"), count("skipped")];
    // Vitest's own reporters write theirs at this same moment; the tally comes after them.
    process.once("exit", () => {
      if (process.env["HEARTH_TEST_TIMES"] === "1") process.stdout.write(`${slowest(modules).join("\n")}\n`);
      for (const test of skippedTests) {
        process.stdout.write(`skipped: ${pathOf(test.module)} > ${test.name}\n`);
      }
      process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
    });
    const missed = skippedTests.filter((test) => !needsRecordings.test(test.name));
    if (process.env["CI"] !== undefined && missed.length > 0) process.exitCode = 1;
  }
}
