import type { Household } from "../../api/household-shapes.ts";

/** What every section of the page is given. What else it needs it asks for by a query below `householdKey(household.id)`. */
export interface SectionProps {
  household: Household;
}
