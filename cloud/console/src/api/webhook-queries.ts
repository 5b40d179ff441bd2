import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { ErasuresSearch } from "../core/erasures.ts";
import type { WebhooksSearch } from "../core/webhooks.ts";
import { stringifySearch } from "../core/url-state.ts";
import { get } from "./client.ts";
import type { Page } from "./shapes.ts";
import type { Erasure, ListedWebhook, WebhookDelivery, WebhookDeliveryDetail } from "./webhook-shapes.ts";

const calmMs = 5_000;

export const webhooksPath = "/api/v1/webhooks";
export const webhookPath = (id: string) => `${webhooksPath}/${encodeURIComponent(id)}`;
export const webhookDeliveryPath = (webhookId: string, id: string) =>
  `${webhookPath(webhookId)}/deliveries/${encodeURIComponent(id)}`;

export const webhooksQuery = queryOptions({
  queryKey: ["webhooks", "list"],
  queryFn: ({ signal }) => get<{ items: ListedWebhook[] }>(webhooksPath, { signal }),
  refetchInterval: calmMs,
});

export const webhookDeliveriesQuery = (webhookId: string, { status, cursor }: WebhooksSearch) =>
  queryOptions({
    queryKey: ["webhooks", "deliveries", webhookId, status, cursor],
    queryFn: ({ signal }) =>
      get<Page<WebhookDelivery>>(
        `${webhookPath(webhookId)}/deliveries${stringifySearch({ status, cursor, limit: 20 })}`,
        { signal },
      ),
    placeholderData: keepPreviousData,
    refetchInterval: calmMs,
  });

export const webhookDeliveryQuery = (webhookId: string, id: string) =>
  queryOptions({
    queryKey: ["webhooks", "delivery", webhookId, id],
    queryFn: ({ signal }) => get<WebhookDeliveryDetail>(webhookDeliveryPath(webhookId, id), { signal }),
    refetchInterval: calmMs,
  });

export const erasuresQuery = ({ household, cursor }: ErasuresSearch) =>
  queryOptions({
    queryKey: ["erasures", "list", household, cursor],
    queryFn: ({ signal }) =>
      get<Page<Erasure>>(`/api/v1/erasures${stringifySearch({ household, cursor, limit: 25 })}`, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: calmMs,
  });

export const erasureQuery = (id: string) =>
  queryOptions({
    queryKey: ["erasures", id],
    queryFn: ({ signal }) => get<Erasure>(`/api/v1/erasures/${encodeURIComponent(id)}`, { signal }),
    refetchInterval: calmMs,
  });
