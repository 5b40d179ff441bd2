import fc from "fast-check";
import { expect, test } from "vitest";
import { feeds, filterMatches, parseTopic, upChannels } from "#protocol/topics.ts";
import { type Action, may, type Principal, rules, service } from "./access.ts";

const oven: Principal = { kind: "device", deviceId: "oven-1", model: "oven-x200" };
const claim: Principal = { kind: "claim", batch: "2026-41", serial: "oven-1" };
const own = "hearth/v1/devices/oven-1";
const content = "hearth/v1/content/oven-x200";
const renewal = "hearth/v1/provisioning/device/oven-1";
const first = "hearth/v1/provisioning/2026-41/oven-1";

type Table = Record<Action, { allowed: string[]; refused: string[] }>;

/** Refused to everybody, whatever they want to do there. */
const nobodys = [
  "",
  "/",
  "#",
  "+",
  "+/#",
  "/#",
  "$SYS/#",
  "$SYS/x/heartbeat",
  "$SYS/x/new/clients",
  "hearth",
  "hearth/#",
  "hearth/v1",
  "hearth/v1/#",
  "hearth/+/devices/oven-1/inbox",
  "+/v1/devices/oven-1/inbox",
  "hearth/v2/devices/oven-1/inbox",
  "hearth/v1/devices/#",
  "hearth/v1/devices/+/inbox",
  "hearth/v1/devices/+/+",
  "hearth/v1/devices/oven-1",
  "hearth/v1/devices/oven-1/",
  "hearth/v1/devices//inbox",
  "hearth/v1/devices/oven-1/presence",
  "hearth/v1/devices/oven-1/security",
  "hearth/v1/devices/oven-1/inbox/x",
  "hearth/v1/devices/oven-1/inbox/#",
  "hearth/v1/content/#",
  "hearth/v1/content/+/de/recipes",
  "hearth/v1/content/oven-x200/de/a/b/c",
  "hearth/v1/content/oven-x200/a#",
  "hearth/v1/content/oven-x200/#/recipes",
  "hearth/v1/provisioning/#",
  "hearth/v1/provisioning/+/+/reply",
  "hearth/v1/provisioning/2026-41/#",
  "hearth/v1/provisioning/2026-41/+/reply",
  "hearth/v1/provisioning/2026-41/oven-1/#",
  "hearth/v1/provisioning/2026-41/oven-1/+",
  "hearth/v1/provisioning/2026-41/oven-1",
  "hearth/v1/provisioning/device/+/reply",
  "hearth/v1/provisioning/device/#",
  `$share/group/${own}/inbox`,
  `$share/group/${content}/de/recipes`,
  "\0",
  `${own}/inbox\0`,
  "hearth/v1/__proto__/x",
  "hearth/v1/devices/__proto__/telemetry",
];

const device: Table = {
  publish: {
    allowed: [...upChannels.map((channel) => `${own}/${channel}`), `${renewal}/request`],
    refused: [
      `${own}/inbox`,
      `${own}/desired`,
      `${own}/+`,
      "hearth/v1/devices/oven-2/telemetry",
      "hearth/v1/devices/oven-10/telemetry",
      `${own}/telemetry/x`,
      `${content}/de/recipes`,
      `${renewal}/reply`,
      "hearth/v1/provisioning/device/oven-2/request",
      `${first}/request`,
    ],
  },
  retain: { allowed: [], refused: [`${own}/telemetry`, `${content}/de/recipes`, `${renewal}/request`] },
  will: {
    allowed: [`${own}/events`, `${own}/telemetry`],
    refused: ["hearth/v1/devices/oven-2/events", `${own}/#`, `${own}/inbox`, `${renewal}/request`],
  },
  subscribe: {
    allowed: [
      `${own}/inbox`,
      `${own}/desired`,
      `${own}/+`,
      `${own}/#`,
      `${content}/de/recipes`,
      `${content}/de/recipes/#`,
      `${content}/de/recipes/item-1`,
      `${content}/+/recipes/+`,
      `${content}/de/#`,
      `${content}/#`,
      `${renewal}/reply`,
    ],
    refused: [
      "hearth/v1/devices/oven-2/inbox",
      "hearth/v1/devices/oven-10/inbox",
      "hearth/v1/devices/oven-2/#",
      `${own}/telemetry`,
      "hearth/v1/content/oven-x2000/de/recipes",
      "hearth/v1/content/hob-1/#",
      `${content}/`,
      `${content}/de/nothing`,
      `${content}/a/b/c/d`,
      `${renewal}/request`,
      `${renewal}/#`,
      `${renewal}/+`,
      "hearth/v1/provisioning/device/oven-2/reply",
      `${first}/reply`,
    ],
  },
  receive: {
    allowed: [
      `${own}/inbox`,
      `${own}/desired`,
      `${content}/en-GB/tips`,
      `${content}/de/recipes/item-1`,
      `${renewal}/reply`,
    ],
    refused: [
      `${own}/telemetry`,
      "hearth/v1/devices/oven-2/inbox",
      "hearth/v1/content/hob-1/de/recipes",
      "hearth/v1/provisioning/device/oven-2/reply",
      `${first}/reply`,
    ],
  },
};

