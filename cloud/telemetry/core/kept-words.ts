import type { Kept } from "./retention.ts";

/** How long what appliances say is kept, in words for the people whose it is. */
export interface KeptWords {
  readings: string;
  events: string;
}

const dayMs = 86_400_000;
const daysAYear = 365;

/** `90 days`, `a year`, `5 years`. */
function spanWords(ms: number): string {
  const days = Math.round(ms / dayMs);
  if (days % daysAYear !== 0) return `${days} days`;
  return days === daysAYear ? "a year" : `${days / daysAYear} years`;
}

export function keptWords({ readingsMs, minutesMs, hoursMs, daysMs, eventsMs }: Kept): KeptWords {
  const isHere = readingsMs !== null && minutesMs !== null && hoursMs !== null && daysMs !== null;
  const readings = isHere
    ? `${spanWords(readingsMs)}; averages of minutes ${spanWords(minutesMs)}, of hours ${spanWords(hoursMs)}, of days ${spanWords(daysMs)}`
    : "as long as the maker's InfluxDB is set to keep them";
  return { readings, events: spanWords(eventsMs) };
}
