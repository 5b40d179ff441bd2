import type { CommandName } from "#protocol/command.ts";
import { type DeviceRef, householdAt } from "../devices/devices.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import { ruleCommands } from "./core/rule.ts";
import { contentLifeMs, ruleContentClasses, whyNoContent, whyNoPoints } from "./core/rule-effects.ts";
import { type Done, type FiringTodo, RuleFiringsStore } from "./rule-firings-store.ts";
import { parseTodo, type Todo } from "./rules-store.ts";

/** Points for a household, under an identity that earns once, whoever tells it how often. */
export interface RuleAward {
  householdId: string;
  points: number;
  source: string;
  rule: string;
  title: string;
  atMs: number;
  device: DeviceRef;
}

/** What rules may do to appliances and their households, by the slices that own it. */
export interface RuleTools {
  /** Puts a tag on an appliance or takes it off; twice is once. Where it cannot, it says so to nobody: a tag is no promise. */
  tag(deviceId: string, tag: string, on: boolean): Promise<void>;
  /** Creates a command in the transaction. @returns what to run after the commit */
  command(tx: Db, device: DeviceRef, name: CommandName): Promise<() => void>;
  award(tx: Db, award: RuleAward): Promise<{ kind: "earned" } | { kind: "refused"; rule: string }>;
  /** Items by their ids, as far as a version of them may go out. */
  contentOf(db: Db, itemIds: readonly string[]): Promise<ReadonlyMap<string, { class: string }>>;
  /** Sends an item in the transaction. @returns what to run after the commit, or why nothing goes out */
  sendContent(
    tx: Db,
    wanted: { itemId: string; device: DeviceRef; expiresAtMs: number },
  ): Promise<{ kind: "sent"; deliveryId: string; afterCommit: () => void } | { kind: "refused"; rule: string }>;
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

type Of<K extends Todo["kind"]> = Extract<Todo, { kind: K }>;
const isOf =
  <K extends Todo["kind"]>(kind: K) =>
  (one: Todo): one is Of<K> =>
    one.kind === kind;

/** Does what firings leave to be done: what wants locks that a batch of readings must not hold. */
export class RuleActions {
  readonly #deps: RuleActionsDeps;
  readonly #store = new RuleFiringsStore();

  constructor(deps: RuleActionsDeps) {
    this.#deps = deps;
  }

  /** One that cannot be done now keeps no other from its turn; it comes again. */
  async tick(): Promise<void> {
    const { db, refsByKey } = this.#deps;
    const rows = await this.#store.todo(db, atOnceMax);
    if (rows.length === 0) return;
    const devices = await refsByKey([...new Set(rows.map((row) => row.device_key))]);
    const failures: unknown[] = [];
    for (const row of rows) await this.#do(row, devices.get(row.device_key)).catch((error) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  async #do(row: FiringTodo, device: DeviceRef | undefined): Promise<void> {
    const { db, tools } = this.#deps;
    const todo = parseTodo(row.todo);
    // Before it is taken off: to tag twice does no harm, to forget would.
    for (const { tag, on } of todo.filter(isOf("tag"))) if (device !== undefined) await tools.tag(device.id, tag, on);
    const afterCommit = await transaction(db, async (tx) => {
      const isMine = await this.#store.take(tx, row.id);
      if (!isMine || device === undefined) return [];
      const around = await this.#store.around(tx, row);
      const done: Done[] = [];
      // The household's rows before the appliance's: the order in which everybody takes them.
      for (const one of todo.filter(isOf("award_points"))) {
        const outcome = whyNoPoints(around) ?? (await this.#award(tx, row, device, one));
        done.push({ kind: one.kind, points: one.points, outcome });
      }
      const sent = await this.#commands(tx, row, device, todo.filter(isOf("command")));
      for (const { kind, itemId } of todo.filter(isOf("send_content"))) {
        const why = whyNoContent(around, this.#deps.clock.nowMs() - row.at_ms);
        const outcome = why === null ? await this.#send(tx, device, itemId, sent) : { outcome: why };
        done.push({ kind, itemId, ...outcome });
      }
      await this.#store.writeDone(tx, row.id, done);
      return sent;
    });
    for (const send of afterCommit) send();
  }

  /** What is found again, by whatever road, is the same happening: it earns nothing more. */
  async #award(tx: Db, row: FiringTodo, device: DeviceRef, { points, title }: Of<"award_points">): Promise<string> {
    const householdId = householdAt(device, row.at_ms);
    if (householdId === null) return "nobody_had_it";
    const source = `${device.id}/${row.cause}/${row.at_ms}`;
    const rule = `service:${row.rule_id}`;
    const award = { householdId, points, source, rule, title, atMs: row.at_ms, device };
    const outcome = await this.#deps.tools.award(tx, award);
    return outcome.kind === "earned" ? "earned" : outcome.rule;
  }

  async #commands(
    tx: Db,
    row: FiringTodo,
    device: DeviceRef,
    wanted: readonly Of<"command">[],
  ): Promise<(() => void)[]> {
    const { clock, tools } = this.#deps;
    if (clock.nowMs() - row.at_ms > commandAgeMsMax) return [];
    const sent: (() => void)[] = [];
    for (const { name } of wanted) {
      const known = ruleCommands.find((command) => command === name);
      if (known !== undefined) sent.push(await tools.command(tx, device, known));
    }
    return sent;
  }

  async #send(
    tx: Db,
    device: DeviceRef,
    itemId: string,
    afterCommit: (() => void)[],
  ): Promise<Pick<Done, "outcome" | "deliveryId">> {
    const { tools, clock } = this.#deps;
    const item = (await tools.contentOf(tx, [itemId])).get(itemId);
    if (item === undefined) return { outcome: "not_sendable" };
    // It was looked at when the rule was kept; the item may have become another since.
    if (!ruleContentClasses.includes(item.class)) return { outcome: "class_not_allowed" };
    const sent = await tools.sendContent(tx, { itemId, device, expiresAtMs: clock.nowMs() + contentLifeMs });
    if (sent.kind === "refused") return { outcome: sent.rule };
    afterCommit.push(sent.afterCommit);
    return { outcome: "sent", deliveryId: sent.deliveryId };
  }
}
