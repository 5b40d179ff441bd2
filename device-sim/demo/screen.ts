import type { WriteStream } from "node:tty";
import type { Timers } from "../platform/timers.ts";
import { frame } from "./core/frame.ts";
import { paint } from "./core/line.ts";
import type { Status } from "./core/status.ts";

/** Four times a second. */
const redrawMs = 250;
const escape = "\u001B[";
const enter = `${escape}?1049h${escape}?25l${escape}2J`;
const leave = `${escape}?25h${escape}?1049l`;

/** The live view on a terminal's other screen: what was there before is there again after it. */
export class Screen {
  readonly #out: WriteStream;
  readonly #status: () => Status;
  readonly #colour: boolean;
  readonly #timers: Timers;
  #shown: string[] = [];
  #size = "";
  #endRedraws: (() => void) | null = null;

  constructor(deps: { out: WriteStream; status: () => Status; colour: boolean; timers: Timers }) {
    this.#out = deps.out;
    this.#status = deps.status;
    this.#colour = deps.colour;
    this.#timers = deps.timers;
  }

  start(): void {
    this.#out.write(enter);
    this.#draw();
    this.#endRedraws = this.#timers.every(redrawMs, () => {
      this.#draw();
    });
  }

  /** Leaves the terminal as it was. Harmless when called again. */
  stop(): void {
    if (this.#endRedraws === null) return;
    this.#endRedraws();
    this.#endRedraws = null;
    this.#out.write(leave);
  }

  /** Writes only the lines that changed: the terminal does not flicker, and what somebody has selected stays selected. */
  #draw(): void {
    const { columns, rows } = this.#out;
    const size = `${columns}x${rows}`;
    let text = "";
    if (size !== this.#size) {
      this.#size = size;
      this.#shown = [];
      text += `${escape}2J`;
    }
    const lines = frame(this.#status(), { columns, rows }).map((line) => paint(line, this.#colour));
    for (const [at, line] of lines.entries())
      if (line !== this.#shown[at]) text += `${escape}${at + 1};1H${escape}2K${line}`;
    for (let at = lines.length; at < this.#shown.length; at += 1) text += `${escape}${at + 1};1H${escape}2K`;
    this.#shown = lines;
    if (text !== "") this.#out.write(text);
  }
}
