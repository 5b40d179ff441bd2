import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Model, model } from "#protocol/model.ts";

const folder = join(import.meta.dirname, "models");

/** The product types that can be simulated, by key, read from `device-sim/models/*.json`. */
export function loadModels(): Map<string, Model> {
  const models = readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .toSorted()
    .map((name) => {
      const json: unknown = JSON.parse(readFileSync(join(folder, name), "utf8"));
      return model.parse(json);
    });
  return new Map(models.map((one) => [one.key, one]));
}
