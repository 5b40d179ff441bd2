import type { Reporter, TestModule } from "vitest/node";

/**
 * Ends the run with one line, `N passed, N failed, N skipped`. A skipped test misses a tool; under CI, where everything is installed,
 * that is an error.
 */
export class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string) => tests.filter((test) => test.result().state === state).length;
    const [passed, failed, skipped] = [count("passed"), count("failed"), count("skipped")];
    // Vitest's own reporters write theirs at this same moment; the tally comes after them.
    process.once("exit", () => {
      for (const test of tests.filter((one) => one.result().state === "skipped")) {
        process.stdout.write(`skipped: ${test.module.moduleId.replace(process.cwd(), ".")} > ${test.name}\n`);
      }
      process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
    });
    if (process.env["CI"] !== undefined && skipped > 0) process.exitCode = 1;
  }
}
