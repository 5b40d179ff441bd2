/**
 * `npm run bench -- rules`: what the rules that ship with Hearth cost. Readings a second through what each reading goes through, and
 * through a back-test of all of them; and readings committed a second by the whole service with the rules on and off, by turns.
 */
import type { ReadingFact } from "../../cloud/devices/devices.ts";
import { defaultRules } from "../../cloud/service/core/default-rules.ts";
import { type Happening, replay } from "../../cloud/service/core/replay.ts";
import { ReadingWatch } from "../../cloud/service/reading-watch.ts";
import type { RunningService } from "../support/service-process.ts";
import { lived, livedBy } from "../support/lived.ts";
import { median, perSecond, rounded, say } from "./figures.ts";
import { type Hearth, startHearth } from "./hearth.ts";
import { measureIngest } from "./ingest.ts";

const dayMs = 86_400_000;
const toMs = Date.UTC(2026, 10, 28);
/** Readings of one batch of the up road. */
const batchMax = 2_000;
const hotDevices = 200;

export interface RulesPlan {
  rounds: number;
  /** Of each measurement through the service; 0 leaves them out. */
  durationMs: number;
  ovens: number;
  days: number;
}

interface Life {
  model: string;
  happenings: Happening[];
}

const rules = () =>
  defaultRules.map(({ id, definition }) => ({ id, version: 1, definition, createdAtMs: 0, createdBy: "system" }));

/** Their readings in batches as a gateway would send them: all ovens by turns, in the order of time. */
function batchesOf(lives: readonly Life[]): ReadingFact[][] {
  const facts = lives.flatMap(({ model, happenings }, key) => {
    const device = { key, id: `oven-${key}`, model, householdId: null, householdSinceMs: null };
    return happenings.flatMap((one): ReadingFact[] =>
      one.kind === "reading" ? [{ device, receivedAtMs: one.reading.atMs, ...one.reading }] : [],
    );
  });
  const inOrder = facts.toSorted((a, b) => a.atMs - b.atMs);
  return Array.from({ length: Math.ceil(inOrder.length / batchMax) }, (_none, at) =>
    inOrder.slice(at * batchMax, (at + 1) * batchMax),
  );
}

const noneRepeated: ReadonlySet<string> = new Set();

/** What it takes for all readings to go through what every reading goes through, and how many were looked at closely. */
async function throughWatch(
  batches: readonly ReadingFact[][],
): Promise<{ ms: number; cpuUs: number; signals: number }> {
  const watch = new ReadingWatch({
    loadedAtMs: 0,
    readingsBefore: async () => new Map(),
    newestBefore: async () => new Map(),
  });
  watch.setRules(rules());
  const [since, before] = [performance.now(), process.cpuUsage()];
  let signals = 0;
  for (const batch of batches) {
    const found = await watch.signals(batch, noneRepeated);
    signals += found.signals.length;
    found.afterCommit();
  }
  const { user, system } = process.cpuUsage(before);
  return { ms: performance.now() - since, cpuUs: user + system, signals };
}

/** Milliseconds for all default rules over all that the ovens said. */
function throughReplay(lives: readonly Life[]): number {
  const since = performance.now();
  for (const { model, happenings } of lives) {
    for (const { definition } of defaultRules) {
      if (definition.models?.includes(model) ?? true)
        replay(definition, happenings, { appliance: { model }, untilMs: toMs });
    }
  }
  return performance.now() - since;
}

async function switchRules(service: RunningService, mode: "live" | "off"): Promise<number> {
  const { body } = await service.api("/api/v1/service/rules");
  const items: { id: string }[] = body.items;
  for (const { id } of items) {
    const { status } = await service.api(`/api/v1/service/rules/${id}/mode`, { method: "POST", body: { mode } });
    if (status !== 200) throw new Error(`rule ${id} was not switched ${mode}: ${status}`);
  }
  return items.length;
}

async function committed(durationMs: number, prepare: (hearth: Hearth) => Promise<unknown>): Promise<number> {
  const hearth = await startHearth(hotDevices);
  try {
    await prepare(hearth);
    return (await measureIngest(hearth, { shape: "hot", inFlight: 10, durationMs })).readings_committed_per_s;
  } finally {
    await hearth.stop();
  }
}

const medianOf = (figures: number[] | undefined) =>
  figures === undefined || figures.length === 0 ? null : median(figures);

export async function benchRules({ rounds, durationMs, ovens, days }: RulesPlan) {
  const lives = Array.from({ length: ovens }, (_none, at): Life => {
    const model = at % 4 === 0 ? "oven-s80" : "oven-x200";
    return { model, happenings: lived(livedBy(model, at + 1), toMs - days * dayMs, toMs, null) };
  });
  const batches = batchesOf(lives);
  const readings = batches.reduce((sum, batch) => sum + batch.length, 0);
  const [watched, cpu, replayed, withRules, without]: number[][] = [[], [], [], [], []];
  let signals = 0;
  for (let round = 1; round <= rounds; round += 1) {
    const through = await throughWatch(batches);
    ({ signals } = through);
    watched?.push(perSecond(readings, through.ms));
    // A busy machine takes longer, and hardly computes more.
    cpu?.push(rounded(through.cpuUs / readings, 3));
    replayed?.push(perSecond(readings, throughReplay(lives)));
    if (durationMs > 0) {
      withRules?.push(await committed(durationMs, async () => {}));
      without?.push(await committed(durationMs, ({ service }) => switchRules(service, "off")));
    }
    say(
      `rules ${round}/${rounds}: ${JSON.stringify([watched, replayed, withRules, without].map((all) => all?.at(-1)))}`,
    );
  }
  const [on, off] = [medianOf(withRules), medianOf(without)];
  return {
    rules: defaultRules.length,
    ovens,
    readings,
    looked_at_closely: signals,
    watched_readings_per_s: medianOf(watched),
    watched_cpu_us_per_reading: medianOf(cpu),
    replayed_readings_per_s: medianOf(replayed),
    committed_with_rules_per_s: on,
    committed_without_rules_per_s: off,
    ratio_committed: on === null || off === null ? null : rounded(on / off, 3),
  };
}
