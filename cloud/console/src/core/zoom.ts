/** A range of time on a chart's axis; `fromMs < toMs`. */
export interface Span {
  fromMs: number;
  toMs: number;
}

/** Closer than this there is nothing more to see. */
const spanMsMin = 10_000;
/** As far as the charts look. */
export const spanMsMax = 30 * 86_400_000;

/** A range of a length that charts show, moved so that it does not end after now. */
function fitted({ fromMs, toMs }: Span, nowMs: number): Span {
  const spanMs = Math.round(Math.min(spanMsMax, Math.max(spanMsMin, toMs - fromMs)));
  const middleMs = (fromMs + toMs) / 2;
  const endMs = Math.round(Math.min(nowMs, middleMs + spanMs / 2));
  return { fromMs: endMs - spanMs, toMs: endMs };
}

/**
 * Looks closer (`factor` below 1) or from further away; what is at `aroundMs` stays where it is on the axis, as far as the bounds
 * let it.
 */
export function zoomed({ fromMs, toMs }: Span, factor: number, aroundMs: number, nowMs: number): Span {
  const spanMs = Math.min(spanMsMax, Math.max(spanMsMin, (toMs - fromMs) * factor));
  const share = (aroundMs - fromMs) / (toMs - fromMs);
  const beginMs = aroundMs - share * spanMs;
  return fitted({ fromMs: beginMs, toMs: beginMs + spanMs }, nowMs);
}

/** Moves the range by a share of its length, to the past where the share is negative. */
export function panned({ fromMs, toMs }: Span, share: number, nowMs: number): Span {
  const byMs = share * (toMs - fromMs);
  return fitted({ fromMs: fromMs + byMs, toMs: toMs + byMs }, nowMs);
}
