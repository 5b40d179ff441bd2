/** Where the bars and bands of a flow picture lie: two columns of bars, and between them a band for each flow. */
import type { Stage, StageFlow } from "../api/lifecycle-shapes.ts";
import { stages } from "./lifecycle.ts";

/** Of the left column, `new` is who was not known at the beginning. */
export type End = Stage | "new";

export interface Bar {
  end: End;
  side: "left" | "right";
  households: number;
  y: number;
  height: number;
}

export interface Band {
  from: End;
  to: Stage;
  households: number;
  /** Where it leaves the left bar and meets the right one, top to bottom. */
  left: [top: number, bottom: number];
  right: [top: number, bottom: number];
}

export interface SankeyLayout {
  bars: Bar[];
  bands: Band[];
  height: number;
}

const barGap = 12;

const ends: readonly End[] = [...stages, "new"];

const order = (flow: StageFlow) => ends.indexOf(flow.from ?? "new") * ends.length + ends.indexOf(flow.to);

/**
 * Lays the flows out.
 *
 * @param height of all bars together, without the gaps, in pixels; it grows where many are at their least
 * @param barMin no bar is thinner, so that a single household can be seen and pointed at
 */
export function sankey(flows: readonly StageFlow[], height: number, barMin: number): SankeyLayout {
  const given = flows.filter(({ households }) => households > 0);
  const total = given.reduce((sum, { households }) => sum + households, 0);
  if (total === 0) return { bars: [], bands: [], height: 0 };
  const column = (side: Bar["side"]): Bar[] => {
    let y = 0;
    return ends.flatMap((end): Bar[] => {
      const own = given.filter((flow) => (side === "left" ? (flow.from ?? "new") : flow.to) === end);
      const households = own.reduce((sum, flow) => sum + flow.households, 0);
      if (households === 0) return [];
      const bar = { end, side, households, y, height: Math.max(barMin, (height * households) / total) };
      y += bar.height + barGap;
      return [bar];
    });
  };
  const bars = [...column("left"), ...column("right")];
  const used = new Map<Bar, number>();
  /** The next part of a bar, as much of it as the flow is of the bar's households. */
  const take = (side: Bar["side"], end: End, households: number): [number, number] => {
    const bar = bars.find((one) => one.side === side && one.end === end);
    if (bar === undefined) throw new Error("a flow without a bar");
    const before = used.get(bar) ?? 0;
    used.set(bar, before + households);
    const at = (count: number) => bar.y + (bar.height * count) / bar.households;
    return [at(before), at(before + households)];
  };
  const sorted = given.toSorted((a, b) => order(a) - order(b));
  const lefts = sorted.map((flow) => take("left", flow.from ?? "new", flow.households));
  // On the right they arrive in the order of where they come from, so that bands cross as little as may be.
  const rights = sorted.map((flow) => take("right", flow.to, flow.households));
  const bands = sorted.map((flow, index): Band => ({
    from: flow.from ?? "new",
    to: flow.to,
    households: flow.households,
    left: lefts[index] ?? [0, 0],
    right: rights[index] ?? [0, 0],
  }));
  return { bars, bands, height: Math.max(...bars.map((bar) => bar.y + bar.height)) };
}

/** The outline of a band between two verticals, as an SVG path. */
export function bandPath({ left, right }: Band, x0: number, x1: number): string {
  const middle = (x0 + x1) / 2;
  const [a, b] = left;
  const [c, d] = right;
  return `M${x0},${a} C${middle},${a} ${middle},${c} ${x1},${c} L${x1},${d} C${middle},${d} ${middle},${b} ${x0},${b} Z`;
}
