/**
 * The life of one version of a content item.
 *
 *   draft --publish--> live --withdraw, or a newer version is published--> withdrawn
 *
 * A live version may be published again, for other models. What was withdrawn stays so: the next version is another row.
 */
export const versionStates = ["draft", "live", "withdrawn"] as const;
export type VersionState = (typeof versionStates)[number];

export type VersionEvent = "publish" | "withdraw" | "replace";

type VersionRefusal = "content_withdrawn" | "content_not_live";

export type VersionOutcome = { kind: "moved"; to: VersionState } | { kind: "refused"; rule: VersionRefusal };

const live: VersionOutcome = { kind: "moved", to: "live" };
const withdrawn: VersionOutcome = { kind: "moved", to: "withdrawn" };
const notLive: VersionOutcome = { kind: "refused", rule: "content_not_live" };
const isWithdrawn: VersionOutcome = { kind: "refused", rule: "content_withdrawn" };

const transitions: Record<VersionState, Record<VersionEvent, VersionOutcome>> = {
  draft: { publish: live, withdraw: notLive, replace: notLive },
  live: { publish: live, withdraw: withdrawn, replace: withdrawn },
  withdrawn: { publish: isWithdrawn, withdraw: isWithdrawn, replace: isWithdrawn },
};

export const stepVersion = (state: VersionState, on: VersionEvent): VersionOutcome => transitions[state][on];
