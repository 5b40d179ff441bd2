import { createHash } from "node:crypto";

/** A number from 0 to 1 (1 excluded) that is the same for the same text and looks like chance for others. */
export const fraction = (text: string): number =>
  createHash("sha256").update(text).digest().readUInt32BE(0) / 0x1_0000_0000;
