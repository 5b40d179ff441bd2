/**
 * Who may do what on which topic: the one rule, asked by the gate at PUBLISH and CONNECT, by the broker at SUBSCRIBE, and again
 * before anything is forwarded.
 *
 *   publish, will   hearth/v1/devices/{own id}/{up channel}
 *   subscribe       hearth/v1/devices/{own id}/{inbox|desired|+|#}      hearth/v1/content/{own model}/...
 *   receive         hearth/v1/devices/{own id}/{inbox|desired}          hearth/v1/content/{own model}/...
 */
import { downChannels, parseTopic, topicPrefix } from "#protocol/topics.ts";

export type Action = "publish" | "subscribe" | "receive" | "will";

/** What the rule needs to know of a connected device. */
export interface Subject {
  deviceId: string;
  model: string;
}

const ownFilters = new Set<string>([...downChannels, "+", "#"]);
/** `{locale}/{feed}/{itemId}`: a longer filter could match nothing. */
const contentLevelsMax = 3;

/** Whether the device may. `text` is a filter for `subscribe` and a topic otherwise. */
export function may(subject: Subject, action: Action, text: string): boolean {
  switch (action) {
    case "publish":
    case "will": {
      const topic = parseTopic(text);
      return topic?.kind === "up" && topic.deviceId === subject.deviceId;
    }
    case "receive": {
      const topic = parseTopic(text);
      if (topic?.kind === "down") return topic.deviceId === subject.deviceId;
      return (topic?.kind === "feed" || topic?.kind === "item") && topic.model === subject.model;
    }
    case "subscribe":
      return maySubscribe(subject, text);
  }
}

function maySubscribe({ deviceId, model }: Subject, filter: string): boolean {
  const own = `${topicPrefix}/devices/${deviceId}/`;
  if (filter.startsWith(own)) return ownFilters.has(filter.slice(own.length));
  const content = `${topicPrefix}/content/${model}/`;
  if (!filter.startsWith(content)) return false;
  const rest = filter.slice(content.length);
  return rest !== "" && rest.split("/").length <= contentLevelsMax && isFilter(filter);
}

/** Whether wildcards stand where the standard lets them (MQTT 3.1.1, clause 4.7.1): alone in their level, `#` last. */
export function isFilter(text: string): boolean {
  const levels = text.split("/");
  return levels.every((level, at) => {
    if (level === "#") return at === levels.length - 1;
    return level === "+" || !/[#+]/.test(level);
  });
}
