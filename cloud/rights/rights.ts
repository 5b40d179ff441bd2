/**
 * What a household may ask of its data: all of it, and that it goes.
 *
 *   erase --one transaction: appliances leave, every slice erases its rows, report and what is sought are written-->
 *   tick --outbox, webhooks, telemetry store, files, spool--> nothing is left --scan of every table--> done: nothing is sought any more
 */
import { createHash, createHmac } from "node:crypto";
import type { Readable } from "node:stream";
import { z } from "zod";
import type { TenureSpan } from "../devices/devices.ts";
import type { ErasedHousehold, Households } from "../households/households.ts";
import type { Clock } from "../platform/clock.ts";
import { type Db, transaction } from "../platform/database.ts";
import { type HouseholdData, pages } from "../platform/household-data.ts";
import type { Ids } from "../platform/ids.ts";
import { type Refused, refused } from "../platform/refused.ts";
import { SecretBox } from "../platform/secret-box.ts";
import { type Audit, type OwnerPrincipal, type Principal, principalText } from "../staff/staff.ts";
import { type ApplianceDataKept, type DeclaredModel, dataSheet, modelSheet } from "./core/data-sheet.ts";
import { type ErasureReport, isComplete, type StoreLine } from "./core/report.ts";
import type { ErasedEntry, ErasedList } from "./erased-list.ts";
import { type Erasure, ErasuresStore } from "./erasures-store.ts";
import { exportArchive, type ExportFormat } from "./export-archive.ts";
import { scanTables } from "./scan.ts";

export { type ErasedEntry, ErasedList } from "./erased-list.ts";
export { rightsProblems } from "./errors.ts";

const sought = z.object({
  /** Of the household, of what became part of it, and of its people. */
  ids: z.array(z.string()),
  emails: z.array(z.string()),
  devices: z.array(z.object({ deviceKey: z.number(), deviceId: z.string(), fromMs: z.number(), toMs: z.number() })),
});
/** What is still looked for, and where. Kept enciphered until nothing is left of it. */
export type Sought = z.infer<typeof sought>;

/** A store that the transaction does not reach: worked off after it, as often as it takes. */
export interface FarStore {
  store: string;
  describes: string;
  keeps?: string;
  /** @returns what went now, null where that cannot be counted, and whether anything may be left */
  erase(what: Sought, erasedAtMs: number): Promise<{ removed: number | null; isLeft: boolean; holdsNothing?: boolean }>;
  /** Once nothing waits any more in any store: erases what came out of another since. */
  finish?(what: Sought): Promise<void>;
  /** Looks with its own eyes once nothing is left. `found`: null where it is too large to be looked through. */
  look?: { place: string; find(what: Sought): Promise<number | null> };
}

export interface RightsDeps {
  db: Db;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  households: Pick<Households, "erase" | "onErasing" | "get" | "idsAfter" | "partsOf">;
  /** Of every slice, in the order of erasing. */
  data: readonly HouseholdData[];
  farStores: readonly FarStore[];
  spansOf: (db: Db, householdId: string) => Promise<TenureSpan[]>;
  modelOf: (key: string) => Promise<DeclaredModel | null>;
  kept: ApplianceDataKept;
  /** Outlasts a backup that is restored; null where there is no place for it. */
  erasedList: ErasedList | null;
  /** Of this installation, and not in the database. */
  secret: Uint8Array;
  publicUrl: () => string;
  onError: (error: unknown) => void;
}

const againMs = 5_000;
/** After a scan that found something: somebody has to look, and looking through everything is dear. */
const scanAgainMs = 3_600_000;
const exportsAtOnceMax = 4;
const atOnce = 10;

const sha256 = (text: string) => createHash("sha256").update(text).digest();

/** Export and erasure. */
export class Rights {
  readonly #deps: RightsDeps;
  readonly #store = new ErasuresStore();
  readonly #box: SecretBox;
  readonly #exports = new Set<Readable>();
  /** Of erasures whose transaction is under way. */
  readonly #made = new Map<string, { code: string; entry: ErasedEntry }>();
  /** Households that a backup brought back, under the erasure that they had. */
  readonly #again = new Map<string, ErasedEntry>();

