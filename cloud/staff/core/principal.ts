/** Who asks. Every request has one, and everything that changes is recorded with one. */
export const staffRoles = ["viewer", "support", "content", "release", "admin"] as const;
export type StaffRole = (typeof staffRoles)[number];

export type Principal =
  | { kind: "staff"; id: string; name: string; role: StaffRole }
  | { kind: "owner"; householdId: string }
  | { kind: "device"; id: string }
  | { kind: "service"; name: string }
  | { kind: "system" };

/** The principal as the audit log and every `by` field name it. */
export function principalText(principal: Principal): string {
  switch (principal.kind) {
    case "staff":
      return `staff:${principal.id}`;
    case "owner":
      return `owner:${principal.householdId}`;
    case "device":
      return `device:${principal.id}`;
    case "service":
      return `service:${principal.name}`;
    case "system":
      return "system";
  }
}
