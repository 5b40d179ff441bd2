import { defineConfig } from "vitest/config";
import { TallyReporter } from "./test/support/tally-reporter.ts";

export default defineConfig({
  test: {
    pool: "forks",
    include: ["{protocol,gateway,cloud,device-sim,test}/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    reporters: ["default", new TallyReporter()],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
