import { causeWords } from "./cause-words.ts";
import type { Stage } from "./definition.ts";
import type { Cause } from "./stage.ts";

/** What a person is to know who calls a household that leaves in anger; null where it leaves for another reason, or does not leave. */
export function dissatisfied(change: {
  from: Stage | null;
  to: Stage;
  causes: readonly Cause[];
}): { title: string; note: string } | null {
  const { from, to, causes } = change;
  const isAngry = causes.some(({ kind }) => kind === "feedback" || kind === "marketing_withdrawn");
  if (to !== "disengaged" || !isAngry) return null;
  const lines = causes.map((cause) => `- ${causeWords(cause)}`);
  const was = from === null ? "" : ` It was in the stage ${from}.`;
  return { title: "About to leave: call them", note: `The household is dissatisfied.${was}\n${lines.join("\n")}` };
}
