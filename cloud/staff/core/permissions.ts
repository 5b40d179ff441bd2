import type { Principal, StaffRole } from "./principal.ts";

const everyone: readonly StaffRole[] = ["viewer", "support", "content", "release", "admin"];

/** What may be done, and by which staff roles. A route names one of these, or it does not start. */
export const permissionTable = {
  "fleet.read": everyone,
  "models.write": ["release", "admin"],
  "devices.write": ["support", "admin"],
  "devices.register": ["admin"],
  "devices.command": ["support", "admin"],
  "devices.connections": ["support", "admin"],
  "provisioning.read": everyone,
  "provisioning.write": ["admin"],
  "telemetry.read": everyone,
  "households.read": everyone,
  "households.write": ["support", "admin"],
  "deliveries.read": everyone,
  "deliveries.cancel": ["support", "content", "release", "admin"],
  "firmware.read": everyone,
  "firmware.write": ["release", "admin"],
  "firmware.keys": ["admin"],
  "content.read": everyone,
  "content.write": ["content", "admin"],
  "service.read": everyone,
  "service.rules": ["support", "admin"],
  "cases.write": ["support", "admin"],
  "loyalty.read": everyone,
  "loyalty.rules": ["content", "admin"],
  "loyalty.reverse": ["support", "admin"],
  "events.read": everyone,
  "quarantine.read": ["support", "admin"],
  "staff.keys": ["admin"],
  "audit.read": ["admin"],
} as const satisfies Record<string, readonly StaffRole[]>;

export type Permission = keyof typeof permissionTable;

/** Whether a principal may do it. `system` is Hearth itself; owners, devices and services have no place in this API yet. */
export function allowed(principal: Principal, permission: Permission): boolean {
  if (principal.kind === "system") return true;
  if (principal.kind !== "staff") return false;
  const roles: readonly StaffRole[] = permissionTable[permission];
  return roles.includes(principal.role);
}
