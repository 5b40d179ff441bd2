/** A campaign that somebody else than its author has approved, to the ovens of a range of serial numbers. */
import { randomUUID } from "node:crypto";
import { approvedContent } from "./approved-content.ts";
import type { RunningService } from "./service-process.ts";

const dayMs = 86_400_000;

/** Written and approved, and not started yet. @returns its id */
export async function approvedCampaign(service: RunningService, name: string, to = "S999999"): Promise<string> {
  const draft = { kind: "message", class: "promotional", locales: { en: { title: name, text: `${name}.` } } };
  const item = await approvedContent(service, draft);
  await service.api(`/api/v1/content/items/${item}/schedule`, { method: "POST", body: {} });
  const { body } = await service.api("/api/v1/campaigns", {
    method: "POST",
    body: {
      kind: "campaign",
      name,
      audience: { kind: "serials", model: "oven", ranges: [{ from: "S000001", to }] },
      itemIds: [item],
      bestHour: false,
      expiresAtMs: Date.now() + 30 * dayMs,
    },
  });
  const approver = await service.api("/api/v1/staff/keys", {
    method: "POST",
    body: { name: `approver-${randomUUID().slice(0, 8)}`, role: "content" },
  });
  const answer = await fetch(`${service.http}/api/v1/campaigns/${body.id}/approve`, {
    method: "POST",
    headers: { authorization: `Bearer ${approver.body.secret}` },
  });
  if (!answer.ok) throw new Error(`not approved: ${await answer.text()}`);
  return body.id;
}
