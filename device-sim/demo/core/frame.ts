import { chart, progressBar, stackedBar } from "./bars.ts";
import { clockText } from "./duration.ts";
import { fit, type Line, piece, spread, type Style, widthOf, wrap } from "./line.ts";
import { deliveryParts, rateNow, rolloutHref, type RolloutStatus, type Status, sumOf } from "./status.ts";

export interface Size {
  columns: number;
  rows: number;
}

const labelWidth = 13;
/** Below this the bars would say less than their numbers. */
const barsFrom = 60;
/** From here on there is room for a chart that is more than one line high, and for air. */
const tallFrom = 32;
const tallChartRows = 4;

const count = (value: number): string => value.toLocaleString("en-GB");
const blank: Line = [];

/**
 * The live view: at most `rows` lines of at most `columns` columns. Numbers stay, the story gets what room is left, and where the
 * service is and how to stop it is always there.
 */
export function frame(status: Status, size: Size): Line[] {
  if (size.rows < 1) return [];
  const columns = Math.max(1, size.columns);
  const tall = size.rows >= tallFrom;
  const head = [...header(status, columns), ...(tall ? [blank] : []), ...figures(status, columns, tall), blank];
  const foot = [blank, ...footer(status, columns)];
  const room = size.rows - head.length - foot.length;
  const story = room >= 2 ? storyLines(status, columns, room) : [];
  // A terminal too low for all keeps its first and its last lines.
  const body = room >= 0 ? [...head, ...story] : head.slice(0, Math.max(0, size.rows - foot.length));
  return [...body, ...foot].slice(-size.rows).map((line) => fit(line, columns));
}

function header(status: Status, columns: number): Line[] {
  const state = status.state === "running" ? [] : [piece(`${status.state}  `, "warm")];
  const title = [piece(" Hearth", "warm"), piece("  an appliance maker's service, and its fleet", "faint")];
  const time = [...state, piece(`${clockText(status.atMs)} `, "strong")];
  return [spread(title, time, columns), [piece("─".repeat(columns), "faint")]];
}

const labelled = (label: string, ...line: Line): Line => [piece(` ${label}`.padEnd(labelWidth), "faint"), ...line];

function figures(status: Status, columns: number, tall: boolean): Line[] {
  const air = tall ? [blank] : [];
  return [
    ...appliances(status, columns, tall),
    ...air,
    labelled("Their time", ...timeText(status)),
    ...air,
    ...readings(status, columns, tall),
    ...air,
    ...deliveries(status, columns, tall),
    ...air,
    labelled("Cases", ...caseText(status)),
    labelled("Points", piece(count(status.points), "strong"), piece(" earned by households", "faint")),
  ];
}

/** A bar before its words; no bar where there is no room for one. */
function withBar(label: string, bar: (columns: number) => Line, words: Line, columns: number): Line {
  const barColumns = Math.min(40, columns - labelWidth - wordsWidth - 3);
  if (columns < barsFrom || barColumns < 8) return labelled(label, ...words);
  return labelled(label, ...bar(barColumns), piece("  "), ...words);
}
/** So that the words of all lines begin in the same column. */
const wordsWidth = 36;

function appliances({ connected, appliances: all, models }: Status, columns: number, tall: boolean): Line[] {
  const words = [
    piece(count(connected), connected === all ? "good" : "busy"),
    piece(` of ${count(all)}`, "strong"),
    piece(" connected", "faint"),
  ];
  const line = withBar("Appliances", (width) => progressBar(connected, all, width), words, columns);
  if (!tall) return [line];
  const kinds = models.map(({ model, online }) => `${count(online)} ${model}`).join("   ");
  return [line, labelled("", piece(kinds, "faint"))];
}

