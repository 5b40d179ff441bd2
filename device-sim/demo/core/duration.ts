const unitMs = { s: 1_000, m: 60_000, h: 3_600_000 } as const;
const durationMsMax = 30 * 24 * unitMs.h;

/** Reads `45s`, `2m`, `1.5h` or plain seconds. @returns milliseconds, or null where it is none of them, nothing, or above 30 days */
export function readDuration(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)([smh]?)$/.exec(text.trim());
  if (match === null) return null;
  const unit = match[2] === "m" || match[2] === "h" ? match[2] : "s";
  const ms = Math.round(Number(match[1]) * unitMs[unit]);
  return ms > 0 && ms <= durationMsMax ? ms : null;
}

const two = (value: number): string => String(value).padStart(2, "0");

/** A time on a clock that began at zero: `0:07`, `12:34`, `1:02:03`. */
export function clockText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}
