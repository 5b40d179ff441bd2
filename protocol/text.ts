import { z } from "zod";

/** PostgreSQL refuses NUL in text and lone surrogates in jsonb, so the contract refuses them first. */
export const isSafeText = (text: string): boolean => !text.includes("\u0000") && text.isWellFormed();

const unsafeText = "must hold no NUL and no lone surrogate";

/** Text of at most `max` UTF-16 code units that every store of Hearth can keep. */
export const safeText = (max: number) => z.string().max(max).refine(isSafeText, unsafeText);

/** Epoch milliseconds between the years 2000 and 2100. */
export const earliestAtMs = Date.UTC(2000, 0, 1);
export const latestAtMs = Date.UTC(2100, 0, 1);
export const epochMs = z.int().min(earliestAtMs).max(latestAtMs);

/** Metric and state names: snake_case, the unit last (`cavity_c`). */
export const metricNamePattern = /^[a-z][a-z0-9_]{0,63}$/;
export const metricName = z.string().regex(metricNamePattern, "must be snake_case, at most 64 characters");

/** Depth of the deepest JSON value that a device may send. */
export const jsonDepthMax = 16;

const isSafeJson = (value: unknown, depth: number): boolean => {
  if (typeof value === "string") return isSafeText(value);
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return value === null || typeof value === "boolean";
  if (depth >= jsonDepthMax) return false;
  if (Array.isArray(value)) return value.every((item) => isSafeJson(item, depth + 1));
  return Object.entries(value).every(([key, item]) => isSafeText(key) && isSafeJson(item, depth + 1));
};

/** A JSON object whose texts are safe and whose depth is bounded; its keys are the sender's own. */
export const jsonObject = z
  .record(z.string(), z.unknown())
  .refine((value) => isSafeJson(value, 0), `must be plain JSON, at most ${jsonDepthMax} deep, ${unsafeText}`);
