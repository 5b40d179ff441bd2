/** Metrics whose values somebody else keeps: read when Prometheus asks. */
import { Counter, Gauge, type Registry } from "prom-client";

interface Words {
  name: string;
  help: string;
}

/** A number that goes up and down. */
export function gaugeAtScrape(registry: Registry, words: Words, read: () => number): void {
  const gauge = new Gauge({
    ...words,
    registers: [],
    collect() {
      this.set(read());
    },
  });
  registry.registerMetric(gauge);
}

/** A count that grows for as long as whoever counts lives. */
export function countAtScrape(registry: Registry, words: Words, read: () => number): void {
  const counter = new Counter({
    ...words,
    registers: [],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
  registry.registerMetric(counter);
}

/** Counts of one thing, each with its value of a label; the values must be few and known. */
export function countsAtScrape(
  registry: Registry,
  words: Words & { label: string },
  read: () => Iterable<readonly [value: string, count: number]>,
): void {
  const { name, help, label } = words;
  const counter = new Counter({
    name,
    help,
    labelNames: [label],
    registers: [],
    collect() {
      this.reset();
      for (const [value, count] of read()) this.inc({ [label]: value }, count);
    },
  });
  registry.registerMetric(counter);
}
