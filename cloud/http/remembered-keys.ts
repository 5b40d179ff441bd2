import { createHash } from "node:crypto";
import { inTime } from "../platform/clock.ts";
import { problem } from "../platform/problem.ts";
import type { Principal } from "../staff/staff.ts";
import { httpProblems } from "./http-problems.ts";

type Authenticate = (secret: string) => Promise<Principal | null>;

/** More than anybody scrapes with. */
const keysMax = 100;
/** Who watches does not wait for a database that does not answer. */
const askMsMax = 2_000;

/**
 * Keys that the database said are good, for what must be seen above all while it is away. Nothing is remembered against its word: each
 * key is asked about each time, and one that it no longer knows is forgotten.
 */
export class RememberedKeys {
  readonly #authenticate: Authenticate;
  readonly #known = new Map<string, Principal>();

  constructor(authenticate: Authenticate) {
    this.#authenticate = authenticate;
  }

  /** @throws where the database does not answer and the key was never good */
  async authenticate(secret: string): Promise<Principal | null> {
    const key = createHash("sha256").update(secret).digest("base64");
    const known = this.#known.get(key);
    const answer = await inTime(
      this.#authenticate(secret).then((principal) => ({ principal })),
      askMsMax,
    );
    if (answer === null) {
      if (known === undefined) throw problem(httpProblems, "unavailable");
      return known;
    }
    this.#known.delete(key);
    const { principal } = answer;
    if (principal === null) return null;
    for (const oldest of this.#known.keys()) if (this.#known.size >= keysMax) this.#known.delete(oldest);
    this.#known.set(key, principal);
    return principal;
  }
}
