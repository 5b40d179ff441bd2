/** The facts that a target may ask of an appliance, in the words of the service. test/console holds them against it. */
export const targetFactsHelp: readonly (readonly [name: string, help: string])[] = [
  ["model", "The model's key, such as oven-x200."],
  ["hardware", "The hardware revision that the appliance reports. Missing until it has reported."],
  [
    "version",
    'The firmware version that it reports. Compare with older(version, "2.10.0") or newer. Missing until it has reported.',
  ],
  ["counter", "The release counter of the firmware that it runs. Missing until it has reported it."],
  ["tags", 'What the maker marked it with: "internal" in tags. Never missing; it may be empty.'],
  ["locale", "The language of its display, such as de or en-GB. Missing until it has reported."],
  ["country", "Where it was registered, as two capital letters (ISO 3166-1), such as DE. Missing where nobody said."],
  [
    "last_seen_days",
    "Days since it was last connected, 0 while it is; since its registration where it never was. Never missing.",
  ],
  ["online", "Whether it is connected now. Never missing."],
  ["household", "Whether it belongs to a household. Never missing."],
];
