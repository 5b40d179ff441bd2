/** Content that somebody else than its author has approved, for tests that are about what comes after. */
import type { RunningService } from "./service-process.ts";

type Service = Pick<RunningService, "api" | "http">;

/** A second person of each service, made when first needed. */
const reviewers = new WeakMap<Service, Promise<string>>();

async function newReviewer(service: Service): Promise<string> {
  const { body } = await service.api("/api/v1/staff/keys", {
    method: "POST",
    body: { name: "reviewer", role: "content" },
  });
  return body.secret as string;
}

/** Hands an item in and has it approved. */
export async function approveContent(service: Service, id: string): Promise<void> {
  const key = reviewers.get(service) ?? newReviewer(service);
  reviewers.set(service, key);
  const submitted = await service.api(`/api/v1/content/items/${id}/submit`, { method: "POST", body: {} });
  if (submitted.status !== 200) throw new Error(`not handed in: ${JSON.stringify(submitted.body)}`);
  const response = await fetch(`${service.http}/api/v1/content/items/${id}/approve`, {
    method: "POST",
    headers: { authorization: `Bearer ${await key}`, "content-type": "application/json" },
    body: "{}",
  });
  if (!response.ok) throw new Error(`not approved: ${await response.text()}`);
}

/** Writes an item and has it approved. @returns its id */
export async function approvedContent(service: Service, draft: object): Promise<string> {
  const { status, body } = await service.api("/api/v1/content/items", { method: "POST", body: draft });
  if (status !== 201) throw new Error(`not written: ${JSON.stringify(body)}`);
  await approveContent(service, body.id as string);
  return body.id as string;
}
