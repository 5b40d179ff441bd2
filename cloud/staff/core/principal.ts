/** Who asks. Every request has one, and everything that changes is recorded with one. */
export const staffRoles = ["viewer", "support", "content", "release", "admin", "monitor", "facts", "mail"] as const;
export type StaffRole = (typeof staffRoles)[number];

/** A household has one owner; everybody else in it is a member. */
export const ownerRoles = ["owner", "member"] as const;
export type OwnerRole = (typeof ownerRoles)[number];

/** A person of a household: what they may see and do ends at its door. */
export interface OwnerPrincipal {
  kind: "owner";
  householdId: string;
  memberId: string;
  role: OwnerRole;
}

export type Principal =
  | { kind: "staff"; id: string; name: string; role: StaffRole }
  | OwnerPrincipal
  | { kind: "device"; id: string }
  | { kind: "service"; name: string }
  | { kind: "system" };

/** The person of a household who asks. @throws for anybody else: the table of permissions lets nobody else come to a route of owners */
export function owner(principal: Principal): OwnerPrincipal {
  if (principal.kind !== "owner") throw new Error("a route of owners was reached by somebody else");
  return principal;
}

/** The principal as the audit log and every `by` field name it. */
export function principalText(principal: Principal): string {
  switch (principal.kind) {
    case "staff":
      return `staff:${principal.id}`;
    case "owner":
      return `owner:${principal.householdId}/${principal.memberId}`;
    case "device":
      return `device:${principal.id}`;
    case "service":
      return `service:${principal.name}`;
    case "system":
      return "system";
  }
}
