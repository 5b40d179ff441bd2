/** What rules may do to appliances and their households, by the slices that own it. */
import type { Content } from "./content/content.ts";
import type { Deliveries } from "./deliveries/deliveries.ts";
import type { Devices } from "./devices/devices.ts";
import type { Loyalty } from "./loyalty/loyalty.ts";
import type { RuleTools } from "./service/service.ts";

/** `ofHouseholds` is asked when a rule acts: the slices that serve households are made later than the rules. */
export function ruleTools(
  devices: Devices,
  deliveries: Deliveries,
  ofHouseholds: () => { content: Content; loyalty: Loyalty },
): RuleTools {
  return {
    async tag(deviceId, tag, on) {
      await devices.labels.tag({ kind: "system" }, [deviceId], { add: on ? [tag] : [], remove: on ? [] : [tag] });
    },
    command: async (tx, device, name) => (await deliveries.commands.create(tx, device, { name })).afterCommit,
    async award(tx, award) {
      const outcome = await ofHouseholds().loyalty.award(tx, award);
      return outcome.kind === "unchanged" ? { kind: "refused", rule: "earned_already" } : outcome;
    },
    contentOf: (tx, itemIds) => ofHouseholds().content.forDecision(tx, itemIds),
    async sendContent(tx, wanted) {
      const sent = await ofHouseholds().content.deliver(tx, [wanted]);
      const [[made], [skip]] = [sent.deliveries, sent.skipped];
      if (made === undefined) return { kind: "refused", rule: skip?.rule ?? "not_sendable" };
      return { kind: "sent", deliveryId: made.deliveryId, afterCommit: sent.afterCommit };
    },
  };
}
