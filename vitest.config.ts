import { defineConfig } from "vitest/config";
import { TallyReporter } from "./test/support/tally-reporter.ts";

export default defineConfig({
  test: {
    pool: "forks",
    // Most files wait for services, clocks and disks more than they compute, on few cores as on many. More of them than this would
    // want more connections than the one PostgreSQL of the run gives.
    maxWorkers: 4,
    // Importing what a test needs costs more than most tests. Nothing of ours keeps state in a module, so files may share their imports.
    isolate: false,
    include: ["{protocol,gateway,cloud,device-sim,test}/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    reporters: ["default", new TallyReporter()],
    // Far beyond what any test needs: a slow machine is no failure, and what waits has a deadline of its own.
    testTimeout: 240_000,
    hookTimeout: 240_000,
  },
});
