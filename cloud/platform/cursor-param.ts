import { z } from "zod";
import { decodeCursor } from "./cursor.ts";

/** A cursor as a field of a query: its text outside, its parts inside, and a field error where it is none of ours. */
export const cursorParam = <T>(parts: z.ZodType<T>) =>
  z
    .string()
    .max(500)
    .transform((text, context): T => {
      const decoded = decodeCursor(text, parts);
      if (decoded !== null) return decoded;
      context.addIssue({ code: "custom", message: "must be a nextCursor of this list" });
      return z.NEVER;
    });
