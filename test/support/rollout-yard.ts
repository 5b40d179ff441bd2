/** A kitchen with a published release and ovens that report what a rollout asks of them: what tests of rollouts begin with. */
import { Kitchen, type KitchenAnswer } from "./kitchen.ts";
import type { ReleaseKit, ReleaseOver, ReleaseView } from "./release-kit.ts";

/** What an oven says of itself. */
export interface OvenFacts {
  hardware?: string;
  releaseCounter?: number;
  firmware?: string;
  timeZone?: string;
  country?: string;
  tags?: string[];
}

type Act = "submit" | "approve" | "start" | "resume" | "pause" | "abort" | "promote" | "retry-failed" | "schedule";

export const minuteMs = 60_000;

export class Yard {
  readonly kitchen: Kitchen;
  readonly kit: ReleaseKit;
  #made = 0;

  private constructor(kitchen: Kitchen, kit: ReleaseKit) {
    this.kitchen = kitchen;
    this.kit = kit;
  }

  static async open(): Promise<Yard> {
    const kitchen = await Kitchen.open();
    return new Yard(kitchen, await kitchen.releaseKit());
  }

  close(): Promise<void> {
    return this.kitchen.close();
  }

  publish(over: ReleaseOver = {}): Promise<ReleaseView> {
    return this.kit.publish(undefined, over);
  }

  /** Ovens of hardware h1 that run something older than every release. */
  async ovens(count: number, facts: OvenFacts = {}): Promise<string[]> {
    const ids = Array.from({ length: count }, () => `oven-${String((this.#made += 1)).padStart(4, "0")}`);
    await this.kitchen.ovens(...ids);
    const { country, tags = [], ...rest } = facts;
    const state = { hardware: "h1", firmware: "1.0.0", releaseCounter: 0, ...rest };
    await this.kitchen.say(...ids.map((device) => ({ device, channel: "reported" as const, payload: { state } })));
    if (tags.length > 0)
      await this.kitchen.as("admin", "POST", "/devices/tags", { deviceIds: ids, add: tags, remove: [] });
    if (country !== undefined)
      for (const id of ids) await this.kitchen.as("admin", "PATCH", `/devices/${id}`, { country });
    return ids;
  }

  async report(id: string, state: object): Promise<void> {
    // Of two words of the same moment the first counts.
    this.kitchen.clock.forward(1);
    await this.kitchen.say({ device: id, channel: "reported", payload: { state } });
  }

  plan(release: { id: string }, over: object = {}): Record<string, unknown> {
    return {
      name: "a rollout",
      releaseId: release.id,
      stages: [{ name: "all", size: { kind: "rest" }, soakMs: 0 }],
      ...over,
    };
  }

  create(plan: object): Promise<KitchenAnswer> {
    return this.kitchen.as("release", "POST", "/rollouts", plan);
  }

  /** Writes, submits and starts. */
  async running(release: { id: string }, over: object = {}): Promise<string> {
    const { status, body } = await this.create(this.plan(release, over));
    if (status !== 201) throw new Error(`the rollout was not created: ${status} ${JSON.stringify(body)}`);
    await this.done(body.id, "submit");
    await this.done(body.id, "start");
    return body.id;
  }

  act(id: string, act: Act, body?: object, role: "release" | "admin" = "release"): Promise<KitchenAnswer> {
    return this.kitchen.as(role, "POST", `/rollouts/${id}/${act}`, body);
  }

  async done(id: string, act: Act, body?: object, role: "release" | "admin" = "release") {
    const answer = await this.act(id, act, body, role);
    if (answer.status !== 200) throw new Error(`${act}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  async get(
    id: string,
  ): Promise<any> /* oxlint-disable-line typescript/no-explicit-any -- tests look into answers freely */ {
    return (await this.kitchen.as("viewer", "GET", `/rollouts/${id}`)).body;
  }

  /** Lets time pass, and every rollout go on until none of them has anything to do. */
  async tick(ms = 0): Promise<void> {
    this.kitchen.clock.forward(ms);
    await this.kitchen.slices.deliveries.tick(this.kitchen.clock.nowMs());
    for (let at = 0; at < 5; at += 1) await this.kitchen.slices.rollouts.tick();
  }

  /** Devices of a rollout by state. */
  async devices(id: string, query = ""): Promise<{ deviceId: string; state: string; stage: number; reason: string }[]> {
    return (await this.kitchen.as("viewer", "GET", `/rollouts/${id}/devices?limit=500${query}`)).body.items;
  }

  async idsIn(id: string, state: string): Promise<string[]> {
    return (await this.devices(id, `&state=${state}`)).map(({ deviceId }) => deviceId);
  }

  /** The open or last delivery of firmware to an oven. */
  async delivery(id: string): Promise<{ id: string; attempt: number; phase: string }> {
    const { body } = await this.kitchen.as("viewer", "GET", `/deliveries?device=${id}&kind=firmware`);
    return body.items[0];
  }

  /** Ovens say how far they are. */
  async say(ids: readonly string[], ...steps: (string | { step: string; reason: string })[]): Promise<void> {
    for (const step of steps) {
      const said = [];
      for (const device of ids) {
        const { id, attempt } = await this.delivery(device);
        const given = typeof step === "string" ? { step } : step;
        said.push({ device, channel: "receipts" as const, payload: { deliveryId: id, attempt, ...given } });
      }
      await this.kitchen.say(...said);
    }
  }

  /** Ovens do the whole of it, and report what they run. */
  async update(ids: readonly string[], release: ReleaseView): Promise<void> {
    await this.say(ids, "downloading", "confirmed");
    const state = { firmware: release.version, releaseCounter: release.releaseCounter };
    await this.kitchen.say(...ids.map((device) => ({ device, channel: "reported" as const, payload: { state } })));
  }

  async fail(ids: readonly string[], reason: string): Promise<void> {
    await this.say(ids, "downloading", { step: "failed", reason });
  }
}
