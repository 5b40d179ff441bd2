import { deliveryParts, type Status, sumOf } from "./status.ts";

const count = (value: number): string => value.toLocaleString("en-GB");

/** What the demo came to, for the person who watched it. */
export function farewell(status: Status): string {
  const { done, failed } = deliveryParts(status);
  const { appliances, readingsCommitted, cases, points } = status;
  return [
    `${count(appliances)} appliances, ${count(readingsCommitted)} readings, ${count(done)} deliveries done and ${count(failed)} failed,`,
    `${count(sumOf(cases))} service cases, ${count(points)} points. The demo has ended, and nothing of it is left.`,
  ].join(" ");
}
