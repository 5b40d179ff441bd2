import { expect, test } from "vitest";
import { type Action, may } from "./access.ts";

const oven = { deviceId: "oven-1", model: "oven-x200" };
const own = "hearth/v1/devices/oven-1";
const content = "hearth/v1/content/oven-x200";

const allowed: [Action, string][] = [
  ["publish", `${own}/telemetry`],
  ["publish", `${own}/events`],
  ["publish", `${own}/reported`],
  ["publish", `${own}/receipts`],
  ["publish", `${own}/replies`],
  ["will", `${own}/events`],
  ["subscribe", `${own}/inbox`],
  ["subscribe", `${own}/desired`],
  ["subscribe", `${own}/+`],
  ["subscribe", `${own}/#`],
  ["subscribe", `${content}/de/recipes`],
  ["subscribe", `${content}/de/recipes/#`],
  ["subscribe", `${content}/+/recipes/+`],
  ["subscribe", `${content}/#`],
  ["receive", `${own}/inbox`],
  ["receive", `${own}/desired`],
  ["receive", `${content}/en-GB/tips`],
  ["receive", `${content}/de/recipes/item-1`],
];

const refused: [Action, string][] = [
  ["publish", `${own}/inbox`],
  ["publish", `${own}/desired`],
  ["publish", "hearth/v1/devices/oven-2/telemetry"],
  ["publish", "hearth/v1/devices/oven-1/telemetry/x"],
  ["publish", `${content}/de/recipes`],
  ["publish", "$SYS/x/new/clients"],
  ["publish", ""],
  ["publish", `${own}/+`],
  ["will", "hearth/v1/devices/oven-2/events"],
  ["will", `${own}/#`],
  ["will", `${own}/inbox`],
  ["subscribe", "#"],
  ["subscribe", "+/v1/devices/oven-1/inbox"],
  ["subscribe", "hearth/#"],
  ["subscribe", "hearth/v1/#"],
  ["subscribe", "hearth/v1/devices/#"],
  ["subscribe", "hearth/v1/devices/+/inbox"],
  ["subscribe", "hearth/v1/devices/oven-2/inbox"],
  ["subscribe", "hearth/v1/devices/oven-1"],
  ["subscribe", "hearth/v1/devices/oven-10/inbox"],
  ["subscribe", `${own}/telemetry`],
  ["subscribe", `${own}/inbox/#`],
  ["subscribe", "hearth/v1/content/#"],
  ["subscribe", "hearth/v1/content/+/de/recipes"],
  ["subscribe", "hearth/v1/content/oven-x2000/de/recipes"],
  ["subscribe", `${content}/`],
  ["subscribe", `${content}/a/b/c/d`],
  ["subscribe", `${content}/a#`],
  ["subscribe", "$SYS/#"],
  ["subscribe", `$share/group/${own}/inbox`],
  ["subscribe", "hearth/v1/provisioning/#"],
  ["receive", `${own}/telemetry`],
  ["receive", "hearth/v1/devices/oven-2/inbox"],
  ["receive", "hearth/v1/content/hob-1/de/recipes"],
  ["receive", "$SYS/x/heartbeat"],
];

test.each(allowed)("a device may %s %s", (action, text) => {
  expect(may(oven, action, text)).toBe(true);
});

test.each(refused)("a device may not %s %s", (action, text) => {
  expect(may(oven, action, text)).toBe(false);
});
