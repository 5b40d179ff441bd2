import { z } from "zod";

const wallTime = z.string().regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/, "must be a time of day such as 01:30");

/**
 * When an update may begin, by the clock on the wall where the appliance stands. `to` at or before `from` is on the next day; the
 * weekday is that of `from`, 1 (Monday) to 7 (Sunday) as in ISO 8601.
 */
export const maintenanceWindow = z
  .object({
    weekdays: z
      .array(z.int().min(1).max(7))
      .min(1)
      .max(7)
      .refine((days) => new Set(days).size === days.length, "must not name a day twice"),
    from: wallTime,
    to: wallTime,
  })
  .meta({ id: "MaintenanceWindow" });
export type MaintenanceWindow = z.infer<typeof maintenanceWindow>;

/** Most windows of one update. */
export const maintenanceWindowsMax = 14;
