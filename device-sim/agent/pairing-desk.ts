import { createHash } from "node:crypto";
import { pairingAlphabet, pairingCodeLength, pairingMsMax } from "#protocol/pairing.ts";
import type { Clock } from "../platform/clock.ts";
import type { Voice } from "./controls.ts";

/** A code on the display. */
export interface ShownCode {
  /** As people read it: `ABCD-1234`. */
  code: string;
  untilMs: number;
}

export interface PairingDeps {
  voice: Pick<Voice, "event">;
  /** What the code's life is measured by: people's time. */
  clock: Clock;
  secretBytes: (count: number) => Uint8Array;
}

/** Five random bytes are eight characters of five bits each, none of them likelier than another. */
function newCode(secretBytes: PairingDeps["secretBytes"]): string {
  const bits = [...secretBytes((pairingCodeLength * 5) / 8)].reduce((all, byte) => all * 256n + BigInt(byte), 0n);
  return Array.from({ length: pairingCodeLength }, (_, at) => {
    const shift = 5n * BigInt(pairingCodeLength - 1 - at);
    return pairingAlphabet[Number((bits >> shift) & 31n)] ?? "";
  }).join("");
}

/** The appliance's side of pairing: a person asks for a code, and its display shows it while it is good. */
export class PairingDesk {
  readonly #deps: PairingDeps;
  #shown: ShownCode | null = null;

  constructor(deps: PairingDeps) {
    this.#deps = deps;
  }

  get shown(): ShownCode | null {
    return this.#shown;
  }

  /** Makes a code and says its hash. The one before it is no longer good. */
  open(validMs = pairingMsMax): ShownCode {
    const { voice, clock, secretBytes } = this.#deps;
    const code = newCode(secretBytes);
    voice.event("pairing.opened", { codeSha256: createHash("sha256").update(code).digest("hex"), validMs });
    this.#shown = { code: `${code.slice(0, 4)}-${code.slice(4)}`, untilMs: clock.nowMs() + validMs };
    return this.#shown;
  }

  /** A person has done with it, or its time is over. */
  close(): void {
    if (this.#shown === null) return;
    this.#shown = null;
    this.#deps.voice.event("pairing.closed", {});
  }

  tick(): void {
    if (this.#shown !== null && this.#deps.clock.nowMs() >= this.#shown.untilMs) this.close();
  }

  /** The display goes dark, and nothing is said about it. */
  forget(): void {
    this.#shown = null;
  }
}
