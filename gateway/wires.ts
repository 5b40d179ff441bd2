/**
 * What went over the wire of each device: the last packets of its connections, also after they ended, and beside them the last
 * attempts to come in under its name. Whoever watches gets what there is, and then what comes.
 *
 *   join --> open(name) --> Tape <--put-- FrameGate            refused(name) --> a short tape of its own
 *   end  --> ended(name)      |                                      |
 *                             +------- watch(name) <--- the cloud ---+
 */
import { deviceIdPattern } from "#protocol/ids.ts";
import type { GatewayMessage } from "#protocol/link/messages.ts";
import type { WirePacket } from "#protocol/link/wire.ts";
import type { Bounds } from "./bounds.ts";
import { PacketMemory } from "./core/packet-memory.ts";
import { DeviceTape } from "./core/device-tape.ts";
import { ownTopics, toWirePacket } from "./core/wire-packets.ts";
import type { Clock } from "./platform/clock.ts";

export interface WiresOptions {
  bounds: Bounds;
  clock: Clock;
  /** The tape of a device that is connected. */
  connected: (name: string) => DeviceTape | null;
  send: (message: GatewayMessage) => void;
}

/** What one who watches has been told. */
interface Watch {
  packets: Seen;
  refused: Seen;
}

interface Seen {
  total: number;
  version: number;
}

const nothingSeen = (): Watch => ({ packets: { total: 0, version: 0 }, refused: { total: 0, version: 0 } });

export class Wires {
  readonly memory: PacketMemory;
  readonly #options: WiresOptions;
  /** Of devices that are not connected, the one that went first in front. */
  readonly #ended = new Map<string, DeviceTape>();
  /** Of those who were not let in, likewise. */
  readonly #refused = new Map<string, DeviceTape>();
  readonly #watches = new Map<string, Watch>();
  #stopTelling: (() => void) | null = null;

  constructor(options: WiresOptions) {
    const { wireBytesMax, wireTextsMax } = options.bounds;
    this.#options = options;
    this.memory = new PacketMemory(wireBytesMax, wireTextsMax, ownTopics);
  }

  /** The tape that a device goes on with. @param current of the connection that it takes the place of */
  open(name: string, current: DeviceTape | null): DeviceTape {
    const tape =
      current ?? this.#ended.get(name) ?? new DeviceTape(name, this.memory, this.#options.bounds.wirePacketsMax);
    this.#ended.delete(name);
    return tape;
  }

  /** Nobody writes to a tape any more. */
  ended(name: string, tape: DeviceTape): void {
    this.#keep(this.#ended, name, tape, this.#options.bounds.wiresEndedMax);
  }

  /** The tape of those who are not let in under a name, or null where no device can have that name. */
  refused(name: string): DeviceTape | null {
    if (!deviceIdPattern.test(name)) return null;
    const { wireRefusedPacketsMax, wiresRefusedMax } = this.#options.bounds;
    const tape = this.#refused.get(name) ?? new DeviceTape(name, this.memory, wireRefusedPacketsMax);
    this.#keep(this.#refused, name, tape, wiresRefusedMax);
    return tape;
  }

  /** Tells what there is of a device, and then what comes, until it is off. */
  watch(name: string, on: boolean): void {
    if (!on) {
      this.#watches.delete(name);
      if (this.#watches.size === 0) this.#rest();
      return;
    }
    const { bounds, clock, send } = this.#options;
    // What was not told yet is told first to those who watch already; for them the rest is nothing new.
    if (this.#watches.has(name)) this.#tell(name);
    const seen = nothingSeen();
    send({ kind: "wire", name, whole: true, packets: this.#news(name, seen) });
    if (this.#watches.size >= bounds.watchesMax && !this.#watches.has(name)) return;
    this.#watches.set(name, seen);
    this.#stopTelling ??= clock.every(bounds.wireTellMs, () => {
      for (const watched of this.#watches.keys()) this.#tell(watched);
    });
  }

  /** Those who watched are gone with the link. */
  linkDown(): void {
    this.#watches.clear();
    this.#rest();
  }

  #rest(): void {
    this.#stopTelling?.();
    this.#stopTelling = null;
  }

  #tell(name: string): void {
    const seen = this.#watches.get(name);
    if (seen === undefined) return;
    const packets = this.#news(name, seen);
    if (packets.length > 0) this.#options.send({ kind: "wire", name, whole: false, packets });
  }

  /** What happened since `seen`, which is brought up to now; no more than is kept. */
  #news(name: string, seen: Watch): WirePacket[] {
    const { connected, bounds } = this.#options;
    const news = [
      ...this.#newsOf("p", name, connected(name) ?? this.#ended.get(name), seen.packets),
      ...this.#newsOf("r", name, this.#refused.get(name), seen.refused),
    ];
    return news.toSorted((a, b) => a.atMs - b.atMs).slice(-bounds.wirePacketsMax);
  }

  #newsOf(letter: string, name: string, tape: DeviceTape | undefined, seen: Seen): WirePacket[] {
    if (tape === undefined || tape.version === seen.version) return [];
    // The last one that was told may have changed since: pings in a row are one.
    const records = [...tape.records(Math.max(0, seen.total - 1))];
    seen.total = tape.total;
    seen.version = tape.version;
    const { texts } = this.memory;
    return records.map((record) => toWirePacket(`${letter}${record.n}`, name, record, texts.text(record.text)));
  }

  /** Puts a tape last in its line, and lets go of the first where the line is too long. One that is watched stays. */
  #keep(line: Map<string, DeviceTape>, name: string, tape: DeviceTape, max: number): void {
    line.delete(name);
    line.set(name, tape);
    for (const [oldest, its] of line) {
      if (line.size <= max) break;
      if (this.#watches.has(oldest)) continue;
      line.delete(oldest);
      its.free();
    }
  }
}
