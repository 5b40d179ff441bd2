/**
 * Who may do what on which topic: one table, and one function over it that everything asks.
 *
 *   publish     the gate at PUBLISH; the gateway itself before it writes what the cloud sends down
 *   retain      the feeds: what stays on its topic for those who come later
 *   will        CONNECT
 *   subscribe   SUBSCRIBE, with a filter
 *   receive     whatever is about to be forwarded, again
 */
import type { DeviceIdentity } from "#protocol/link/messages.ts";
import { deviceIdPattern, localePattern, modelKeyPattern } from "#protocol/ids.ts";
import { downChannels, feeds, ownBatch, topicPrefix, upChannels } from "#protocol/topics.ts";
import type { ConnectPacket } from "./packets.ts";

/** What one connection may do, and where what it says goes. Asked by the gate and the broker alike. */
export interface Access {
  /** Under which the broker keeps its session; a second connection takes the place of the first. */
  readonly sessionId: string;
  /** The device behind it, whose presence is told and to whom the cloud may send; null where there is none. */
  readonly identity: DeviceIdentity | null;
  /** As whom it asks for a certificate, and where the answer goes; null where it cannot. */
  readonly enrolment: { from: Asker; replyTopic: string } | null;
  /** Where its PUBLISHes go. To the spool there is no QoS 2 and nothing retained. */
  readonly road: "spool" | "broker";
  /** Its name in the spool's records. */
  readonly recordId: Buffer;
  /** Whether it comes for one thing only, and goes again soon. */
  readonly isBrief: boolean;
  /** The record code of a topic in bytes, 0 where there are no records, `enrolCode`, or `refusedCode` where it may not publish there. */
  channelCodeOf(bytes: Buffer, start: number, end: number): number;
  /** The same for its will. */
  willCodeOf(will: NonNullable<ConnectPacket["will"]>): number;
  maySubscribe(filter: string): boolean;
  mayReceive(topic: string): boolean;
}

/** Who may ask for a certificate, whatever it came in by. */
type Asker = { kind: "claim"; batch: string; serial: string } | { kind: "device"; deviceId: string };

export const refusedCode = -1;
/** The topic asks for a certificate: it goes to the cloud, and to no spool. */
export const enrolCode = -2;

/** Who acts. `service` is the cloud, speaking through the gateway. */
export type Principal =
  | { kind: "device"; deviceId: string; model: string }
  | { kind: "claim"; batch: string; serial: string }
  | { kind: "service" };

export const service: Principal = { kind: "service" };

export type Action = "publish" | "retain" | "will" | "subscribe" | "receive";

const down = "devices/{deviceId}/<down>";
const content = ["content/{model}/<locale>/<feed>", "content/{model}/<locale>/<feed>/<item>"];

/**
 * The rules: patterns of topics below `hearth/v1`. A level is a word, `{own}` (the principal's), or `<open>` (any of its set). What is
 * not here is refused, `$SYS` and `$share` with it.
 */
export const rules: { [K in Principal["kind"]]: Record<Action, readonly string[]> } = {
  device: {
    publish: ["devices/{deviceId}/<up>", `provisioning/${ownBatch}/{deviceId}/request`],
    retain: [],
    will: ["devices/{deviceId}/<up>"],
    subscribe: [down, ...content, `provisioning/${ownBatch}/{deviceId}/reply`],
    receive: [down, ...content, `provisioning/${ownBatch}/{deviceId}/reply`],
  },
  claim: {
    publish: ["provisioning/{batch}/{serial}/request"],
    retain: [],
    will: [],
    subscribe: ["provisioning/{batch}/{serial}/reply"],
    receive: ["provisioning/{batch}/{serial}/reply"],
  },
  service: {
    publish: ["devices/<device>/<down>", "provisioning/<batch>/<device>/reply"],
    retain: ["content/<model>/<locale>/<feed>", "content/<model>/<locale>/<feed>/<item>"],
    will: [],
    subscribe: [],
    receive: [],
  },
};

const oneOf = (words: readonly string[]) => (level: string) => words.includes(level);
const like = (pattern: RegExp) => (level: string) => pattern.test(level);

/** The sets that open levels stand for: those of the topic grammar. */
const sets: Record<string, (level: string) => boolean> = {
  up: oneOf(upChannels),
  down: oneOf(downChannels),
  feed: oneOf(feeds),
  locale: like(localePattern),
  model: like(modelKeyPattern),
  device: like(deviceIdPattern),
  batch: like(deviceIdPattern),
  item: like(deviceIdPattern),
};

type Level =
  | { kind: "word"; text: string }
  | { kind: "own"; name: string }
  | { kind: "open"; has: (level: string) => boolean };

const toLevel = (text: string): Level => {
  if (text.startsWith("{")) return { kind: "own", name: text.slice(1, -1) };
  if (!text.startsWith("<")) return { kind: "word", text };
  const has = sets[text.slice(1, -1)];
  if (has === undefined) throw new TypeError(`no set ${text}`);
  return { kind: "open", has };
};

type Patterns = { [K in Principal["kind"]]: Record<Action, readonly Level[][]> };
const toLevels = (patterns: readonly string[]): Level[][] =>
  patterns.map((pattern) => `${topicPrefix}/${pattern}`.split("/").map(toLevel));
const compile = (table: Record<Action, readonly string[]>): Record<Action, readonly Level[][]> => ({
  publish: toLevels(table.publish),
  retain: toLevels(table.retain),
  will: toLevels(table.will),
  subscribe: toLevels(table.subscribe),
  receive: toLevels(table.receive),
});
const patterns: Patterns = {
  device: compile(rules.device),
  claim: compile(rules.claim),
  service: compile(rules.service),
};

/** Whether the principal may. `text` is a filter for `subscribe` and a topic otherwise. */
export function may(principal: Principal, action: Action, text: string): boolean {
  const levels = text.split("/");
  for (const pattern of patterns[principal.kind][action]) {
    if (action === "subscribe" ? coversFilter(pattern, levels, principal) : isTopicOf(pattern, levels, principal)) {
      return true;
    }
  }
  return false;
}

type Own = Readonly<Record<string, string>>;

function accepts(level: Level, text: string, own: Own): boolean {
  switch (level.kind) {
    case "word":
      return text === level.text;
    case "own":
      return text === own[level.name];
    case "open":
      return level.has(text);
  }
}

/** From the last level on, where topics differ most: every message that goes out to every device is asked about. */
function isTopicOf(pattern: readonly Level[], levels: readonly string[], own: Own): boolean {
  if (pattern.length !== levels.length) return false;
  for (let at = pattern.length - 1; at >= 0; at -= 1) {
    const level = pattern[at];
    if (level === undefined || !accepts(level, levels[at] ?? "", own)) return false;
  }
  return true;
}

/** A filter may have wildcards where the pattern is open, and there alone; `#` stands for at least one level. */
function coversFilter(pattern: readonly Level[], levels: readonly string[], own: Own): boolean {
  if (levels.length > pattern.length || (levels.length < pattern.length && levels.at(-1) !== "#")) return false;
  return pattern.every((level, at) => {
    const text = levels[at] ?? "#";
    if (text === "#") return level.kind === "open" && at >= levels.length - 1;
    return text === "+" ? level.kind === "open" : accepts(level, text, own);
  });
}
