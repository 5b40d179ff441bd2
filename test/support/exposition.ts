/** Prometheus' text format 0.0.4, read as strictly as it is written down. */

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface Family {
  name: string;
  help: string;
  type: "counter" | "gauge" | "histogram" | "summary" | "untyped";
  samples: Sample[];
}

const namePattern = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const labelPattern = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/;
const types = ["counter", "gauge", "histogram", "summary", "untyped"] as const;

function readLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let rest = text; rest !== "";) {
    const [whole, name, value] = labelPattern.exec(rest) ?? [];
    if (whole === undefined || name === undefined || value === undefined || Object.hasOwn(labels, name))
      throw new Error(`labels of ${line}`);
    labels[name] = value.replaceAll(/\\(.)/g, (_, sign: string) => (sign === "n" ? "\n" : sign));
    rest = rest.slice(whole.length);
  }
  return labels;
}

function readValue(text: string, line: string): number {
  if (text === "+Inf") return Infinity;
  if (text === "-Inf") return -Infinity;
  if (text === "Nan" || text === "NaN") return Number.NaN;
  if (!/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)) throw new Error(`value of ${line}`);
  return Number(text);
}

/** Whether a sample of this name belongs to the family. */
function belongs(name: string, { name: family, type }: Family): boolean {
  if (type === "histogram") return [`${family}_bucket`, `${family}_sum`, `${family}_count`].includes(name);
  if (type === "summary") return [family, `${family}_sum`, `${family}_count`].includes(name);
  return name === family;
}

/** @throws naming the line that is not as it must be */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let current: Family | null = null;
  let help: { name: string; text: string } | null = null;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, word, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (word === "HELP") {
      help = { name, text: rest };
    } else if (word === "TYPE") {
      const type = types.find((one) => one === rest);
      if (
        help?.name !== name ||
        help.text === "" ||
        type === undefined ||
        families.has(name) ||
        !namePattern.test(name)
      )
        throw new Error(`${line} does not follow its HELP, or comes twice`);
      current = { name, help: help.text, type, samples: [] };
      families.set(name, current);
    } else if (!line.startsWith("#")) {
      const [, sample = "", labels = "", value = ""] = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (current === null || !belongs(sample, current)) throw new Error(`${line} has no TYPE before it`);
      const key = line.slice(0, line.lastIndexOf(" "));
      if (seen.has(key)) throw new Error(`${key} comes twice`);
      seen.add(key);
      current.samples.push({ name: sample, labels: readLabels(labels, line), value: readValue(value, line) });
    }
  }
  for (const family of families.values()) if (family.type === "histogram") checkHistogram(family);
  return families;
}

const rises = (numbers: number[]) => numbers.every((one, at) => at === 0 || one >= (numbers[at - 1] ?? 0));

/** Buckets never fall, and the last one counts everything. */
function checkHistogram({ name, samples }: Family): void {
  const series = Map.groupBy(samples, ({ labels: { le: _le, ...labels } }) => JSON.stringify(labels));
  for (const [labels, those] of series) {
    const buckets = those.filter((one) => one.name === `${name}_bucket`);
    const ends = buckets.map(({ labels: { le = "" } }) => readValue(le, name));
    const counts = buckets.map(({ value }) => value);
    const total = those.find((one) => one.name === `${name}_count`)?.value;
    const hasSum = those.some((one) => one.name === `${name}_sum`);
    if (!rises(ends) || !rises(counts) || ends.at(-1) !== Infinity || counts.at(-1) !== total || !hasSum)
      throw new Error(`the histogram ${name}${labels} does not add up`);
  }
}

/** The value of one sample, or null where there is none. */
export function valueOf(
  families: Map<string, Family>,
  name: string,
  labels: Record<string, string> = {},
): number | null {
  const wanted = Object.entries(labels);
  for (const { samples } of families.values()) {
    const found = samples.find(
      (one) => one.name === name && wanted.every(([label, value]) => one.labels[label] === value),
    );
    if (found !== undefined) return found.value;
  }
  return null;
}
