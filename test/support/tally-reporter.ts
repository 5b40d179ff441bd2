import type { Reporter, TestModule } from "vitest/node";

/** Real cooks are data from elsewhere, which a checkout may lie beside or not. Their tests say so in their names. */
const needsRecordings = /\b(real cook|recorded ones?)\b/;

/**
 * Ends the run with one line, `N passed, N failed, N skipped`. A skipped test misses a tool; under CI, where every tool is installed,
 * that is an error. Only recordings of real cooks may be missing there.
 */
export class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const skippedTests = tests.filter((test) => test.result().state === "skipped");
    const count = (state: string) => tests.filter((test) => test.result().state === state).length;
    const [passed, failed, skipped] = [count("passed"), count("failed"), count("skipped")];
    // Vitest's own reporters write theirs at this same moment; the tally comes after them.
    process.once("exit", () => {
      for (const test of skippedTests) {
        process.stdout.write(`skipped: ${test.module.moduleId.replace(process.cwd(), ".")} > ${test.name}\n`);
      }
      process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
    });
    const missed = skippedTests.filter((test) => !needsRecordings.test(test.name));
    if (process.env["CI"] !== undefined && missed.length > 0) process.exitCode = 1;
  }
}
