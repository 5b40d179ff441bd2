/** What became of an attempt. `gone`: the receiver wants nothing any more. `retryAfterMs`: it asked to be left alone for so long. */
export type SendOutcome =
  | { kind: "delivered"; detail: string }
  | {
      kind: "failed";
      detail: string;
      /** No other attempt would end otherwise. */
      final: boolean;
      retryAfterMs?: number;
      /** What the receiver answered, where it did: an HTTP status. */
      status?: number;
    }
  | { kind: "gone"; detail: string };
