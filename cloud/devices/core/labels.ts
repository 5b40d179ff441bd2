import { z } from "zod";

/** Most tags of one appliance. */
export const tagsMax = 20;

/** ISO 3166-1 alpha-2. */
export const country = z.string().regex(/^[A-Z]{2}$/, "must be two capital letters such as DE");
export const tag = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,31}$/, "must be 1-32 characters of a-z 0-9 . _ -");
export const tags = z.array(tag).max(tagsMax);
