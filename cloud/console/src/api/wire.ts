import { useEffect, useState } from "react";
import { createServerSentReader } from "../core/server-sent.ts";
import { withWord } from "../core/wire.ts";
import { ApiProblem, listen } from "./client.ts";
import { devicePath, mayPass } from "./queries.ts";
import { session } from "./session.ts";
import type { WireAnswer, WirePacket } from "./shapes.ts";

/** How long to wait before asking again, where a stream has ended or did not begin. */
const pauseMs = 3_000;

export interface Wire {
  /** Oldest first. Null until the service has said something. */
  packets: readonly WirePacket[] | null;
  /** Where there is nothing to see, why. */
  sentence: string | null;
  isLive: boolean;
  error: Error | null;
}

const unread: Wire = { packets: null, sentence: null, isLive: false, error: null };

/** What goes over an appliance's wire, for as long as the page that asks is there. */
export function useWire(id: string): { wire: Wire; retry: () => void } {
  const [wire, setWire] = useState(unread);
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const left = new AbortController();
    setWire(unread);
    void follow(id, setWire, left.signal);
    return () => left.abort();
  }, [id, attempt]);
  return { wire, retry: () => setAttempt((now) => now + 1) };
}

type Change = (change: (now: Wire) => Wire) => void;

/** Reads streams one after the other, until it is called off or refused. */
async function follow(id: string, change: Change, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      // Each stream begins where the one before ended.
      await readStream(id, change, signal);
      change((now) => ({ ...now, isLive: false }));
    } catch (cause) {
      if (signal.aborted) return;
      const error = cause instanceof Error ? cause : new Error(String(cause));
      change((now) => ({ ...now, isLive: false, error }));
      if (error instanceof ApiProblem && error.status === 401) session.end(true);
      if (!mayPass(error)) return;
    }
    await pause(signal);
  }
}

async function readStream(id: string, change: Change, signal: AbortSignal): Promise<void> {
  const read = createServerSentReader();
  for await (const piece of listen(`${devicePath(id)}/wire`, signal)) {
    for (const { event, data } of read(piece)) {
      const word: WireAnswer = JSON.parse(data);
      change(({ packets }) => ({
        packets: withWord(packets ?? [], event, word),
        sentence: word.sentence,
        isLive: true,
        error: null,
      }));
    }
  }
}

const pause = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, pauseMs);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
