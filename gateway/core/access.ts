/**
 * Who may do what on which topic: the one rule, asked by the gate at PUBLISH and CONNECT, by the broker at SUBSCRIBE, and again
 * before anything is forwarded.
 *
 *   publish, will   hearth/v1/devices/{own id}/{up channel}
 *   subscribe       hearth/v1/devices/{own id}/{inbox|desired|+|#}      hearth/v1/content/{own model}/...
 *   receive         hearth/v1/devices/{own id}/{inbox|desired}          hearth/v1/content/{own model}/...
 */
import type { DeviceIdentity } from "#protocol/link/messages.ts";
import { downChannels, parseTopic, topicPrefix } from "#protocol/topics.ts";
import type { ConnectPacket } from "./packets.ts";

/** What one connection may do, and where what it says goes. Asked by the gate and the broker alike. */
export interface Access {
  /** Under which the broker keeps its session; a second connection takes the place of the first. */
  readonly sessionId: string;
  /** The device behind it, whose presence is told and to whom the cloud may send; null where there is none. */
  readonly identity: DeviceIdentity | null;
  /** Where its PUBLISHes go. To the spool there is no QoS 2 and nothing retained. */
  readonly road: "spool" | "broker";
  /** Its name in the spool's records. */
  readonly recordId: Buffer;
  /** The record code of a topic in bytes, 0 where there are no records, or -1 where it may not publish there. */
  channelCodeOf(bytes: Buffer, start: number, end: number): number;
  /** The same for its will. */
  willCodeOf(will: NonNullable<ConnectPacket["will"]>): number;
  maySubscribe(filter: string): boolean;
  mayReceive(topic: string): boolean;
}

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

/** Whether the text can be a topic: not empty, no wildcard, no NUL (clauses 4.7.1 and 4.7.3). */
export const isTopic = (text: string): boolean => text !== "" && !/[#+\0]/.test(text);

/** Whether wildcards stand where the standard lets them (MQTT 3.1.1, clause 4.7.1): alone in their level, `#` last. */
export function isFilter(text: string): boolean {
  const levels = text.split("/");
  return levels.every((level, at) => {
    if (level === "#") return at === levels.length - 1;
    return level === "+" || !/[#+]/.test(level);
  });
}
