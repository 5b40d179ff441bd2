import type { Wanted } from "../content/content.ts";
import type { Db } from "../platform/database.ts";
import type { CampaignRow, CampaignsStore } from "./campaigns-store.ts";
import { whyWords } from "./core/why-words.ts";
import { type Made, messagesOf, openCase } from "./decided.ts";
import type { DecisionsStore } from "./decisions-store.ts";
import type { MessagesStore } from "./messages-store.ts";
import type { EngagementDeps } from "./ports.ts";

/** Cases that one campaign opens for people; who is beyond is on its list with the others (`people.ts`). */
const casesMax = 200;

type Deps = EngagementDeps & { campaigns: CampaignsStore; decisions: DecisionsStore; messages: MessagesStore };

/** The campaign that decided, as the transaction knows it. */
export interface Deciding {
  campaign: CampaignRow;
  source: string;
  /** What offers grant, by their items. */
  offers: ReadonlyMap<string, string>;
  nowMs: number;
}

const nothing = () => {};

/** Does what a campaign decided, in the transaction of the decisions: deliveries, letters, messages to the app, cases for people. */
export class CarryingOut {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** @returns what waits for the commit */
  async carryOut(tx: Db, deciding: Deciding, made: readonly Made[]): Promise<() => void> {
    const { campaign, nowMs } = deciding;
    const sends = made.filter(({ decision }) => decision.answer.kind === "send");
    const untilMs = campaign.expires_at_ms;
    const afterCommit = await this.#deliver(tx, deciding, sends);
    await this.#deps.messages.insert(
      tx,
      sends.flatMap((one) => messagesOf(this.#deps.ids, one, nowMs, untilMs)),
    );
    await this.#openCases(tx, deciding, made);
    const counts: Record<string, number> = {};
    for (const { row } of made) counts[row.answer] = (counts[row.answer] ?? 0) + 1;
    if (made.length > 0) {
      const data = { campaignId: campaign.id, decided: made.length, ...counts };
      const subject = `campaign:${campaign.id}`;
      await this.#deps.outbox.add(tx, [{ type: "hearth.campaign.decided", subject, atMs: nowMs, data }]);
    }
    return afterCommit;
  }

  async #deliver(tx: Db, { campaign, offers }: Deciding, sends: readonly Made[]): Promise<() => void> {
    const decisionOf = new Map<string, string>();
    const wanted: Wanted[] = [];
    for (const { row, decision, household } of sends) {
      if (decision.answer.kind !== "send" || decision.answer.deviceIds.length === 0) continue;
      const offerKey = offers.get(row.item_id) ?? null;
      const { household_id: householdId, class: itemClass, trace } = row;
      const expiresAtMs = campaign.expires_at_ms;
      const extra = offerKey === null ? undefined : await this.#deps.grant(tx, { householdId, offerKey, expiresAtMs });
      // It ended within this page: the page is undone, and the next one leaves it out.
      if (extra === null) throw new Error(`the offer ${offerKey} can no longer be made`);
      // A recall says itself why it comes, to appliances of nobody too. Of who did not agree to that the trace holds nothing that was learnt.
      const why = campaign.kind === "recall" ? undefined : (locale: string) => whyWords(itemClass, trace, true, locale);
      for (const deviceId of decision.answer.deviceIds) {
        const device = household.devices.get(deviceId);
        if (device === undefined) continue;
        decisionOf.set(`${deviceId} ${row.item_id}`, row.id);
        wanted.push({ itemId: row.item_id, device, expiresAtMs, extra, why });
      }
    }
    if (wanted.length === 0) return nothing;
    const { deliveries, afterCommit } = await this.#deps.content.deliver(tx, wanted);
    await this.#deps.decisions.insertDeliveries(
      tx,
      deliveries.flatMap(({ deliveryId, deviceId, itemId }) => {
        const decisionId = decisionOf.get(`${deviceId} ${itemId}`);
        return decisionId === undefined ? [] : [{ deliveryId, decisionId }];
      }),
    );
    if (campaign.kind === "recall") await this.#deps.campaigns.applianceSent(tx, campaign.id, deliveries);
    return afterCommit;
  }

  async #openCases(tx: Db, { campaign, source }: Deciding, made: readonly Made[]): Promise<void> {
    // Whom a recall does not reach gets a letter: they are on its list, and not in the queue of the service.
    if (campaign.kind === "recall") return;
    const humans = made.filter(({ row }) => row.answer === "human");
    if (humans.length === 0) return;
    const opened = await this.#deps.decisions.humans(tx, source);
    const room = Math.max(0, casesMax - (opened - humans.length));
    for (const { row } of humans.slice(0, room)) {
      const from = `From the campaign '${campaign.definition.name}'.`;
      await openCase(this.#deps.service, tx, row, { title: row.title, text: from });
    }
  }
}
