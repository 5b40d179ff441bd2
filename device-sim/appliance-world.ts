import type { Model } from "#protocol/model.ts";
import type { FactoryTrust } from "./agent/factory-trust.ts";
import type { UpdateLimits } from "./agent/update-agent.ts";
import type { Ailment } from "./core/ailments.ts";
import type { PersonaName } from "./core/household.ts";
import type { MachineState } from "./core/machine.ts";
import type { ConnectGate } from "./link/connect-gate.ts";
import type { ClaimCredential } from "./link/first-contact.ts";
import type { OutboxBounds } from "./link/outbox.ts";
import type { Outage } from "./network-watch.ts";
import type { Clock } from "./platform/clock.ts";
import type { Timers } from "./platform/timers.ts";

/** What an appliance is given to prove itself with: a token, or what leads to a certificate of its own. */
export type Given = { token: string } | { claim: ClaimCredential };

/** One appliance of the fleet: who it is, where it stands, and how its people live. */
export type ApplianceSpec = Given & {
  id: string;
  model: Model;
  locale: string;
  timeZone: string;
  persona: PersonaName;
  seed: number;
  /** What it suffers from. */
  ailment?: Ailment | undefined;
  /** How its history left it; without it, it is as it was made. */
  machine?: MachineState | undefined;
  /** When there is no network in its kitchen, in its own time. */
  outages?: readonly Outage[] | undefined;
};

/** What an appliance needs of the world. */
export interface World {
  broker: string;
  /** PEM of the root that the broker's certificate leads to; without it, the roots that the system believes. */
  ca?: string;
  /** The appliance's own clock, possibly in the past and faster. */
  clock: Clock;
  real: Clock;
  timers: Timers;
  random: () => number;
  /** Bytes that nobody can guess. */
  secretBytes: (count: number) => Uint8Array;
  fetch: typeof fetch;
  gate: ConnectGate;
  /** What the appliances believe without asking; without it they take no update. */
  factory: FactoryTrust | null;
  allowRemote: boolean;
  updateLimits?: Partial<UpdateLimits>;
  backOff?: { msMin: number; msMax: number };
  /** How many messages an appliance keeps of what nobody has acknowledged. */
  storeBounds?: OutboxBounds;
  /** How long after a question for a certificate the next one is asked. */
  askAgainMs?: number;
}
