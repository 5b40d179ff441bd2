import { z } from "zod";

const pem = z.string().max(32_768);

/**
 * What an appliance proves itself with, as its flash keeps it: apart from the rest, readable by nobody else, and replaced whole.
 *
 *   nothing --key made--> next key --certificate came--> held --two thirds of its life--> held, next key --> held
 *
 * A key is kept before it is asked for: whatever is lost on the way then, the same question gets the same answer.
 */
export const storedIdentity = z.object({
  held: z
    .object({
      privateKey: pem,
      certificate: pem,
      chain: pem,
      renewFromMs: z.number(),
      notAfterMs: z.number(),
    })
    .nullable(),
  /** Of the certificate that is asked for and has not come. */
  nextKey: pem.nullable(),
});
export type StoredIdentity = z.infer<typeof storedIdentity>;

export const nothingHeld: StoredIdentity = { held: null, nextKey: null };
