/**
 * The life of a release.
 *
 *   draft --signed--> signed --published--> published --withdrawn--> withdrawn
 *     |                 |  (signed again)
 *     +----dropped------+--> gone
 *
 * From its first offer to an appliance on, nothing of a release changes any more but that it is withdrawn.
 */

export type ReleaseLife =
  | { state: "draft"; hasImage: boolean }
  | { state: "signed" }
  | { state: "published"; offered: boolean }
  | { state: "withdrawn" };

/** `changed` is of what goes beside the signed part; `offered` to an appliance. */
export const releaseEvents = [
  "image_received",
  "changed",
  "signed",
  "published",
  "offered",
  "withdrawn",
  "dropped",
] as const;
export type ReleaseEvent = (typeof releaseEvents)[number];

export type ReleaseRefusal =
  | "release_has_no_image"
  | "release_not_signed"
  | "release_not_published"
  | "release_already_signed"
  | "release_already_published"
  | "release_locked"
  | "release_withdrawn";

export type ReleaseOutcome =
  | { kind: "moved"; to: ReleaseLife }
  | { kind: "gone" }
  | { kind: "refused"; rule: ReleaseRefusal };

type State = ReleaseLife["state"];
type Of<S extends State> = Extract<ReleaseLife, { state: S }>;

const moved = (to: ReleaseLife): ReleaseOutcome => ({ kind: "moved", to });
const refused = (rule: ReleaseRefusal): ReleaseOutcome => ({ kind: "refused", rule });
const no = (rule: ReleaseRefusal) => () => refused(rule);

/** Every state by every event: a cell that is missing does not compile. */
const transitions: { [S in State]: { [E in ReleaseEvent]: (now: Of<S>) => ReleaseOutcome } } = {
  draft: {
    image_received: () => moved({ state: "draft", hasImage: true }),
    changed: moved,
    signed: ({ hasImage }) => (hasImage ? moved({ state: "signed" }) : refused("release_has_no_image")),
    published: no("release_not_signed"),
    offered: no("release_not_published"),
    withdrawn: no("release_not_published"),
    dropped: () => ({ kind: "gone" }),
  },
  signed: {
    image_received: no("release_already_signed"),
    changed: moved,
    // Another release came between: the family's metadata is signed anew, on top of that one.
    signed: moved,
    published: () => moved({ state: "published", offered: false }),
    offered: no("release_not_published"),
    withdrawn: no("release_not_published"),
    dropped: () => ({ kind: "gone" }),
  },
  published: {
    image_received: no("release_already_published"),
    changed: (now) => (now.offered ? refused("release_locked") : moved(now)),
    signed: no("release_already_published"),
    published: no("release_already_published"),
    offered: () => moved({ state: "published", offered: true }),
    withdrawn: () => moved({ state: "withdrawn" }),
    dropped: no("release_already_published"),
  },
  withdrawn: {
    image_received: no("release_withdrawn"),
    changed: no("release_withdrawn"),
    signed: no("release_withdrawn"),
    published: no("release_withdrawn"),
    offered: no("release_withdrawn"),
    withdrawn: no("release_withdrawn"),
    dropped: no("release_withdrawn"),
  },
};

/** What `event` makes of a release. */
export function stepRelease(now: ReleaseLife, event: ReleaseEvent): ReleaseOutcome {
  // The table is total, so the pair is always a cell of it; TypeScript cannot correlate two unions on its own.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const cell = transitions[now.state][event] as (now: ReleaseLife) => ReleaseOutcome;
  return cell(now);
}
