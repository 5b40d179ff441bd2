import { z } from "zod";

/** 1-64 characters of `A-Z a-z 0-9 . _ -`, never starting with `.` or `$`, so that it is safe in a topic and a path. */
export const deviceIdPattern = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/;
export const deviceId = z
  .string()
  .regex(deviceIdPattern, "must be 1-64 characters of A-Z a-z 0-9 . _ - and not start with '.'");

/** A product type, for example `oven-x200`. */
export const modelKeyPattern = /^[a-z0-9][a-z0-9-]{0,63}$/;
export const modelKey = z.string().regex(modelKeyPattern, "must be 1-64 characters of a-z 0-9 -");

/** A BCP 47 language tag of a language and, where needed, a script and a region: `de`, `pt-BR`, `zh-Hans-CN`. */
export const localePattern = /^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$/;
export const locale = z.string().regex(localePattern, "must be a language tag such as de or en-GB");

/** UUIDv7 unless a shape says otherwise. */
export const id = z.uuidv7();

/** An id that a device gives to what it sends: unique per device for ever. */
export const sourceId = z.string().regex(/^[A-Za-z0-9._:-]{1,64}$/, "must be 1-64 characters of A-Z a-z 0-9 . _ : -");
