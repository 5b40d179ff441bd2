import { deviceIdPattern, localePattern, modelKeyPattern } from "./ids.ts";

/**
 * The topic grammar.
 *
 *   hearth/v1/devices/{id}/{channel}                          up and down, one device
 *   hearth/v1/content/{model}/{locale}/{feed}[/{itemId}]      broadcast, retained
 *   hearth/v1/provisioning/{batch}/{serial}/{request|reply}   first contact
 *   hearth/v1/provisioning/device/{id}/{request|reply}        the next certificate of a device that is in
 */
export const topicPrefix = "hearth/v1";

export const upChannels = ["telemetry", "events", "reported", "receipts", "replies"] as const;
export type UpChannel = (typeof upChannels)[number];

export const downChannels = ["inbox", "desired"] as const;
export type DownChannel = (typeof downChannels)[number];

export const feeds = ["recipes", "tips", "notices", "updates"] as const;
export type Feed = (typeof feeds)[number];

/** Stands for the batch where a device that is in asks; no batch may be called so. */
export const ownBatch = "device";

export type Topic =
  | { kind: "up"; deviceId: string; channel: UpChannel }
  | { kind: "down"; deviceId: string; channel: DownChannel }
  | { kind: "feed"; model: string; locale: string; feed: Feed }
  | { kind: "item"; model: string; locale: string; feed: Feed; itemId: string }
  | { kind: "provisioning"; batch: string; serial: string; direction: "request" | "reply" };

const isOneOf = <T extends string>(list: readonly T[], value: string | undefined): value is T =>
  list.some((item) => item === value);

/** The topic's text. The parts must already be valid: they come from schemas. */
export function buildTopic(topic: Topic): string {
  switch (topic.kind) {
    case "up":
    case "down":
      return `${topicPrefix}/devices/${topic.deviceId}/${topic.channel}`;
    case "feed":
      return `${topicPrefix}/content/${topic.model}/${topic.locale}/${topic.feed}`;
    case "item":
      return `${topicPrefix}/content/${topic.model}/${topic.locale}/${topic.feed}/${topic.itemId}`;
    case "provisioning":
      return `${topicPrefix}/provisioning/${topic.batch}/${topic.serial}/${topic.direction}`;
  }
}

/** What a topic means, or null where it is not of the grammar. Wildcards are never of the grammar. */
export function parseTopic(text: string): Topic | null {
  const [hearth, version, root, a = "", b = "", c, d, ...rest] = text.split("/");
  if (`${hearth}/${version}` !== topicPrefix || rest.length > 0) return null;
  if (root === "devices") return c === undefined ? parseDeviceTopic(a, b) : null;
  if (root === "content") return parseContentTopic(a, b, c, d);
  if (root !== "provisioning" || d !== undefined) return null;
  if (!deviceIdPattern.test(a) || !deviceIdPattern.test(b) || !isOneOf(["request", "reply"] as const, c)) return null;
  return { kind: "provisioning", batch: a, serial: b, direction: c };
}

function parseDeviceTopic(deviceId: string, channel: string): Topic | null {
  if (!deviceIdPattern.test(deviceId)) return null;
  if (isOneOf(upChannels, channel)) return { kind: "up", deviceId, channel };
  if (isOneOf(downChannels, channel)) return { kind: "down", deviceId, channel };
  return null;
}

function parseContentTopic(
  model: string,
  locale: string,
  feed: string | undefined,
  itemId: string | undefined,
): Topic | null {
  if (!modelKeyPattern.test(model) || !localePattern.test(locale) || !isOneOf(feeds, feed)) return null;
  if (itemId === undefined) return { kind: "feed", model, locale, feed };
  return deviceIdPattern.test(itemId) ? { kind: "item", model, locale, feed, itemId } : null;
}

/** Whether a filter (MQTT 3.1.1, clause 4.7) matches a topic. A leading wildcard never matches `$` topics. */
export function filterMatches(filter: string, topic: string): boolean {
  const filterLevels = filter.split("/");
  const topicLevels = topic.split("/");
  if (topic.startsWith("$") && /^[#+]/.test(filter)) return false;
  for (const [at, level] of filterLevels.entries()) {
    if (level === "#") return at === filterLevels.length - 1;
    if (at >= topicLevels.length) return false;
    if (level !== "+" && level !== topicLevels[at]) return false;
  }
  return filterLevels.length === topicLevels.length;
}
