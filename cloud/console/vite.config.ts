import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { builtFromFile, sourceHash } from "./source-hash.ts";

const consoleDir = import.meta.dirname;

/** Leaves in the build which sources it came from, so that the service knows when to build again. */
function builtFrom(): Plugin {
  let outDir = "dist";
  return {
    name: "hearth:built-from",
    configResolved(config) {
      outDir = config.build.outDir;
    },
    async closeBundle() {
      await writeFile(resolve(consoleDir, outDir, builtFromFile), await sourceHash(consoleDir));
    },
  };
}

// oxlint-disable-next-line import/no-default-export -- vite reads the default export.
export default defineConfig({
  root: consoleDir,
  plugins: [react(), builtFrom()],
  resolve: { alias: { "#protocol": join(consoleDir, "../../protocol") } },
  build: {
    outDir: "dist",
    emptyOutDir: true,
    // Browsers that know light-dark(): it is passed through as written.
    target: ["chrome123", "firefox120", "safari17.5"],
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 800,
  },
});
