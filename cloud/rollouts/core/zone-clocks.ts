import { type Interval, knownZone } from "#protocol/maintenance-window.ts";

/** Zones whose clocks show the same at every moment of a range: what is true of one is true of all. */
export interface ZoneClock {
  /** One of them, by a name that this machine knows. */
  zone: string;
  /** As they were given, unknown names too, which go by UTC. */
  zones: string[];
}

/** A window that touches a range may begin or end outside it, at most a day and the longest change of a clock away. */
const marginMs = 3 * 86_400_000;

/**
 * Groups zones by what their clocks show. A fleet reports hundreds of names and lives by some forty clocks, so that whatever is worked out
 * from wall time is worked out forty times.
 *
 * @param range the time that is asked about; windows that reach into it are covered
 */
export function zoneClocks(zones: Iterable<string>, range: Interval): ZoneClock[] {
  const clocks = new Map<string, ZoneClock>();
  for (const name of new Set(zones)) {
    const zone = knownZone(name);
    const key = whatItShows(zone, range.fromMs - marginMs, range.toMs + marginMs);
    const clock = clocks.get(key);
    if (clock === undefined) clocks.set(key, { zone, zones: [name] });
    else clock.zones.push(name);
  }
  return [...clocks.values()];
}

/** The offset at the beginning and each change of it: two zones that agree in this agree in every wall time between. */
function whatItShows(zone: string, fromMs: number, toMs: number): string {
  let moment = Temporal.Instant.fromEpochMilliseconds(fromMs).toZonedDateTimeISO(zone);
  const shows = [moment.offset];
  for (;;) {
    const next = moment.getTimeZoneTransition("next");
    if (next === null || next.epochMilliseconds >= toMs) return shows.join(" ");
    shows.push(`${next.epochMilliseconds} ${next.offset}`);
    moment = next;
  }
}
