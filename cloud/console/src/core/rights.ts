/** Which roles may do what the console offers by role. The service decides; this keeps what it would refuse off the page. */
export const rights = {
  "devices.connections": ["support", "admin"],
  "devices.wire": ["support", "admin"],
  "devices.command": ["support", "admin"],
  "telemetry.raw": ["support", "admin"],
  "models.write": ["release", "admin"],
  "devices.logs": ["support", "admin"],
  "devices.write": ["support", "admin"],
  "devices.register": ["admin"],
  "provisioning.read": ["viewer", "support", "content", "release", "admin"],
  "provisioning.write": ["admin"],
  "rollouts.read": ["viewer", "support", "content", "release", "admin"],
  "rollouts.write": ["release", "admin"],
  "firmware.write": ["release", "admin"],
  "content.write": ["content", "admin"],
  "content.review": ["content", "admin"],
  "security.read": ["support", "admin"],
  "households.write": ["support", "admin"],
  "consents.write": ["support", "admin"],
  "consents.texts": ["content", "admin"],
  "segments.write": ["content", "admin"],
  "lifecycle.write": ["content", "admin"],
  "service.rules": ["support", "admin"],
  "loyalty.rules": ["content", "admin"],
  "loyalty.reverse": ["support", "admin"],
  "loyalty.shop": ["admin"],
  "causes.write": ["support", "content", "admin"],
  "cases.write": ["support", "admin"],
  "campaigns.write": ["content", "admin"],
  "campaigns.letters": ["support", "content", "admin"],
  "engagement.write": ["admin"],
  "decisions.read": ["support", "content", "admin"],
  "notices.read": ["support", "admin"],
  "notices.write": ["admin"],
  "webhooks.read": ["support", "content", "admin"],
  "webhooks.write": ["admin"],
  "households.export": ["support", "admin"],
  "households.erase": ["admin"],
  "erasures.read": ["support", "admin"],
} as const satisfies Record<string, readonly string[]>;

export type Right = keyof typeof rights;

export function mayDo(role: string, right: Right): boolean {
  const roles: readonly string[] = rights[right];
  return roles.includes(role);
}
