/** What the API answers to whoever helps an owner, as far as the console reads it; held by test/console like `shapes.ts`. */
import type { CauseArticle } from "./case-shapes.ts";
import type { ServiceCase } from "./case-shapes.ts";

export interface Found {
  kind: "device" | "household" | "member" | "case" | "release" | "model";
  id: string;
  title: string;
  /** What tells it apart from others of the same title. */
  subtitle: string;
  /** Its place in the console. */
  href: string;
}

export interface SearchAnswer {
  items: Found[];
  /** Kinds that took too long, and may hold more. */
  incomplete: Found["kind"][];
  /** False where the database can look for beginnings and ends of words alone. */
  parts: boolean;
}

/** A case with what is known of it that the appliance's page shows. */
export interface CaseBrief extends ServiceCase {
  /** Null where it is of no appliance. */
  model: string | null;
  cause: string;
  appliance: {
    warrantyUntilMs: number | null;
    endOfSupportMs: number | null;
    underWarranty: boolean | null;
  } | null;
  causeArticle: { title: string; fix: string; part: { number: string; name: string } | null } | null;
  similar: { sinceMs: number; devices: number; open: number; sameModel: number; sameFirmware: number };
}

export interface CauseDocument {
  key: string;
  /** The model that it is for; null for all. */
  model: string | null;
  definition: CauseArticle;
}

/** The newest version of what staff wrote, where it is not withdrawn. */
export type InForce<Definition> = WrittenVersion<Definition> & { definition: Definition };

export interface DeviceMessage {
  channel: "telemetry" | "events" | "reported" | "receipts";
  atMs: number;
  receivedAtMs: number | null;
  payload: Record<string, unknown>;
}

/** An answer that staff keep, with what it is offered for first, and its text by language. */
export interface AnswerTemplate {
  title: string;
  causes: string[];
  locales: Record<string, string>;
}

/** One version of what staff wrote about a cause, or of an answer; without a definition it withdraws it. */
export interface WrittenVersion<Definition> {
  key: string;
  /** The model that it is for; null for all. */
  model: string | null;
  version: number;
  definition: Definition | null;
  createdAtMs: number;
  createdBy: string;
}

/** How often a cause was found lately. */
export interface FoundCause {
  cause: string;
  cases: number;
  incidents: number;
  /** Cases that are open now. */
  open: number;
}
