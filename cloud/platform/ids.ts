import { randomBytes, randomUUIDv7 } from "node:crypto";

/** Where ids and secrets come from. */
export interface Ids {
  /** A UUIDv7: ordered by time, unique without asking anybody. */
  next(): string;
  /** 256 random bits as base64url, 43 characters. */
  secret(): string;
}

export const randomIds: Ids = {
  next: () => randomUUIDv7(),
  secret: () => randomBytes(32).toString("base64url"),
};
