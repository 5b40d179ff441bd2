import type { UpdateFailure } from "#protocol/update.ts";

/** tuf-js wraps what it refuses in errors of one kind, so what it says is all there is to go by; a test holds each sentence to its code. */
const sentences: readonly (readonly [RegExp, UpdateFailure])[] = [
  [/is expired/, "metadata_expired"],
  [/is less than current version|Missing file .* in new snapshot|Expected version \d+, got/, "metadata_rolled_back"],
  [
    /doesn't match timestamp|does not match snapshot version|Expected (?:hash|length)|Hash algorithm .* not supported/,
    "mix_and_match",
  ],
  [
    /was signed by \d+\/\d+ keys|multiple signatures found|duplicate key IDs|threshold must be|no delegation found/,
    "metadata_not_signed",
  ],
  [/Missing .* in snapshot|reading 'length'/, "metadata_incomplete"],
];

/** Why tuf-js refused. What it cannot read is malformed. */
export const metadataFailure = (message: string): UpdateFailure =>
  sentences.find(([sentence]) => sentence.test(message))?.[1] ?? "metadata_malformed";