function timeText({ behindMs, speed, state, pastShare }: Status): Line {
  if (state === "starting" && pastShare !== null)
    return [piece(`${Math.floor(pastShare * 100)} %`, "busy"), piece(" of their past is told", "faint")];
  if (state === "starting") return [piece("not begun", "faint")];
  if (behindMs < 1_000) return [piece("the present", "good"), piece(", at normal speed", "faint")];
  const minutes = Math.ceil(behindMs / 60_000);
  const behind = `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  return [piece(behind, "busy"), piece(` behind the present, ${count(speed)} times as fast`, "faint")];
}

function readings(status: Status, columns: number, tall: boolean): Line[] {
  const rate = [piece(count(rateNow(status)), "strong"), piece(" a second", "faint")];
  const total = [piece(count(status.readingsCommitted), "strong"), piece(" committed", "faint")];
  const width = Math.min(tall ? columns : 40, columns - labelWidth - wordsWidth - 3);
  if (columns < barsFrom || width < 8) {
    const short = [piece(count(rateNow(status)), "strong"), piece("/s  ", "faint")];
    return [
      labelled("Readings", ...short, piece(count(status.readingsCommitted), "strong"), piece(" in all", "faint")),
    ];
  }
  const rows = chart(status.rates, width, tall ? tallChartRows : 1).map((text) => [piece(text, "busy"), piece("  ")]);
  if (!tall) return rows.map((row) => labelled("Readings", ...row, ...rate, piece("  "), ...total));
  const words = [...rows.slice(2).map(() => blank), rate, total];
  return rows.map((row, at) => labelled(at === 0 ? "Readings" : "", ...row, ...(words[at] ?? blank)));
}

function deliveries(status: Status, columns: number, tall: boolean): Line[] {
  const { done, underWay, failed, other } = deliveryParts(status);
  const words = [
    piece(count(done), "good"),
    piece(" done ", "faint"),
    piece(count(underWay), "busy"),
    piece(" under way ", "faint"),
    piece(count(failed), failed > 0 ? "bad" : "plain"),
    piece(" failed", "faint"),
  ];
  const bar = (width: number): Line =>
    stackedBar(
      [
        { count: done, style: "good", mark: "━" },
        { count: underWay, style: "busy", mark: "╍" },
        { count: failed, style: "bad", mark: "×" },
        { count: other, style: "faint", mark: "·" },
      ],
      width,
    );
  const firmware = [piece(count(status.firmwareConfirmed), "good"), piece(" ovens confirmed it", "faint")];
  return [
    withBar("Deliveries", bar, words, columns),
    labelled("Firmware", ...firmware),
    ...status.rollouts.flatMap((rollout, at) => rolloutLines(status, rollout, at === 0, tall)),
  ];
}

const rolloutStyles: Readonly<Record<string, Style>> = { running: "busy", finished: "good", halted: "bad" };

/** `halted  0 done  7 failed of 60  oven-s80 1.9.0`; where there is room, and where in the console it is. */
function rolloutLines(status: Status, rollout: RolloutStatus, isFirst: boolean, tall: boolean): Line[] {
  const { id, name, state, stage, stages, members, funnel } = rollout;
  const { done = 0, failed = 0 } = funnel;
  const line = labelled(
    isFirst ? "Rollouts" : "",
    piece(state, rolloutStyles[state] ?? "plain"),
    piece("  "),
    piece(count(done), "good"),
    piece(" done  ", "faint"),
    piece(count(failed), failed > 0 ? "bad" : "plain"),
    piece(` failed of ${count(members)}`, "faint"),
    piece(`  ${name}${stage === null ? "" : `, stage ${stage} of ${stages}`}`),
  );
  const href = tall ? rolloutHref(status, id) : null;
  return href === null ? [line] : [line, labelled("", piece(href, "faint"))];
}

function caseText({ cases }: Status): Line {
  const resolved = cases["resolved"] ?? 0;
  const open = sumOf(cases) - resolved;
  return [
    piece(count(open), open > 0 ? "warm" : "plain"),
    piece(" open  ", "faint"),
    piece(count(resolved), "good"),
    piece(" resolved", "faint"),
  ];
}

const timeWidth = 9;

/** Sentences that stand out as new. */
const freshMax = 3;

/** The newest sentences that fit whole, the last one at the bottom. */
function storyLines({ story }: Status, columns: number, rows: number): Line[] {
  const wide = Math.max(10, columns - timeWidth - 1);
  const shown: Line[] = [];
  for (const [fromEnd, { atMs, sentence }] of story.toReversed().entries()) {
    const style = fromEnd < freshMax ? "plain" : "faint";
    const lines = wrap(sentence, wide).map((text, part): Line => [
      piece((part === 0 ? ` ${clockText(atMs)}` : "").padEnd(timeWidth), "faint"),
      piece(text, style),
    ]);
    if (shown.length + lines.length > rows) break;
    shown.unshift(...lines);
  }
  return [...shown, ...Array.from({ length: rows - shown.length }, () => blank)];
}

function footer({ place, state }: Status, columns: number): Line[] {
  const rule = [piece("─".repeat(columns), "faint")];
  const stop =
    state === "ending" ? "The demo is ending, and removes what it made." : "Ctrl-C ends it and leaves nothing behind.";
  if (place === null) return [rule, [piece(` ${stop}`, "faint")]];
  const address = labelled("Console", piece(place.console, "strong"));
  const key = labelled("Admin key", piece(place.key, "strong"));
  // A key that is cut off is no key: in a narrow terminal it stands alone, and breaks where the terminal ends.
  const keyLines =
    widthOf(key) <= columns
      ? [key]
      : [labelled("Admin key"), ...wrap(place.key, columns).map((text): Line => [piece(text, "strong")])];
  return [rule, address, ...keyLines, [piece(` ${stop}`, "faint")]];
}
