import { useEffect, useState } from "react";
import { type LiveReading, type Sampling, withReadings } from "../core/live.ts";
import { createServerSentReader } from "../core/server-sent.ts";
import { ApiProblem, listen } from "./client.ts";
import { mayPass } from "./queries.ts";
import { session } from "./session.ts";

/** How long to wait before asking again, where a stream has ended or did not begin. */
const pauseMs = 3_000;
/** At one a second, more than what the server's answer lags behind. */
const readingsMax = 900;

export interface LiveTail {
  /** Oldest first. */
  readings: readonly LiveReading[];
  sampling: Sampling | null;
  /** Readings that came faster than this browser took them. */
  missed: number;
  isOpen: boolean;
  error: Error | null;
}

const nothing: LiveTail = { readings: [], sampling: null, missed: 0, isOpen: false, error: null };
export const liveTailPath = (id: string): string =>
  `/api/v1/telemetry/live?device=${encodeURIComponent(id)}&events=false`;

/** What an appliance measures, as it says it, while `isOn`; whoever watches has it sample faster. */
export function useLiveTail(id: string, isOn: boolean): LiveTail {
  const [tail, setTail] = useState(nothing);
  useEffect(() => {
    setTail(nothing);
    if (!isOn) return;
    const left = new AbortController();
    void follow(id, setTail, left.signal);
    return () => left.abort();
  }, [id, isOn]);
  return tail;
}

type Change = (change: (now: LiveTail) => LiveTail) => void;

/** Reads streams one after the other, until it is called off or refused. */
async function follow(id: string, change: Change, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await readStream(id, change, signal);
      change((now) => ({ ...now, isOpen: false }));
    } catch (cause) {
      if (signal.aborted) return;
      const error = cause instanceof Error ? cause : new Error(String(cause));
      change((now) => ({ ...now, isOpen: false, error }));
      if (error instanceof ApiProblem && error.status === 401) session.end(true);
      if (!mayPass(error)) return;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function readStream(id: string, change: Change, signal: AbortSignal): Promise<void> {
  const read = createServerSentReader();
  for await (const piece of listen(liveTailPath(id), signal)) {
    for (const { event, data } of read(piece))
      change((now) => ({ ...heard(now, event, data), isOpen: true, error: null }));
  }
}

function heard(now: LiveTail, event: string, data: string): LiveTail {
  if (event === "readings") {
    const { readings }: { readings: LiveReading[] } = JSON.parse(data);
    return { ...now, readings: withReadings(now.readings, readings, readingsMax) };
  }
  if (event === "sampling") {
    const sampling: Sampling = JSON.parse(data);
    return { ...now, sampling };
  }
  if (event === "missed") {
    const { readings }: { readings: number } = JSON.parse(data);
    return { ...now, missed: now.missed + readings };
  }
  return now;
}
