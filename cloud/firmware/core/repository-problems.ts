/** What of the signed repository needs somebody's hand, in sentences. */

export interface RoleState {
  role: string;
  version: number;
  expiresAtMs: number;
}

const dayMs = 86_400_000;
/** Long enough to fetch the keys from where they are kept. */
const warnMs = 30 * dayMs;

const dateOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

const nameOf = (role: string) => (role.startsWith("fw-") ? `firmware of ${role.slice(3)}` : role);

/** @param signsTimestamps whether the root in force lets this installation's key sign timestamps */
export function repositoryProblems(roles: readonly RoleState[], signsTimestamps: boolean, nowMs: number): string[] {
  if (roles.length === 0) return [];
  const problems = roles.flatMap(({ role, expiresAtMs }): string[] => {
    if (role === "timestamp") {
      return nowMs < expiresAtMs ? [] : ["The firmware repository's timestamp has expired: appliances take no update."];
    }
    const how = role === "root" ? "npm run release -- rotate root" : "npm run release -- refresh";
    if (nowMs >= expiresAtMs) {
      return [
        `The signed metadata '${nameOf(role)}' expired on ${dateOf(expiresAtMs)}: appliances take no update. Run ${how}.`,
      ];
    }
    const days = Math.ceil((expiresAtMs - nowMs) / dayMs);
    return expiresAtMs - nowMs < warnMs
      ? [`The signed metadata '${nameOf(role)}' expires in ${days} ${days === 1 ? "day" : "days"}. Run ${how}.`]
      : [];
  });
  return signsTimestamps
    ? problems
    : [
        ...problems,
        "The firmware repository's root does not know this installation's timestamp key. Run npm run release -- rotate timestamp.",
      ];
}
