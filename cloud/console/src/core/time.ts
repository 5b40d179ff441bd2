/** Times as people read them. Every function is given the time it is; none asks for it. */

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** A length of time in its two largest units: `3 h 12 min`, `45 s`, `2 d`. */
export function durationText(ms: number): string {
  const whole = Math.max(0, Math.round(ms / secondMs) * secondMs);
  if (whole < minuteMs) return `${whole / secondMs} s`;
  if (whole < hourMs) return `${Math.round(whole / minuteMs)} min`;
  const [large, small, largeUnit, smallUnit] =
    whole < 2 * dayMs ? [hourMs, minuteMs, "h", "min"] : [dayMs, hourMs, "d", "h"];
  const count = Math.floor(whole / large);
  const rest = Math.floor((whole - count * large) / small);
  return rest === 0 ? `${count} ${largeUnit}` : `${count} ${largeUnit} ${rest} ${smallUnit}`;
}

/** How long ago, in its largest unit: `just now`, `4 min ago`; what lies ahead reads `in 5 min`. */
export function agoText(atMs: number, nowMs: number): string {
  const past = nowMs - atMs;
  const size = Math.abs(past);
  // A few seconds ahead is two clocks that differ, not the future.
  if (size < 5 * secondMs || (past < 0 && size < 20 * secondMs)) return "just now";
  const units: [number, string][] = [
    [dayMs, "d"],
    [hourMs, "h"],
    [minuteMs, "min"],
    [secondMs, "s"],
  ];
  const [unitMs, unit] = units.find(([ms]) => size >= ms) ?? [secondMs, "s"];
  const count = Math.floor(size / unitMs);
  return past >= 0 ? `${count} ${unit} ago` : `in ${count} ${unit}`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(timeZone: string, name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${timeZone} ${name}`;
  const known = formats.get(key);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat("en-GB", { ...options, timeZone, hourCycle: "h23" });
  formats.set(key, made);
  return made;
}

/** Whether the browser knows the zone; an appliance may report anything. */
export function isTimeZone(name: string): boolean {
  try {
    format(name, "probe", {});
    return true;
  } catch {
    return false;
  }
}

/** `18:04:31` */
export const clockText = (atMs: number, timeZone: string): string =>
  format(timeZone, "clock", { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(atMs);

/** `18:04:31.207` */
export const preciseClockText = (atMs: number, timeZone: string): string =>
  `${clockText(atMs, timeZone)}.${String(atMs % secondMs).padStart(3, "0")}`;

/** `18:04` */
export const shortClockText = (atMs: number, timeZone: string): string =>
  format(timeZone, "short", { hour: "2-digit", minute: "2-digit" }).format(atMs);

/** `23 Nov 2026` */
export const dateText = (atMs: number, timeZone: string): string =>
  format(timeZone, "date", { day: "numeric", month: "short", year: "numeric" }).format(atMs);

/** The whole truth, zone included: `Mon, 23 Nov 2026, 18:04:31 GMT+1`. */
export const absoluteText = (atMs: number, timeZone: string): string =>
  format(timeZone, "absolute", {
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
  }).format(atMs);

/** The day that a list puts above its entries: `Today`, `Yesterday`, `Sat, 21 November`. */
export function dayText(atMs: number, nowMs: number, timeZone: string): string {
  const day = dateText(atMs, timeZone);
  if (day === dateText(nowMs, timeZone)) return "Today";
  if (day === dateText(nowMs - dayMs, timeZone)) return "Yesterday";
  const ofThisYear = day.slice(-4) === dateText(nowMs, timeZone).slice(-4);
  return format(timeZone, ofThisYear ? "day" : "dayOfYear", {
    weekday: "short",
    day: "numeric",
    month: "long",
    ...(ofThisYear ? {} : { year: "numeric" }),
  }).format(atMs);
}
