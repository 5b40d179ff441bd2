import { Devices, type DeviceRef } from "../../cloud/devices/devices.ts";
import { model as modelSchema } from "#protocol/model.ts";
import type { Principal } from "../../cloud/staff/staff.ts";

const system: Principal = { kind: "system" };

/** The real registry, on a test's database, which a test fills with one line. */
export class TestRegistry extends Devices {
  readonly #models = new Set<string>();

  /** Puts a model of which nothing matters but what is given. */
  async addModel(key: string, over: object = {}): Promise<void> {
    const shape = { brand: "T", name: key, kind: "oven", hardwareIds: ["h1"], locales: ["en"], metrics: [] };
    await this.putModel(system, modelSchema.parse({ key, version: 1, ...shape, capabilities: {}, ...over }));
    this.#models.add(key);
  }

  /** Registers appliances, and their model where it is new. */
  async add(
    ids: readonly string[],
    { model = "oven-x200", householdId }: { model?: string; householdId?: string } = {},
  ): Promise<DeviceRef[]> {
    if (!this.#models.has(model)) await this.addModel(model);
    const household = householdId === undefined ? {} : { householdId };
    const outcome = await this.register(
      system,
      ids.map((id) => ({ id, model, ...household })),
    );
    if (outcome.kind === "refused") throw new Error(outcome.rule);
    const refs = await this.find(ids);
    return ids.flatMap((id) => refs.get(id) ?? []);
  }
}
