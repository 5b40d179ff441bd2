import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { limitsTable } from "../cloud/platform/limit-variables.ts";
import { preparedDataDir } from "./support/prepared-data-dir.ts";
import { removeDataDir, startServiceProcess, stopServiceProcess } from "./support/service-process.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

test("the README's table of limits is the code's", () => {
  const table = /<!-- limits -->\n([\s\S]*?)\n<!-- \/limits -->/.exec(readme)?.[1];
  expect(table).toBe(limitsTable());
});

const hasMosquitto = spawnSync("mosquitto_pub", ["--help"]).error === undefined;

test.skipIf(!hasMosquitto)("the README's lines for a device of one's own do what they say", async () => {
  const lines = /<!-- five-minutes -->\n```sh\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
  const dataDir = await preparedDataDir();
  const service = await startServiceProcess({ dataDir });
  try {
    const said = execFileSync("bash", ["-euo", "pipefail", "-c", lines], {
      encoding: "utf8",
      env: { ...process.env, KEY: service.key, HEARTH: service.http, MQTT_PORT: String(service.mqttPort) },
    });
    expect(said).toContain('"metric":"cavity_c"');
    expect(said).toContain("181.4");
    expect(said).toContain("Fault raised: F12");
    expect(said).toContain('"kind":"case"');
  } finally {
    await stopServiceProcess(service);
    await removeDataDir(dataDir);
  }
});
