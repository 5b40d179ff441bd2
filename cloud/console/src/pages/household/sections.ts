import type { ComponentType } from "react";
import { Appliances } from "./appliances.tsx";
import { Cases } from "./cases.tsx";
import { Consents } from "./consents.tsx";
import { Decisions } from "./decisions.tsx";
import { DataRights } from "./data-rights.tsx";
import { Facts } from "./facts.tsx";
import { HouseholdTimeline } from "./household-timeline.tsx";
import { Identity } from "./identity.tsx";
import { LifeStage } from "./life-stage.tsx";
import { Points } from "./points.tsx";
import { People } from "./people.tsx";
import type { SectionProps } from "./section-props.ts";
import { Segments } from "./segments.tsx";
import { Preferences } from "./preferences.tsx";

/** A subject of the page: a file of its own that stands in a `Section`. */
interface HouseholdSection {
  id: string;
  /** Beside the others on a wide screen: `main` is what happened and why, `side` who and what they are. On a phone `main` comes first. */
  place: "main" | "side";
  component: ComponentType<SectionProps>;
}

/** The page, from top to bottom. */
export const householdSections: readonly HouseholdSection[] = [
  { id: "stage", place: "main", component: LifeStage },
  { id: "cases", place: "main", component: Cases },
  { id: "points", place: "main", component: Points },
  { id: "timeline", place: "main", component: HouseholdTimeline },
  { id: "decisions", place: "main", component: Decisions },
  { id: "facts", place: "main", component: Facts },
  { id: "appliances", place: "side", component: Appliances },
  { id: "people", place: "side", component: People },
  { id: "segments", place: "side", component: Segments },
  { id: "consents", place: "side", component: Consents },
  { id: "preferences", place: "side", component: Preferences },
  { id: "identity", place: "side", component: Identity },
  { id: "data", place: "side", component: DataRights },
];
