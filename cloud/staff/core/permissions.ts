import type { OwnerRole, Principal, StaffRole } from "./principal.ts";

/**
 * Every person. `monitor` is a program that watches, and sees nothing about anybody; `facts` one that reports what households did, and
 * `mail` one that reports what became of letters: both see nothing at all.
 */
const everyone: readonly StaffRole[] = ["viewer", "support", "content", "release", "admin"];

/** What may be done, and by which staff roles. A route names one of these, or it does not start. */
export const permissionTable = {
  "fleet.read": everyone,
  "models.write": ["release", "admin"],
  "devices.write": ["support", "admin"],
  "devices.register": ["admin"],
  "devices.command": ["support", "admin"],
  "devices.connections": ["support", "admin"],
  "devices.wire": ["support", "admin"],
  "devices.logs": ["support", "admin"],
  "provisioning.read": everyone,
  "provisioning.write": ["admin"],
  "telemetry.read": everyone,
  /** What appliances said, word for word. */
  "telemetry.raw": ["support", "admin"],
  /** To look for things at all; of what kind is found each asks for its own. */
  "search.read": everyone,
  "households.read": everyone,
  "households.write": ["support", "admin"],
  /** Everything about a household at once, because its people asked. */
  "households.export": ["support", "admin"],
  "households.erase": ["admin"],
  "erasures.read": ["support", "admin"],
  "consents.read": everyone,
  "consents.write": ["support", "admin"],
  "consents.texts": ["content", "admin"],
  "facts.write": ["facts", "admin"],
  "deliveries.read": everyone,
  "deliveries.cancel": ["support", "content", "release", "admin"],
  "firmware.read": everyone,
  "firmware.write": ["release", "admin"],
  "firmware.keys": ["admin"],
  "ddi.tokens": ["admin"],
  "rollouts.read": everyone,
  "rollouts.write": ["release", "admin"],
  "content.read": everyone,
  "content.write": ["content", "admin"],
  /** Reading what somebody else wrote, and letting it out or not. */
  "content.review": ["content", "admin"],
  "segments.read": everyone,
  "segments.write": ["content", "admin"],
  "campaigns.read": everyone,
  "campaigns.write": ["content", "admin"],
  "campaigns.approve": ["content", "admin"],
  /** Whom a recall does not reach, by name. */
  "campaigns.letters": ["support", "content", "admin"],
  "decisions.read": ["support", "content", "admin"],
  "engagement.write": ["admin"],
  "mail.events": ["mail", "support", "admin"],
  "service.read": everyone,
  "service.rules": ["support", "admin"],
  "cases.write": ["support", "admin"],
  "notices.read": ["support", "admin"],
  "notices.write": ["admin"],
  "causes.write": ["support", "content", "admin"],
  "loyalty.read": everyone,
  "loyalty.rules": ["content", "admin"],
  "loyalty.reverse": ["support", "admin"],
  /** Redeeming a reward for a household that asks for it by telephone. */
  "loyalty.redeem": ["support", "admin"],
  /** Where orders go, and the key that signs them. */
  "loyalty.shop": ["admin"],
  "lifecycle.read": everyone,
  "lifecycle.write": ["content", "admin"],
  "events.read": everyone,
  /** Their addresses may be as good as keys. */
  "webhooks.read": ["support", "content", "admin"],
  "webhooks.write": ["admin"],
  "quarantine.read": ["support", "admin"],
  "staff.keys": ["admin"],
  "audit.read": ["admin"],
  "security.read": ["support", "admin"],
  "metrics.read": [...everyone, "monitor"],
} as const satisfies Record<string, readonly StaffRole[]>;

const household: readonly OwnerRole[] = ["owner", "member"];

/** What may be done with one's own household, and by whom in it. Staff has no place here, nor owners in the table above. */
export const ownerPermissionTable = {
  "my.read": household,
  /** How one is addressed and reached, one's own key, and leaving. */
  "my.write": household,
  "my.pair": household,
  /** Agreeing to an update, putting it off, declining it. */
  "my.updates": household,
  /** Asking for help, and what is said in one's own cases. */
  "my.cases": household,
  /** Agreeing to what one's data is used for, and withdrawing. */
  "my.consents": household,
  /** Spending points: rewards, and orders by one touch. */
  "my.points": household,
  "my.join": household,
  "my.manage": ["owner"],
} as const satisfies Record<string, readonly OwnerRole[]>;

type StaffPermission = keyof typeof permissionTable;
type OwnerPermission = keyof typeof ownerPermissionTable;
export type Permission = StaffPermission | OwnerPermission;

const isForOwners = (permission: Permission): permission is OwnerPermission => permission in ownerPermissionTable;

/** Whether a principal may do it. `system` is Hearth itself; devices and services have no place in this API yet. */
export function allowed(principal: Principal, permission: Permission): boolean {
  switch (principal.kind) {
    case "system":
      return true;
    case "staff": {
      const roles: readonly StaffRole[] = isForOwners(permission) ? [] : permissionTable[permission];
      return roles.includes(principal.role);
    }
    case "owner": {
      const roles: readonly OwnerRole[] = isForOwners(permission) ? ownerPermissionTable[permission] : [];
      return roles.includes(principal.role);
    }
    case "device":
    case "service":
      return false;
  }
}
