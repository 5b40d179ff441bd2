import type { GatewayLimits } from "#protocol/link/limits.ts";

type TopicLimits = Pick<GatewayLimits, "bytesPerTopicMax" | "topicLevelsMax">;

/** The limit that a topic or filter goes beyond, or null. */
export function topicBeyond(text: string, limits: TopicLimits): keyof TopicLimits | null {
  if (Buffer.byteLength(text) > limits.bytesPerTopicMax) return "bytesPerTopicMax";
  return text.split("/", limits.topicLevelsMax + 1).length > limits.topicLevelsMax ? "topicLevelsMax" : null;
}

/** The limit that the filters of one packet go beyond, or null. */
export function filtersBeyond(
  filters: readonly string[],
  limits: TopicLimits & Pick<GatewayLimits, "filtersPerSubscribeMax">,
): keyof TopicLimits | "filtersPerSubscribeMax" | null {
  if (filters.length > limits.filtersPerSubscribeMax) return "filtersPerSubscribeMax";
  for (const filter of filters) {
    const beyond = topicBeyond(filter, limits);
    if (beyond !== null) return beyond;
  }
  return null;
}
