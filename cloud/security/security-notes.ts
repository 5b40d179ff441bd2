import type { SecurityKind } from "./core/security-kinds.ts";

/** Something that was refused in the cloud itself. Whoever notes it waits for nothing. */
export interface SecurityNote {
  kind: SecurityKind;
  /** A stable code. */
  reason: string;
  /** Empty where there is none. */
  address?: string;
  /** The name that somebody gave, and of which nothing says that they are it. */
  name?: string;
  /** Who asked, where they have proved it. */
  principal?: string;
}

/** What was noted, gathered. */
export interface GatheredNote {
  kind: SecurityKind;
  reason: string;
  address: string;
  name: string;
  principal: string | null;
  atMs: number;
  lastAtMs: number;
  count: number;
}

const notesMax = 256;
const textMax = 64;

/** Text that somebody chose, as it can stand in a log and on a page. */
const clean = (text: string): string => text.slice(0, textMax).replaceAll(/[^\x21-\x7e]/g, "?");

/** Gathers what is refused in some seconds, so that an attack costs a bounded number of rows however fast it is. */
export class SecurityNotes {
  #gathered = new Map<string, GatheredNote>();

  add({ kind, reason, address = "", name = "", principal }: SecurityNote, nowMs: number): void {
    const shown = clean(name);
    const key = JSON.stringify([kind, reason, address, shown, principal]);
    const known = this.#gathered.get(key);
    if (known !== undefined) count(known, nowMs);
    else if (this.#gathered.size < notesMax) this.#open(key, { kind, reason, address, name: shown, principal }, nowMs);
    else this.#more(kind, nowMs);
  }

  /** Takes what was gathered. Where it cannot be stored, `giveBack` it. */
  take(): GatheredNote[] {
    const taken = [...this.#gathered.values()];
    this.#gathered = new Map();
    return taken;
  }

  giveBack(notes: readonly GatheredNote[]): void {
    const newer = this.take();
    for (const note of [...notes, ...newer]) {
      const { kind, reason, address, name, principal } = note;
      const key = JSON.stringify([kind, reason, address, name, principal ?? undefined]);
      const known = this.#gathered.get(key) ?? (this.#gathered.size < notesMax ? undefined : this.#ofMany(kind));
      if (known === undefined) this.#gathered.set(key, { ...note });
      else count(known, note.lastAtMs, note.count);
    }
  }

  /** So many that they are not told apart: at most one more entry for each kind. */
  #more(kind: SecurityKind, nowMs: number): void {
    const known = this.#ofMany(kind);
    if (known === undefined) this.#open(manyKey(kind), { kind, reason: "more" }, nowMs);
    else count(known, nowMs);
  }

  #ofMany(kind: SecurityKind): GatheredNote | undefined {
    return this.#gathered.get(manyKey(kind));
  }

  #open(key: string, { kind, reason, address = "", name = "", principal }: Opening, nowMs: number): void {
    const note = { kind, reason, address, name, principal: principal ?? null };
    this.#gathered.set(key, { ...note, atMs: nowMs, lastAtMs: nowMs, count: 1 });
  }
}

type Opening = Omit<SecurityNote, "principal"> & { principal?: string | undefined };

const manyKey = (kind: SecurityKind) => JSON.stringify([kind, "more", "", "", undefined]);

function count(note: GatheredNote, atMs: number, by = 1): void {
  note.count += by;
  note.lastAtMs = Math.max(note.lastAtMs, atMs);
}
