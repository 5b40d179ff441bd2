import { createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";

/** What a link that unsubscribes stands for. It holds no address, and works for ever: whoever finds an old letter may say no as well. */
const terms = z.strictObject({
  /** The keyed hash of the address, as hex. */
  a: z.hex().length(64),
  /** The household that the letter went to. */
  h: z.uuid(),
});
export interface UnsubscribeTerms {
  addressHash: Buffer;
  householdId: string;
}

const tokenCharsMax = 400;

/** Makes and checks the links by which a letter is declined without logging in (RFC 8058, clause 3.1: the link alone must do). */
export class UnsubscribeLinks {
  readonly #secret: Buffer;

  constructor(secret: Buffer) {
    this.#secret = secret;
  }

  #mac(payload: string): Buffer {
    return createHmac("sha256", this.#secret).update(`unsubscribe\n${payload}`).digest();
  }

  token({ addressHash, householdId }: UnsubscribeTerms): string {
    const payload = Buffer.from(JSON.stringify({ a: addressHash.toString("hex"), h: householdId })).toString(
      "base64url",
    );
    return `${payload}.${this.#mac(payload).toString("base64url")}`;
  }

  /** Null where it is none of ours. */
  read(token: string): UnsubscribeTerms | null {
    const [payload = "", signature = ""] = token.length > tokenCharsMax ? [] : token.split(".");
    const given = Buffer.from(signature, "base64url");
    const wanted = this.#mac(payload);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return null;
    const found = terms.safeParse(JSON.parse(Buffer.from(payload, "base64url").toString("utf8"))).data;
    return found === undefined ? null : { addressHash: Buffer.from(found.a, "hex"), householdId: found.h };
  }
}
