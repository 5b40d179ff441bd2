/**
 * What the gateway refuses and sees that bears on security, gathered: an attack costs a bounded number of records and log lines,
 * however fast it is.
 *
 *   note, note, note --> one entry for each (kind, reason, address, name) --after some seconds--> a log line, a record of the up road
 *                         beyond some names of one address: the entry without a name
 *                         beyond some entries: one entry `more` for each kind
 */
import type { Logger } from "pino";
import { deviceIdPattern } from "#protocol/ids.ts";
import type { GatewaySecurityKind, SecurityReport } from "#protocol/link/messages.ts";
import { networkOf } from "#protocol/address.ts";
import type { Bounds } from "./bounds.ts";
import type { Clock } from "./platform/clock.ts";
import type { Spool } from "./spool.ts";
import type { SystemRecords } from "./system-records.ts";

export interface SecurityReportsOptions {
  bounds: Bounds;
  clock: Clock;
  logger: Logger;
  spool: Spool;
  records: SystemRecords;
}

/** What happened, and who was at the other end. */
export interface SecurityNote {
  kind: GatewaySecurityKind;
  /** A stable code. */
  reason: string;
  /** As the peer has it. */
  address: string;
  /** The name that somebody gave, as it came; empty where there is none. */
  name: string;
}

interface Entry extends SecurityReport {
  /** Of its count, what no log line has said yet. */
  unlogged: number;
}

const nameLengthMax = 64;

/** A name that somebody chose, as it can stand in a log and on a page. */
const clean = (name: string): string => name.slice(0, nameLengthMax).replaceAll(/[^\x21-\x7e]/g, "?");

export class SecurityReports {
  readonly #options: SecurityReportsOptions;
  readonly #entries = new Map<string, Entry>();
  /** Names told apart, by kind, reason and address. */
  readonly #names = new Map<string, number>();

  constructor(options: SecurityReportsOptions) {
    this.#options = options;
  }

  note({ kind, reason, address, name }: SecurityNote): void {
    const { securityNamesPerAddressMax, securityReportsMax } = this.#options.bounds;
    const network = networkOf(address);
    const whence = `${kind} ${reason} ${network}`;
    const shown = clean(name);
    const known = this.#entries.get(`${whence} ${shown}`);
    if (known !== undefined) return this.#count(known);
    const names = this.#names.get(whence) ?? 0;
    const isOneOfMany = names >= securityNamesPerAddressMax;
    const key = isOneOfMany ? `${whence} ` : `${whence} ${shown}`;
    const fallback = this.#entries.get(key);
    if (fallback !== undefined) return this.#count(fallback);
    if (this.#entries.size >= securityReportsMax) return this.#more(kind);
    if (!isOneOfMany) this.#names.set(whence, names + 1);
    this.#open(key, { kind, reason, address: network, name: isOneOfMany ? "" : shown });
  }

  /** Logs what was gathered and gives it to the up road. Where the spool takes nothing, it goes on gathering. */
  flush(): void {
    const { logger, spool, records } = this.#options;
    for (const entry of this.#entries.values()) {
      if (entry.unlogged === 0) continue;
      const { kind, reason, address, name, atMs, lastAtMs, unlogged } = entry;
      logger.warn({ event: `security.${kind}`, reason, address, name, count: unlogged, atMs, lastAtMs });
      entry.unlogged = 0;
    }
    if (spool.full || !spool.healthy) return;
    for (const { unlogged: _, ...report } of this.#entries.values()) {
      const deviceId = deviceIdPattern.test(report.name) ? report.name : "";
      records.append("security", Buffer.from(deviceId, "latin1"), report);
    }
    this.#entries.clear();
    this.#names.clear();
  }

  /** So many that they are not told apart: at most one more entry for each kind. */
  #more(kind: GatewaySecurityKind): void {
    const key = `${kind} more`;
    const known = this.#entries.get(key);
    if (known === undefined) this.#open(key, { kind, reason: "more", address: "", name: "" });
    else this.#count(known);
  }

  #open(key: string, { kind, reason, address, name }: SecurityNote): void {
    const nowMs = this.#options.clock.nowMs();
    this.#entries.set(key, { kind, reason, atMs: nowMs, lastAtMs: nowMs, count: 1, address, name, unlogged: 1 });
  }

  #count(entry: Entry): void {
    entry.count += 1;
    entry.unlogged += 1;
    entry.lastAtMs = this.#options.clock.nowMs();
  }
}
