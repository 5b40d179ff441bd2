/** The phases of a delivery in the order of its life, each with what it means and how it is to be read. */
export interface PhaseShare {
  name: string;
  words: string;
  meaning: string;
  tone: "waiting" | "moving" | "well" | "wrong" | "mind" | "over";
  count: number;
}

const phases: Record<string, Omit<PhaseShare, "name" | "count">> = {
  queued: { words: "Queued", meaning: "waiting for the appliance", tone: "waiting" },
  sent: { words: "Sent", meaning: "written to the connection, not confirmed yet", tone: "moving" },
  received: { words: "Received", meaning: "the appliance has it and works on it", tone: "moving" },
  done: { words: "Done", meaning: "the appliance reported success", tone: "well" },
  failed: { words: "Failed", meaning: "tried, and did not succeed", tone: "wrong" },
  rejected: { words: "Rejected", meaning: "the appliance refused it", tone: "wrong" },
  expired: { words: "Expired", meaning: "not in time", tone: "mind" },
  superseded: { words: "Superseded", meaning: "a newer one took its place", tone: "over" },
  cancelled: { words: "Cancelled", meaning: "taken back by staff, by a limit or at a hand-over", tone: "over" },
};

/** The phases that hold anything, in the order of a delivery's life; one that is not known here stands last, by its own name. */
export function phaseShares(deliveries: Readonly<Record<string, number>>): PhaseShare[] {
  const order = [...new Set([...Object.keys(phases), ...Object.keys(deliveries)])];
  return order.flatMap((phase): PhaseShare[] => {
    const count = deliveries[phase] ?? 0;
    if (count === 0) return [];
    const known = phases[phase] ?? { words: phase, meaning: "", tone: "over" as const };
    return [{ name: phase, ...known, count }];
  });
}

/** A delivery and the last step that is known of it: `Firmware 2.1.0: rolled back`. */
export function deliveryText({ kind, label, step }: { kind: string; label: string; step: string | null }): string {
  const name = `${kind.charAt(0).toUpperCase()}${kind.slice(1)} ${label}`;
  return step === null ? name : `${name}: ${step.replaceAll("_", " ")}`;
}
