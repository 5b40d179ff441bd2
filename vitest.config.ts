import { defineConfig } from "vitest/config";
import { TallyReporter } from "./test/support/tally-reporter.ts";

export default defineConfig({
  test: {
    pool: "forks",
    include: ["{protocol,gateway,cloud,device-sim,test}/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    reporters: ["default", new TallyReporter()],
    // Far beyond what any test needs: a slow machine is no failure, and what waits has a deadline of its own.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
