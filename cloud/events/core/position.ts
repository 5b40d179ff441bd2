import { z } from "zod";

/**
 * A place in the outbox: the transaction that wrote, and the row. `xid` is a 64-bit number as text, since it may pass 2^53.
 * Positions are totally ordered, and everything below the oldest open transaction is final.
 */
export interface Position {
  xid: string;
  id: number;
}

const xidMax = 2n ** 64n - 1n;

/** `xid-id`: the cursor of a page and the id of a server-sent event. */
export const positionText = (position: Position): string => `${position.xid}-${position.id}`;

export const position = z
  .string()
  .regex(/^\d{1,20}-\d{1,15}$/, "must be a cursor that this API gave out")
  .transform((text): Position => {
    const [xid = "", id = ""] = text.split("-");
    return { xid, id: Number(id) };
  })
  .refine(({ xid }) => BigInt(xid) <= xidMax, "must be a cursor that this API gave out");

export const isAfter = (a: Position, b: Position): boolean => {
  if (a.xid === b.xid) return a.id > b.id;
  return BigInt(a.xid) > BigInt(b.xid);
};
