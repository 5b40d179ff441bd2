/** Where the points of a program are: with a household, or in one of the program's own accounts. */
export const accountKinds = ["issuance", "household", "reserved", "spent", "expired", "reversed"] as const;
export type AccountKind = (typeof accountKinds)[number];
export type ProgramAccount = Exclude<AccountKind, "household">;

export const transferKinds = [
  "earning",
  "reversal",
  "reservation",
  "release",
  "spending",
  "refund",
  "expiry",
  "merge",
] as const;
export type TransferKind = (typeof transferKinds)[number];

/**
 * From where to where each kind of transfer moves points.
 *
 *   issuance --earning--> household --reservation--> reserved --spending--> spent --refund--> household
 *                         household <--release------ reserved
 *                         household --expiry--> expired
 *                         household --reversal--> reversed
 *                         household --merge--> household
 */
export const legs = {
  earning: { from: "issuance", to: "household" },
  reversal: { from: "household", to: "reversed" },
  reservation: { from: "household", to: "reserved" },
  release: { from: "reserved", to: "household" },
  spending: { from: "reserved", to: "spent" },
  refund: { from: "spent", to: "household" },
  expiry: { from: "household", to: "expired" },
  merge: { from: "household", to: "household" },
} as const satisfies Record<TransferKind, { from: AccountKind; to: AccountKind }>;

export interface NewTransfer {
  id: string;
  kind: TransferKind;
  debitAccount: number;
  creditAccount: number;
  /** The earning whose points move. */
  lot: string;
  /** What moved them; null of an earning. */
  cause: string | null;
  points: number;
  basePoints: number | null;
  atMs: number;
  activeAtMs: number;
  recordedAtMs: number;
  rule: string;
  ruleVersion: number;
  source: string;
  effectIndex: number;
  deviceKey: number | null;
  day: string;
  limitAccount: number | null;
  limitKey: string | null;
  isOnce: boolean;
  reverses: string | null;
  reason: string | null;
}

export interface Transfer extends NewTransfer {
  sequence: number;
  /** Of an earning: whether a later transfer takes it back. */
  reversed: boolean;
}
