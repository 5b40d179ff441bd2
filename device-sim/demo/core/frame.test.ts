import fc from "fast-check";
import { expect, test } from "vitest";
import { chart, stackedBar } from "./bars.ts";
import { frame } from "./frame.ts";
import { fit, paint, piece, type Style, widthOf, wrap } from "./line.ts";
import { newStatus, type Status } from "./status.ts";

const key = "hearth_5ODXLYScwLuXDIYVFTtNHxQ6_RI9GJMZOo8XlZ9sdTo";
const running: Status = {
  ...newStatus(200, 800),
  state: "running",
  atMs: 42_000,
  connected: 173,
  models: [{ model: "oven-x200", total: 100, online: 90 }],
  behindMs: 3_661_000,
  readingsCommitted: 81_475,
  rates: Array.from({ length: 100 }, (_none, at) => at * 37),
  deliveries: { queued: 1, sent: 2, received: 3, done: 96, failed: 1, rejected: 0, expired: 2 },
  firmwareConfirmed: 95,
  rollouts: [
    {
      id: "01a220d3-71aa-7334-a227-69c4b251039c",
      name: "oven-s80 1.9.0",
      state: "halted",
      stage: null,
      stages: 1,
      members: 60,
      funnel: { done: 0, failed: 7, cancelled: 0, waiting: 53 },
    },
    {
      id: "01a220d3-6b78-76a7-97de-29b26f494691",
      name: "oven-x200 2.1.0",
      state: "running",
      stage: 2,
      stages: 3,
      members: 100,
      funnel: { done: 32, failed: 1, started: 0, waiting: 67 },
    },
  ],
  cases: { open: 1, waiting_for_owner: 1, resolved: 4 },
  points: 2_380,
  readyAfterMs: 3_100,
  story: Array.from({ length: 60 }, (_none, at) => ({
    atMs: at * 700,
    sentence: `Sentence ${at} of a story that takes more room than a narrow terminal has in one line.`,
  })),
  place: { console: "http://127.0.0.1:8080/", mqtt: "mqtt://127.0.0.1:1883", key },
};
const textOf = (status: Status, columns: number, rows: number): string[] =>
  frame(status, { columns, rows }).map((line) => paint(line, false));

test("whatever the size of the terminal, no line is longer than it and there are no more lines than fit", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 250 }),
      fc.integer({ min: 0, max: 120 }),
      fc.boolean(),
      (columns, rows, begun) => {
        const lines = frame(begun ? running : newStatus(200, 800), { columns, rows });
        expect(lines.length).toBeLessThanOrEqual(rows);
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns);
      },
    ),
  );
});

test.each([
  [80, 24],
  [120, 40],
  [100, 30],
])("in %d x %d every number, the newest sentence, the address, the key and the way out are there", (columns, rows) => {
  const text = textOf(running, columns, rows);
  expect(text).toHaveLength(rows);
  const whole = text.join("\n");
  for (const part of [
    "0:42",
    "173 of 200",
    "1 h 02 min",
    "81,475",
    "96 done",
    "6 under way",
    "1 failed",
    "95",
    "2,380",
  ])
    expect(whole).toContain(part);
  for (const part of ["2 open", "4 resolved", "Sentence 59", "http://127.0.0.1:8080/", key, "Ctrl-C"])
    expect(whole).toContain(part);
});

test("while the appliances tell their past, it says how much of it is told", () => {
  expect(textOf({ ...newStatus(200, 800), pastShare: 0.456 }, 80, 24).join("\n")).toContain(
    "45 % of their past is told",
  );
});

test("each rollout has a line: its state, its numbers, and where it is; in a tall terminal its address too", () => {
  const low = textOf(running, 80, 24).join("\n");
  expect(low).toContain("halted  0 done  7 failed of 60  oven-s80 1.9.0");
  expect(low).toContain("running  32 done  1 failed of 100  oven-x200 2.1.0, stage 2 of 3");
  const tall = textOf(running, 80, 40).join("\n");
  for (const { id } of running.rollouts) {
    expect(low).not.toContain(`rollouts/${id}`);
    expect(tall).toContain(`http://127.0.0.1:8080/rollouts/${id}`);
  }
});

test("a narrow terminal keeps the numbers and the whole key, over two lines", () => {
  const text = textOf(running, 40, 24);
  expect(text.join("\n")).toContain("173 of 200");
  expect(text.join("")).toContain(key);
  expect(text.join("\n")).toContain("81,475");
  expect(text.join("\n")).toContain("halted  0 done  7 failed");
});

test("a terminal that is too low still says where the service is", () => {
  expect(textOf(running, 80, 6).join("\n")).toContain(key);
});

test("without colour there is no escape code; with it, the same text", () => {
  const plain = textOf(running, 100, 30).join("\n");
  expect(plain).not.toContain("\u001B");
  const coloured = frame(running, { columns: 100, rows: 30 }).map((line) => paint(line, true));
  // oxlint-disable-next-line no-control-regex -- the escape character is what is looked for
  expect(coloured.join("\n").replaceAll(/\u001B\[\d*m/g, "")).toBe(plain);
  expect(coloured.join("")).toContain("\u001B[");
});

test("a chart has exactly its columns and rows, and nothing that happened is invisible", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(100_000), { maxLength: 300 }),
      fc.integer({ min: 1, max: 120 }),
      fc.integer({ min: 1, max: 6 }),
      (values, columns, rows) => {
        const lines = chart(values, columns, rows);
        expect(lines).toHaveLength(rows);
        for (const line of lines) expect(line).toHaveLength(columns);
        const shown = values.slice(-columns);
        const bottom = lines.at(-1) ?? "";
        for (const [at, value] of shown.entries())
          expect(bottom[columns - shown.length + at] === " ").toBe(value === 0);
      },
    ),
  );
});

test("a bar has exactly its columns, and each part that is not nothing is seen in it", () => {
  const styles: Style[] = ["good", "busy", "bad", "faint"];
  fc.assert(
    fc.property(
      fc.array(fc.nat(10_000), { minLength: 4, maxLength: 4 }),
      fc.integer({ min: 4, max: 80 }),
      (counts, columns) => {
        const parts = counts.map((count, at) => ({ count, style: styles[at] ?? "plain", mark: "x" }));
        const bar = stackedBar(parts, columns);
        expect(widthOf(bar)).toBe(columns);
        if (counts.every((count) => count === 0)) return;
        for (const { count, style } of parts)
          expect(bar.some((one) => one.style === style && one.text !== "")).toBe(count > 0);
      },
    ),
  );
});

test("wrapping loses no letter, and no line is longer than asked", () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,30}$/), { minLength: 1 });
  fc.assert(
    fc.property(words, fc.integer({ min: 1, max: 60 }), (list, columns) => {
      const lines = wrap(list.join(" "), columns);
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
      expect(lines.join("").replaceAll(" ", "")).toBe(list.join(""));
    }),
  );
});

test("what is cut off is marked", () => {
  expect(paint(fit([piece("Hearth"), piece(" demo", "faint")], 8), false)).toBe("Hearth …");
  expect(fit([piece("Hearth")], 6)).toEqual([piece("Hearth")]);
});
