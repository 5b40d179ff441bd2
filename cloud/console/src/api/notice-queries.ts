import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import type { NoticesSearch } from "../core/service-url.ts";
import { stringifySearch } from "../core/url-state.ts";
import { get } from "./client.ts";
import type { NoticeChannel, NoticeDelivery, NoticeDeliveryDetail } from "./notice-shapes.ts";
import type { Page } from "./shapes.ts";

const calmMs = 5_000;

export const channelsPath = "/api/v1/notices/channels";

export const channelsQuery = queryOptions({
  queryKey: ["notices", "channels"],
  queryFn: ({ signal }) => get<{ items: NoticeChannel[] }>(channelsPath, { signal }),
  refetchInterval: calmMs,
});

export const noticeDeliveriesQuery = (search: NoticesSearch) =>
  queryOptions({
    queryKey: ["notices", "deliveries", search],
    queryFn: ({ signal }) =>
      get<Page<NoticeDelivery>>(`/api/v1/notices/deliveries${stringifySearch({ ...search, limit: 20 })}`, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: calmMs,
  });

export const noticeDeliveryPath = (id: string) => `/api/v1/notices/deliveries/${encodeURIComponent(id)}`;

export const noticeDeliveryQuery = (id: string) =>
  queryOptions({
    queryKey: ["notices", "delivery", id],
    queryFn: ({ signal }) => get<NoticeDeliveryDetail>(noticeDeliveryPath(id), { signal }),
    refetchInterval: calmMs,
  });
