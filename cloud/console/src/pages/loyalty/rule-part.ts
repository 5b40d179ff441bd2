import type { LoyaltyVocabulary } from "../../api/loyalty-shapes.ts";
import type { EarningDraft } from "../../core/earning-draft.ts";
import type { PartProps } from "../../parts/fields.tsx";

/** An earning rule in the hands of one part of its form. */
export interface RulePartProps extends PartProps<EarningDraft> {
  vocabulary: LoyaltyVocabulary;
}
