import { rateNow, rolloutHref, type Status, sumOf } from "./status.ts";

/**
 * The status as one JSON line.
 *
 * @param toldUpTo sentences of the story before this moment were in an earlier line
 * @param withPlace whether to say where the service is: once is enough, since it holds a key
 */
export function statusLine(status: Status, toldUpTo: number, withPlace: boolean): string {
  const { place } = status;
  return JSON.stringify({
    state: status.state,
    at_ms: Math.round(status.atMs),
    ...(withPlace && place !== null ? { console: place.console, mqtt: place.mqtt, key: place.key } : {}),
    ovens: status.appliances,
    connected: status.connected,
    past_share: status.pastShare === null ? null : Math.round(status.pastShare * 100) / 100,
    behind_ms: Math.round(status.behindMs),
    readings_committed: status.readingsCommitted,
    readings_per_s: rateNow(status),
    deliveries: status.deliveries,
    cases: status.cases,
    points: status.points,
    firmware_confirmed: status.firmwareConfirmed,
    rollouts: status.rollouts.map((rollout) => ({ ...rollout, console: rolloutHref(status, rollout.id) })),
    ready_after_ms: status.readyAfterMs,
    story: status.story.filter(({ atMs }) => atMs >= toldUpTo).map(({ sentence }) => sentence),
  });
}

/** What the demo came to: its last line. `cases` are all that were opened, `ovens` all appliances. */
export const lastLine = (status: Status): string =>
  JSON.stringify({
    ovens: status.appliances,
    readings_committed: status.readingsCommitted,
    deliveries: { done: 0, ...status.deliveries },
    cases: sumOf(status.cases),
    points: status.points,
    firmware_confirmed: status.firmwareConfirmed,
    rollouts: status.rollouts,
    ready_after_ms: status.readyAfterMs ?? 0,
  });
