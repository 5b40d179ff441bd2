export type SentStatus = "queued" | "delivered" | "failed" | "dropped";

/** What every message to a receiver outside has. */
export interface Sent {
  id: string;
  status: SentStatus;
  attempts: number;
  createdAtMs: number;
  nextAtMs: number | null;
  endedAtMs: number | null;
}

/** One attempt to send it, and what came of that. */
export interface Try {
  attempt: number;
  atMs: number;
  tookMs: number;
  outcome: string;
  detail: string;
}
