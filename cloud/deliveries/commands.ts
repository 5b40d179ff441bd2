import { type CommandName, commandLifeMs } from "#protocol/command.ts";
import type { DeviceRef } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import type { Audit, Principal } from "../staff/staff.ts";
import type { NewDelivery } from "./new-deliveries.ts";

/** Bytes of a command's arguments as JSON. */
const commandBytesMax = 16_384;

/** `stop` goes before everything else. */
const commandPriority = (name: CommandName) => (name === "stop" ? 9 : 6);

interface CommandsDeps {
  db: Db;
  clock: Clock;
  audit: Audit;
  devices: { find(ids: string[]): Promise<Map<string, DeviceRef>> };
  create: (tx: Db, wanted: readonly NewDelivery[]) => Promise<{ ids: string[]; afterCommit: () => void }>;
}

/** Commands of the closed list: deliveries that live for seconds, because what was asked of an appliance that is away is asked no more. */
export class Commands {
  readonly #deps: CommandsDeps;

  constructor(deps: CommandsDeps) {
    this.#deps = deps;
  }

  /** Sends one command of the closed list. An appliance that is away never gets it: it expires. */
  async send(
    by: Principal,
    deviceId: string,
    command: { name: CommandName; args: Record<string, unknown>; lifeMs?: number | undefined },
  ): Promise<{ kind: "accepted"; id: string } | { kind: "refused"; rule: "device_not_found" | "command_too_large" }> {
    const { name, args, lifeMs = commandLifeMs } = command;
    if (Buffer.byteLength(JSON.stringify(args)) > commandBytesMax)
      return { kind: "refused", rule: "command_too_large" };
    const device = (await this.#deps.devices.find([deviceId])).get(deviceId);
    if (device === undefined) return { kind: "refused", rule: "device_not_found" };
    const created = await transaction(this.#deps.db, async (tx) => {
      const result = await this.create(tx, device, { name, args, lifeMs });
      await this.#deps.audit.record(tx, {
        principal: by,
        action: "command.sent",
        subject: `device:${deviceId}`,
        after: { deliveryId: result.ids[0], name, args },
      });
      return result;
    });
    created.afterCommit();
    const [id] = created.ids;
    if (id === undefined) throw new Error("a created command has no id");
    return { kind: "accepted", id };
  }

  /** A command in the caller's transaction, for what orders one by itself. */
  create(
    tx: Db,
    device: DeviceRef,
    { name, args = {}, lifeMs = commandLifeMs }: { name: CommandName; args?: Record<string, unknown>; lifeMs?: number },
  ): Promise<{ ids: string[]; afterCommit: () => void }> {
    const expiresAtMs = this.#deps.clock.nowMs() + lifeMs;
    const priority = commandPriority(name);
    return this.#deps.create(tx, [
      { device, kind: "command", subject: name, body: { name, args }, priority, expiresAtMs },
    ]);
  }
}
