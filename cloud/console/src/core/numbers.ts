const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const threeDigits = new Intl.NumberFormat("en-GB", { maximumSignificantDigits: 3 });

/** `12,480` */
export const countText = (count: number): string => whole.format(count);

/** A rate as it is read at a glance: `412`, `3.4`, `0`. */
export const rateText = (perSecond: number): string =>
  perSecond >= 10 || perSecond === 0 ? whole.format(perSecond) : oneDigit.format(perSecond);

/** From here on digits are no longer read: nothing measures so much, but an appliance may say it. */
const readableMax = 1e12;

/** A measured number, as exact as is worth reading: `181.4`, `2,140`, `0.035`, `1.7e+308`. */
export function measureText(value: number): string {
  const size = Math.abs(value);
  if (size >= readableMax) return value.toExponential(1);
  if (size >= 1_000) return whole.format(value);
  if (size >= 10) return Number.isInteger(value) ? whole.format(value) : oneDigit.format(value);
  return threeDigits.format(value);
}

/** A value with its unit, by a space that does not break; a flag reads `yes` or `no`. */
export function valueText(value: number | boolean, unit: string): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return unit === "" ? measureText(value) : `${measureText(value)}\u00A0${unit}`;
}

/** `1 appliance`, `3 appliances` */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${countText(count)} ${count === 1 ? one : many}`;

/** `840 B`, `12.4 kB`, `3.1 MB` */
export function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${whole.format(bytes)} B`;
  return bytes < 1_000_000 ? `${oneDigit.format(bytes / 1_000)} kB` : `${oneDigit.format(bytes / 1_000_000)} MB`;
}
