import type { Timers } from "../platform/timers.ts";
import { statusLine } from "./core/json-lines.ts";
import type { Status } from "./core/status.ts";

const lineMs = 1_000;

/** A JSON line a second, for whoever is no terminal. */
export class JsonView {
  readonly #write: (line: string) => void;
  readonly #status: () => Status;
  readonly #timers: Timers;
  #toldUpTo = 0;
  #placeTold = false;
  #endLines: (() => void) | null = null;

  constructor(deps: { write: (line: string) => void; status: () => Status; timers: Timers }) {
    this.#write = deps.write;
    this.#status = deps.status;
    this.#timers = deps.timers;
  }

  start(): void {
    this.#endLines = this.#timers.every(lineMs, () => {
      this.#say();
    });
  }

  stop(): void {
    this.#endLines?.();
    this.#endLines = null;
  }

  #say(): void {
    const status = this.#status();
    this.#write(statusLine(status, this.#toldUpTo, !this.#placeTold));
    this.#toldUpTo = status.atMs;
    this.#placeTold ||= status.place !== null;
  }
}