/** What any other principal would want of what is not the claim's. */
const beyondClaim = [
  `${own}/telemetry`,
  `${own}/inbox`,
  `${content}/de/recipes`,
  `${renewal}/request`,
  `${renewal}/reply`,
  "hearth/v1/provisioning/2026-41/oven-2/request",
  "hearth/v1/provisioning/2026-41/oven-2/reply",
  "hearth/v1/provisioning/2026-42/oven-1/request",
  "hearth/v1/provisioning/2026-42/oven-1/reply",
];

const claimTable: Table = {
  publish: { allowed: [`${first}/request`], refused: [`${first}/reply`, ...beyondClaim] },
  retain: { allowed: [], refused: [`${first}/request`, ...beyondClaim] },
  will: { allowed: [], refused: [`${first}/request`, ...beyondClaim] },
  subscribe: { allowed: [`${first}/reply`], refused: [`${first}/request`, `${own}/#`, ...beyondClaim] },
  receive: { allowed: [`${first}/reply`], refused: [`${first}/request`, ...beyondClaim] },
};

const everything = [`${own}/telemetry`, `${own}/inbox`, `${content}/de/recipes`, `${first}/request`, `${first}/reply`];

const cloud: Table = {
  publish: {
    allowed: [`${own}/inbox`, `${own}/desired`, `${first}/reply`, `${renewal}/reply`],
    refused: [...upChannels.map((channel) => `${own}/${channel}`), `${first}/request`, `${content}/de/recipes`],
  },
  retain: {
    allowed: [...feeds.map((feed) => `${content}/de/${feed}`), `${content}/de/recipes/item-1`],
    refused: [
      `${own}/inbox`,
      `${first}/reply`,
      `${content}/de/nothing`,
      `${content}/DE/recipes`,
      "hearth/v1/content/Oven/de/recipes",
    ],
  },
  will: { allowed: [], refused: everything },
  subscribe: { allowed: [], refused: everything },
  receive: { allowed: [], refused: everything },
};

const tables: [Principal, Table][] = [
  [oven, device],
  [claim, claimTable],
  [service, cloud],
];
const actions: Action[] = ["publish", "retain", "will", "subscribe", "receive"];
const cells = tables.flatMap(([principal, table]) =>
  actions.map((action) => ({ principal, action, ...table[action] })),
);

test.each(cells)("what a $principal.kind may $action, and what not", ({ principal, action, allowed, refused }) => {
  for (const text of allowed) expect([text, may(principal, action, text)]).toEqual([text, true]);
  for (const text of [...refused, ...nobodys]) expect([text, may(principal, action, text)]).toEqual([text, false]);
});

test("the table has a cell for each kind of principal and each action", () => {
  expect(Object.keys(rules).toSorted()).toEqual(tables.map(([{ kind }]) => kind).toSorted());
  for (const table of Object.values(rules)) expect(Object.keys(table).toSorted()).toEqual(actions.toSorted());
});

const words =
  "hearth v1 devices content provisioning device oven-1 oven-2 oven-x200 2026-41 de recipes inbox telemetry request reply item-1 + # $SYS";
const level = fc.constantFrom("", ...words.split(" "));
const below = fc.tuple(fc.constant("hearth/v1/"), fc.array(level, { minLength: 1, maxLength: 5 }));
const someText = fc.oneof(
  below.map(([prefix, levels]) => prefix + levels.join("/")),
  fc.array(level, { maxLength: 7 }).map((levels) => levels.join("/")),
);
const someone = fc.constantFrom(oven, claim, service);

test("whatever may be published, retained or received is a topic of the grammar", () => {
  fc.assert(
    fc.property(
      someone,
      fc.constantFrom<Action>("publish", "retain", "will", "receive"),
      someText,
      (who, what, text) => {
        if (may(who, what, text)) expect(parseTopic(text)).not.toBeNull();
      },
    ),
    { numRuns: 20_000 },
  );
});

test("a filter that may be subscribed to can match a topic that may be received", () => {
  const received = [...device.receive.allowed, ...claimTable.receive.allowed];
  const more = feeds.flatMap((feed) => [
    `${content}/de/${feed}`,
    `${content}/de/${feed}/item-1`,
    `${content}/de/${feed}/2026-41`,
  ]);
  fc.assert(
    fc.property(fc.constantFrom(oven, claim), someText, (who, filter) => {
      if (!may(who, "subscribe", filter)) return;
      const topics = [...received, ...more, `${content}/de/recipes/${filter.split("/").at(-1)}`];
      expect(topics.filter((topic) => filterMatches(filter, topic) && may(who, "receive", topic))).not.toEqual([]);
    }),
    { numRuns: 20_000 },
  );
});

test("ids that are words of a pattern are ids and nothing more", () => {
  for (const name of ["{deviceId}", "<up>", "constructor", "device"]) {
    const odd: Principal = { kind: "device", deviceId: name, model: "m" };
    expect(may(odd, "publish", `hearth/v1/devices/${name}/telemetry`)).toBe(true);
    expect(may(odd, "publish", `${own}/telemetry`)).toBe(false);
  }
});
