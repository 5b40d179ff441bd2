import { heldBackText } from "#protocol/held-back.ts";

/** A word of presence as the timeline has it. */
export function presenceTitle(state: string, reason: string | null, limit: number | null): string {
  switch (state) {
    case "connected":
      return "Came online";
    case "held":
      return `Held back: ${heldBackText(reason, limit)}`;
    case "released":
      return "No longer held back";
    default:
      return `Went offline (${(reason ?? "closed").replaceAll("_", " ")})`;
  }
}
