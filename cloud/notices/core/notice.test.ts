import fc from "fast-check";
import { expect, test } from "vitest";
import { oneLine } from "../../platform/one-line.ts";
import { letter, webhookBody } from "./message.ts";
import { bundle, digestEveryMs, type Notice, noticeOf, singlesPerMinute, wants } from "./notice.ts";
import { nextAttemptAtMs, tryForMs, waitMs } from "./retry.ts";

const t0 = 1_780_000_000_000;

test("however notices come in, each is in one message, no minute has more than its bound, and none waits longer than a minute", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(20), fc.nat(30_000)), { maxLength: 40 }), (arrivals) => {
      let nowMs = t0;
      let next = 0;
      let pending: { id: string; atMs: number }[] = [];
      const made: { atMs: number; notices: number }[] = [];
      const told: string[] = [];
      const tick = () => {
        for (const ids of bundle(
          pending.map(({ id }) => id),
          made,
          nowMs,
        )) {
          made.push({ atMs: nowMs, notices: ids.length });
          told.push(...ids);
          pending = pending.filter(({ id }) => !ids.includes(id));
        }
        expect(made.filter(({ atMs }) => atMs > nowMs - digestEveryMs).length).toBeLessThanOrEqual(
          singlesPerMinute + 1,
        );
        for (const { atMs } of pending) expect(nowMs - atMs).toBeLessThanOrEqual(digestEveryMs);
      };
      for (const [count, passMs] of arrivals) {
        for (let at = 0; at < count; at += 1) pending.push({ id: `n${(next += 1)}`, atMs: nowMs });
        tick();
        for (let leftMs = passMs; leftMs > 0; leftMs -= 1_000) {
          nowMs += Math.min(1_000, leftMs);
          tick();
        }
      }
      nowMs += digestEveryMs;
      tick();
      expect(told.toSorted()).toEqual(Array.from({ length: next }, (_none, at) => `n${at + 1}`).toSorted());
    }),
    { numRuns: 40 },
  );
});

test("pauses between attempts grow to an hour, differ between messages, and end with the time that a message is tried for", () => {
  fc.assert(
    fc.property(fc.uuid(), (id) => {
      let nowMs = t0;
      let attempt = 1;
      const delivery = { id, untilMs: t0 + tryForMs };
      for (;;) {
        const next = nextAttemptAtMs(delivery, attempt, nowMs);
        if (next === null) break;
        const longestMs = Math.min(3_600_000, 5_000 * 2 ** (attempt - 1));
        expect(next - nowMs).toBeGreaterThanOrEqual(longestMs / 2);
        expect(next - nowMs).toBeLessThanOrEqual(longestMs);
        nowMs = next;
        attempt += 1;
      }
      expect(nowMs).toBeLessThanOrEqual(delivery.untilMs);
      expect(attempt).toBeLessThan(70);
    }),
  );
  expect(waitMs("a", 5)).not.toBe(waitMs("b", 5));
  expect(nextAttemptAtMs({ id: "a", untilMs: t0 + tryForMs }, 1, t0, 60_000)).toBe(t0 + 60_000);
  expect(nextAttemptAtMs({ id: "a", untilMs: t0 + tryForMs }, 1, t0, 9e12)).toBe(t0 + 3_600_000);
});

const fact = { type: "hearth.case.escalated", subject: "case:1", atMs: t0 };
const data = { title: "Hot", severity: "safety", level: 2, reaches: "role:support", stage: "overdue", deviceId: "o" };

test("a subscription hears what it asks for by kind, severity, level and whom it reaches, and nothing else", () => {
  const made = noticeOf({ ...fact, data });
  if (made === null) throw new Error("no notice was made");
  expect(made).toMatchObject({ kind: "case_overdue", level: 2, reaches: "role:support" });
  expect(wants({}, made)).toBe(true);
  expect(wants({ kinds: ["case_overdue"], severities: ["safety"], levelMin: 2, reaches: ["role:support"] }, made)).toBe(
    true,
  );
  expect(wants({ kinds: ["case_opened"] }, made)).toBe(false);
  expect(wants({ severities: ["info"] }, made)).toBe(false);
  expect(wants({ levelMin: 3 }, made)).toBe(false);
  expect(wants({ reaches: ["role:admin"] }, made)).toBe(false);
  // Who asks for safety matters as they are opened hears of one that turns out to be one.
  const graver = noticeOf({ ...fact, type: "hearth.case.graver", data });
  if (graver === null) throw new Error("no notice was made");
  expect(wants({ kinds: ["case_opened"], severities: ["safety"] }, graver)).toBe(true);
  expect(wants({ kinds: ["case_graver"] }, graver)).toBe(true);
  expect(wants({ kinds: ["case_reopened"] }, graver)).toBe(false);
  const incident = noticeOf({ ...fact, type: "hearth.incident.graver", data });
  if (incident === null) throw new Error("no notice was made");
  expect(wants({ kinds: ["incident_opened"], severities: ["safety"] }, incident)).toBe(true);
  expect(wants({ kinds: ["case_opened"] }, incident)).toBe(false);
  expect(noticeOf({ ...fact, type: "hearth.case.resolved", data })).toBeNull();
  expect(noticeOf({ ...fact, data: { ...data, stage: "due_soon" } })?.kind).toBe("case_due_soon");
});

test("a household is in no notice, and what a title holds breaks no line", () => {
  const said = { ...data, householdId: "h-1", by: "owner:h-1/m-1", title: "Hot\r\nBcc: all@example.com\u2028x" };
  const made = noticeOf({ ...fact, data: said });
  if (made === null) throw new Error("no notice was made");
  const notice: Notice = { id: "n", ...made };
  expect(JSON.stringify(notice)).not.toContain("h-1");
  expect(letter([notice], "https://h").subject).not.toMatch(/[\r\n\u2028]/);
  expect(letter([notice], "https://h").text.split("\n")[0]).toContain("Hot Bcc: all@example.com x");
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(oneLine(text)).not.toMatch(/[\r\n\0]/);
    }),
  );
});

test("a message of many says how many, and is bounded", () => {
  const made = noticeOf({ ...fact, data });
  if (made === null) throw new Error("no notice was made");
  const many = Array.from({ length: 500 }, (_none, at): Notice => ({ ...made, id: `n${at}` }));
  const body = webhookBody(many, t0, "https://h");
  expect(JSON.parse(body)).toMatchObject({ type: "hearth.notice.digest", data: { count: 500 } });
  expect(JSON.parse(body).data.notices).toHaveLength(50);
  expect(body.length).toBeLessThan(50_000);
  expect(letter(many, "https://h").text).toContain("and 450 more");
  expect(JSON.parse(webhookBody(many.slice(0, 1), t0, "https://h")).data.notices[0].href).toBe("https://h/cases/1");
});
