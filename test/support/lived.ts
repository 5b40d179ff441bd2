/** What simulated appliances said in a time, for rules without a service. */
import type { Ailment } from "../../device-sim/core/ailments.ts";
import { personaNames } from "../../device-sim/core/household.ts";
import { history, type HistorySpec } from "../../device-sim/history/history.ts";
import { loadModels } from "../../device-sim/models.ts";
import { presenceEvent } from "../../cloud/service/core/marks.ts";
import type { Happening } from "../../cloud/service/core/replay.ts";

const models = loadModels();

/** An appliance of a model in some household: which one goes by the seed. */
export function livedBy(model: string, seed: number): HistorySpec {
  const found = models.get(model);
  const persona = personaNames[seed % personaNames.length];
  if (found === undefined || persona === undefined) throw new Error(model);
  const timeZone = ["Europe/Berlin", "America/Sao_Paulo", "Asia/Tokyo"][seed % 3] ?? "UTC";
  return { model: found, persona, timeZone, locale: "de", seed };
}

const atMsOf = (happening: Happening) => (happening.kind === "reading" ? happening.reading.atMs : happening.event.atMs);

/** What it said, and its coming and going, in the order of time. */
export function lived(spec: HistorySpec, fromMs: number, toMs: number, ailment: Ailment | null): Happening[] {
  const all: Happening[] = [];
  let connectionId = 0;
  for (const { readings, events, presence } of history(spec, fromMs, toMs, ailment)) {
    for (const { atMs, m: metrics } of readings) all.push({ kind: "reading", reading: { atMs, metrics } });
    for (const event of events) all.push({ kind: "event", event });
    for (const { atMs, state } of presence) {
      const how = state === "disconnected" ? { reason: "lost" } : {};
      const event = presenceEvent(atMs, { state, bootId: "b", connectionId: (connectionId += 1), ...how });
      if (event !== null) all.push({ kind: "event", event });
    }
  }
  return all.toSorted((a, b) => atMsOf(a) - atMsOf(b));
}