  constructor(deps: RightsDeps) {
    this.#deps = deps;
    this.#box = new SecretBox(deps.secret, "erasures");
    deps.households.onErasing((tx, erased) => this.#erase(tx, erased));
  }

  /** Everything about a household, as a stream. Staff's reading is on record. */
  async export(
    by: Principal,
    householdId: string,
    format: ExportFormat,
  ): Promise<{ kind: "export"; stream: Readable } | Refused<"export_household_not_found" | "exports_busy">> {
    const { db, data, households, audit, clock, spansOf, modelOf, kept, onError } = this.#deps;
    if (this.#exports.size >= exportsAtOnceMax) return refused("exports_busy");
    const parts = await households.partsOf(householdId);
    if (parts.length === 0) return refused("export_household_not_found");
    if (by.kind !== "owner")
      await transaction(db, (tx) =>
        audit.record(tx, {
          principal: by,
          action: "household.exported",
          subject: `household:${householdId}`,
          after: { format },
        }),
      );
    const keys = [...new Set((await spansOf(db, householdId)).map(({ model }) => model))];
    const models = (await Promise.all(keys.map((key) => modelOf(key)))).filter((model) => model !== null);
    const sheet = dataSheet(models, data, kept, clock.nowMs());
    const stream = exportArchive({ db, data, parts, format, sheet, onError });
    this.#exports.add(stream);
    stream.once("close", () => this.#exports.delete(stream));
    return { kind: "export", stream };
  }

  /** What data appliances of a model make: for whoever may buy one. */
  async modelSheet(key: string) {
    const model = await this.#deps.modelOf(key);
    return model === null ? null : modelSheet(model, this.#deps.kept);
  }

  /** What is said of a household's data, in words. */
  async sheetOf(householdId: string) {
    const { db, data, clock, spansOf, modelOf, kept } = this.#deps;
    const keys = [...new Set((await spansOf(db, householdId)).map(({ model }) => model))];
    const models = (await Promise.all(keys.map((key) => modelOf(key)))).filter((model) => model !== null);
    return dataSheet(models, data, kept, clock.nowMs());
  }

  /** The owner erases the household. The link reads the report when their key no longer opens anything. */
  eraseMine(by: OwnerPrincipal) {
    return this.#eraseHousehold(by, by.householdId);
  }

  /** Staff erase it, because its people asked. @param confirm the household's name, as they see it */
  async eraseFor(by: Principal, householdId: string, confirm: string) {
    const found = await this.#deps.households.get(householdId);
    if (found === null) return refused("household_not_found");
    if (found.household.name !== confirm) return refused("name_does_not_fit");
    return this.#eraseHousehold(by, householdId);
  }

  erasure(id: string): Promise<Erasure | null> {
    return this.#store.get(this.#deps.db, id);
  }

  erasureByCode(code: string): Promise<Erasure | null> {
    return this.#store.byCode(this.#deps.db, sha256(code));
  }

  erasures(filter: { beforeId: string | null; householdId: string | null; limit: number }): Promise<Erasure[]> {
    const householdHmac = filter.householdId === null ? null : this.#hmac(filter.householdId);
    return this.#store.list(this.#deps.db, { ...filter, householdHmac });
  }

  /** Goes on with erasures that are not done. */
  async tick(): Promise<void> {
    const due = await this.#store.due(this.#deps.db, this.#deps.clock.nowMs(), atOnce);
    for (const erasure of due) await this.#goOn(erasure).catch(this.#deps.onError);
  }

  /**
   * Erases again whom a backup brought back. Before anybody can see them, and before the gateway says more of them.
   *
   * @returns how many there were
   */
  async eraseAgain(): Promise<number> {
    const { db, erasedList, households } = this.#deps;
    if (erasedList === null) return 0;
    const listed = await erasedList.read();
    const known = await Array.fromAsync(
      pages<ErasedEntry>((last, limit) => this.#store.entries(db, last?.id ?? null, limit)),
    );
    // A crash between an erasure and its line, or a list that was lost.
    await erasedList.add(known.filter(({ id }) => !listed.has(id)));
    for (const { id } of known) listed.delete(id);
    const wanted = new Map([...listed.values()].flatMap((entry) => entry.households.map((hmac) => [hmac, entry])));
    if (wanted.size === 0) return 0;
    const back: [id: string, entry: ErasedEntry][] = [];
    for await (const id of pages<string>((last, limit) => households.idsAfter(last, limit))) {
      const entry = wanted.get(this.#hmac(id).toString("hex"));
      if (entry !== undefined) back.push([id, entry]);
    }
    let erased = 0;
    for (const [id, entry] of back) {
      this.#again.set(id, entry);
      // What was part of another goes with it, and is gone by then.
      if ((await this.#eraseHousehold({ kind: "system" }, id)).kind === "erased") erased += 1;
      this.#again.delete(id);
    }
    return erased;
  }

  async #eraseHousehold(by: Principal, householdId: string) {
    const { households, erasedList, onError } = this.#deps;
    const outcome = await households.erase(by, householdId);
    const made = this.#made.get(householdId);
    this.#made.delete(householdId);
    if (outcome.kind === "refused") return outcome;
    if (made === undefined) throw new Error("a household was erased without a report");
    // It is erased; what fails here is made good at the next start.
    await erasedList?.add([made.entry]).catch(onError);
    return {
      kind: "erased" as const,
      id: made.entry.id,
      link: `${this.#deps.publicUrl()}/api/v1/erasure-reports/${made.code}`,
    };
  }

  async #erase(tx: Db, { by, household, parts }: ErasedHousehold): Promise<void> {
    const { ids, clock, data, spansOf } = this.#deps;
    const atMs = clock.nowMs();
    const devices = await spansOf(tx, household.id);
    const lines: StoreLine[] = [];
    for (const one of data) {
      const { name, describes, keeps } = one;
      let removed = 0;
      // What became part of a household goes before it, since it names it.
      for (const part of parts.toReversed()) removed += await one.erase(tx, part);
      lines.push({ store: `database: ${name}`, describes, removed, state: "removed", keeps: keeps ?? null });
    }
    lines.push(...this.#deps.farStores.map(waitingLine));
    const left: Sought = {
      ids: [...parts, ...household.members.map(({ id }) => id)],
      emails: household.members.flatMap(({ email }) => email ?? []),
      devices: devices.map(({ deviceKey, deviceId, fromMs, toMs }) => ({
        deviceKey,
        deviceId,
        fromMs,
        // What is said of an appliance from now on may be somebody else's.
        toMs: Math.min(toMs ?? atMs, atMs),
      })),
    };
    const before = this.#again.get(household.id);
    const code = ids.secret();
    const [householdHmac, ...partHmacs] = [household.id, ...parts.filter((part) => part !== household.id)].map((part) =>
      this.#hmac(part),
    );
    if (householdHmac === undefined) throw new Error("a list that begins with the household is not empty");
    // Of several that one erasure took along, the first to come back has its report.
    const isFirst = before !== undefined && (await this.#store.get(tx, before.id)) === null;
    const id = isFirst ? before.id : ids.next();
    const codeSha256 = isFirst ? Buffer.from(before.codeSha256, "hex") : sha256(code);
    const again = before === undefined ? null : { firstAtMs: before.atMs };
    const report: ErasureReport = { stores: lines, scan: null, again };
    const askedBy = by.kind === "owner" ? "owner" : principalText(by);
    await this.#store.insert(
      tx,
      { id, askedBy, atMs, report },
      { householdHmac, partHmacs, codeSha256, sought: this.#box.seal(JSON.stringify(left), id) },
    );
    const hmacs = [householdHmac, ...partHmacs].map((hmac) => hmac.toString("hex"));
    const entry = { id, atMs, codeSha256: codeSha256.toString("hex"), households: hmacs };
    this.#made.set(household.id, { code, entry });
  }

  async #goOn(erasure: Erasure & { sought: Buffer }): Promise<void> {
    const { db, clock, farStores } = this.#deps;
    const left = sought.parse(JSON.parse(this.#box.open(erasure.sought, erasure.id)));
    const stores = [...erasure.report.stores];
    for (const far of farStores) {
      const found = stores.findIndex(({ store }) => store === far.store);
      // A place that this Hearth knows of and the one that began the erasure did not.
      const at = found === -1 ? stores.length : found;
      const line = stores[at] ?? waitingLine(far);
      const { removed, isLeft, holdsNothing = false } = await far.erase(left, erasure.atMs);
      const sum = removed === null && line.removed === null ? null : (line.removed ?? 0) + (removed ?? 0);
      stores[at] = { ...line, removed: sum, state: isLeft ? "waiting" : holdsNothing ? "nothing_held" : "removed" };
    }
    const nowMs = clock.nowMs();
    if (stores.some(({ state }) => state === "waiting")) {
      await this.#store.save(db, erasure.id, { ...erasure.report, stores }, { nextAtMs: nowMs + againMs });
      return;
    }
    for (const far of farStores) await far.finish?.(left);
    const tables = await scanTables(db, { ids: left.ids, words: left.emails }, nowMs);
    const elsewhere = [];
    for (const { look } of farStores)
      if (look !== undefined) elsewhere.push({ place: look.place, found: await look.find(left) });
    const report = { ...erasure.report, stores, scan: { ...tables, elsewhere } };
    const after = isComplete(report) ? { doneAtMs: nowMs } : { nextAtMs: nowMs + scanAgainMs };
    await this.#store.save(db, erasure.id, report, after);
  }

  #hmac(householdId: string): Buffer {
    return createHmac("sha256", this.#deps.secret).update(`erased household ${householdId}`).digest();
  }
}

const waitingLine = ({ store, describes, keeps }: FarStore): StoreLine => ({
  store,
  describes,
  removed: null,
  state: "waiting",
  keeps: keeps ?? null,
});
