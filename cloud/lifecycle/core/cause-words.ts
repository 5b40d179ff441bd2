import type { Cause } from "./stage.ts";

const many = (count: number, one: string, more = `${one}s`) => `${count} ${count === 1 ? one : more}`;
const quoted = (title: string) => (title === "" ? "a case" : `“${title}”`);

/** A cause in a sentence, for staff. */
export function causeWords(cause: Cause): string {
  switch (cause.kind) {
    case "known":
      return "Became known to us";
    case "no_appliance":
      return "Has no appliance";
    case "paired":
      return "Has an appliance";
    case "programs":
      return `Finished ${many(cause.count, "program")}`;
    case "used":
      return "Used an appliance";
    case "silent":
      return `Silent for ${many(cause.days, "day")}; usually uses an appliance every ${many(cause.usualDays, "day")}`;
    case "never_started":
      return `Has had an appliance for ${many(cause.days, "day")}, and never used it`;
    case "feedback":
      return `Rated us ${cause.rating} of 5`;
    case "case_open":
      return `Has an open case: ${quoted(cause.title)}`;
    case "case_resolved":
      return `${quoted(cause.title)} was solved${cause.atFirstAnswer ? " at the first answer" : ""}`;
    case "case_merged":
      return `${quoted(cause.title)} goes on in another case`;
    case "faults": {
      const codes = cause.codes.length === 0 ? "" : `: ${cause.codes.join(", ")}`;
      return `${many(cause.count, "fault")} within ${many(cause.days, "day")}${codes}`;
    }
    case "fault":
      return `A fault${cause.code === "" ? "" : `: ${cause.code}`}`;
    case "complaint":
      return "Complained";
    case "marketing_withdrawn":
      return "Withdrew consent to marketing";
    case "marketing_agreed":
      return "Agreed to marketing";
    case "engaged_for":
      return `Engaged for ${many(cause.days, "day")} without a break`;
    case "tier":
      return cause.tier === null ? "Is back in the first tier" : `Reached the tier ${cause.tier}`;
    case "share_cooked":
      return "Somebody cooked what it shared";
    case "referral_paired":
      return "Somebody paired an appliance because of it";
    case "left":
      return "An appliance left the household";
    case "too_long_ago":
      return "What made it an advocate is too long ago";
    case "definition":
      return `The definition of the stages changed (version ${cause.version})`;
  }
}
