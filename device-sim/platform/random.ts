import { randomBytes } from "node:crypto";

/** At least 0 and below 1. For the transport's jitter only: what an appliance does comes from its seed. */
export const systemRandom = (): number => Math.random();

/** Bytes that nobody can guess: codes are made of them. */
export const systemSecretBytes = (count: number): Uint8Array => randomBytes(count);
