/** Versions of what staff write, and forms that begin with one. */

/** A version of what is written in a form. */
export interface Version {
  version: number;
  createdBy: string;
  createdAtMs: number;
}

/** A version of a definition, as the service has it. */
export interface Defined<Definition> extends Version {
  definition: Definition;
}

/** A version as a form begins with it; 0 is that of what is new. */
export interface Begun<Draft> extends Version {
  draft: Draft;
  /** It took back what was in force; the draft has the words before it. */
  isWithdrawn?: boolean;
}

export const begunNew = <Draft>(draft: Draft): Begun<Draft> => ({ version: 0, draft, createdAtMs: 0, createdBy: "" });

export const begunWith = <Draft, Definition>(
  { version, definition, createdAtMs, createdBy }: Defined<Definition>,
  draftOf: (definition: Definition) => Draft,
): Begun<Draft> => ({ version, draft: draftOf(definition), createdAtMs, createdBy });
