/** A refusal that can be expected: its code in this slice's catalogue, and what is particular to this case. */
export type Refused<R extends string> = { kind: "refused"; rule: R; detail?: string };

export const refused = <R extends string>(rule: R, detail?: string): Refused<R> =>
  detail === undefined ? { kind: "refused", rule } : { kind: "refused", rule, detail };
