import { type EventFact, householdAt } from "../../devices/devices.ts";

/** Where acts come from that no appliance saw. */
export const factSources = ["web", "app", "shop", "support", "social"] as const;
export type FactSource = (typeof factSources)[number];

/**
 * Something that a household did: at its appliance, or elsewhere, as others report it. Points, stage, segments and decisions go by acts
 * and do not ask who told them.
 */
export interface HouseholdAct {
  householdId: string;
  /** Its identity, unique for ever: `device/event` of an appliance, `source:id` of what others report. */
  source: string;
  origin: "appliance" | FactSource;
  type: string;
  /** By the appliance's clock where that can be right, else by the gateway's; of outside facts, as their sender says. */
  atMs: number;
  data: Readonly<Record<string, unknown>>;
  /** The appliance that saw it; null for what others report. */
  device: { key: number; id: string; model: string } | null;
}

/** What appliances saw of their households, in the order given. What an appliance of nobody says is left out. */
export function actsOf(facts: readonly EventFact[]): HouseholdAct[] {
  return facts.flatMap(({ device, event, orderAtMs }): HouseholdAct[] => {
    const householdId = householdAt(device, orderAtMs);
    if (householdId === null) return [];
    const { key, id, model } = device;
    return [
      {
        householdId,
        source: `${id}/${event.id}`,
        origin: "appliance",
        type: event.type,
        atMs: orderAtMs,
        data: event.data,
        device: { key, id, model },
      },
    ];
  });
}
