import type { CommandName } from "#protocol/command.ts";
import type { DeviceRef } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import { ruleCommands } from "./core/rule.ts";
import { RuleFiringsStore } from "./rule-firings-store.ts";
import { parseTodo } from "./rules-store.ts";

/** What rules may do to appliances, by the slices that own it. */
export interface RuleTools {
  /** Puts a tag on an appliance or takes it off; twice is once. Where it cannot, it says so to nobody: a tag is no promise. */
  tag(deviceId: string, tag: string, on: boolean): Promise<void>;
  /** Creates a command in the transaction. @returns what to run after the commit */
  command(tx: Db, device: DeviceRef, name: CommandName): Promise<() => void>;
}

export interface RuleActionsDeps {
  db: Db;
  clock: Clock;
  refsByKey: (keys: readonly number[]) => Promise<Map<number, DeviceRef>>;
  tools: RuleTools;
}

const atOnceMax = 200;
/** A command answers what happens now. What happened longer ago than this, and was only heard of later, orders nothing. */
const commandAgeMsMax = 600_000;

/** Does what firings leave to be done: what wants locks that a batch of readings must not hold. */
export class RuleActions {
  readonly #deps: RuleActionsDeps;
  readonly #store = new RuleFiringsStore();

  constructor(deps: RuleActionsDeps) {
    this.#deps = deps;
  }

  async tick(): Promise<void> {
    const { db, refsByKey, tools, clock } = this.#deps;
    const rows = await this.#store.todo(db, atOnceMax);
    if (rows.length === 0) return;
    const devices = await refsByKey([...new Set(rows.map((row) => row.device_key))]);
    for (const row of rows) {
      const device = devices.get(row.device_key);
      const todo = parseTodo(row.todo);
      // Before it is taken off: to tag twice does no harm, to forget would.
      for (const one of todo)
        if (one.kind === "tag" && device !== undefined) await tools.tag(device.id, one.tag, one.on);
      const isFresh = clock.nowMs() - row.at_ms <= commandAgeMsMax;
      const afterCommit = await transaction(db, async (tx) => {
        const isMine = await this.#store.take(tx, row.id);
        if (!isMine || device === undefined || !isFresh) return [];
        const sent: (() => void)[] = [];
        for (const one of todo) {
          const name = ruleCommands.find((command) => one.kind === "command" && command === one.name);
          if (name !== undefined) sent.push(await tools.command(tx, device, name));
        }
        return sent;
      });
      for (const send of afterCommit) send();
    }
  }
}
