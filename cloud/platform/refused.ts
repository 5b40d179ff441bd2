/** A refusal that can be expected, as a value: its code in the catalogue of a slice, and what is particular to this case. */
export interface Refused<Rule extends string> {
  kind: "refused";
  rule: Rule;
  detail?: string;
}

export const refused = <Rule extends string>(rule: Rule, detail?: string): Refused<Rule> =>
  detail === undefined ? { kind: "refused", rule } : { kind: "refused", rule, detail };
