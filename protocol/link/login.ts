/** Over what a device came. */
export const vias = ["tcp", "tls", "ws", "wss"] as const;
export type Via = (typeof vias)[number];

/** What a device proved itself with; `open` where nothing was asked. */
export const loginKinds = ["token", "certificate", "claim", "open"] as const;
export type LoginKind = (typeof loginKinds)[number];
