import type { ReactNode } from "react";
import type { Found } from "../api/support-shapes.ts";
import type { TimelineKind } from "../core/timeline.ts";

/** A drawing of 16 by 16 in the colour of the text around it. Beside words, so hidden from who listens. */
function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      width="16"
      height="16"
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

const kindDrawings: Record<TimelineKind, ReactNode> = {
  reading: <path d="M1.5 11.5 5 6.5l3 3 3.5-6 3 5" />,
  event: <path d="M8.8 1.5 3.5 9h4l-.8 5.5L12.5 7h-4z" />,
  delivery: (
    <>
      <path d="M8 1.8v7.4M4.8 6.2 8 9.4l3.2-3.2" />
      <path d="M2 10.5v2.2c0 .8.6 1.4 1.4 1.4h9.2c.8 0 1.4-.6 1.4-1.4v-2.2" />
    </>
  ),
  case: (
    <>
      <path d="M8 1.8 14.7 13.6H1.3z" />
      <path d="M8 6.3v3.4M8 11.6v.2" />
    </>
  ),
  firing: <path d="M2 13.5h12M3.5 13.5V9l2.6 2 2.2-6.5 2 4.5 2.2-2v6.5" />,
  points: <path d="m8 1.7 1.9 4 4.4.6-3.2 3 .8 4.4L8 11.6l-3.9 2.1.8-4.4-3.2-3 4.4-.6z" />,
  presence: (
    <>
      <path d="M1.6 6.2a9.2 9.2 0 0 1 12.8 0M4 8.8a5.8 5.8 0 0 1 8 0" />
      <circle cx="8" cy="12" r="1.2" fill="currentColor" stroke="none" />
    </>
  ),
  quarantine: (
    <>
      <circle cx="8" cy="8" r="6.2" />
      <path d="m3.7 3.7 8.6 8.6" />
    </>
  ),
  rollout: <path d="M2 12.5h3.5V9H9V5.5h3.5V2M2 14.5h12" />,
  security: <path d="M8 1.6 13.4 3.6v4c0 3.2-2.2 5.6-5.4 6.8-3.2-1.2-5.4-3.6-5.4-6.8v-4z" />,
};

export const KindIcon = ({ kind }: { kind: TimelineKind }) => <Icon>{kindDrawings[kind]}</Icon>;

const foundDrawings: Record<Found["kind"], ReactNode> = {
  device: (
    <>
      <rect x="2" y="1.8" width="12" height="12.4" rx="1.6" />
      <path d="M2 5h12M4.5 3.4h.1M7 3.4h.1" />
      <rect x="4.4" y="7.4" width="7.2" height="4.4" rx="0.8" />
    </>
  ),
  case: kindDrawings.case,
  member: (
    <>
      <circle cx="8" cy="5.2" r="3" />
      <path d="M2.2 14.2c.7-3 3-4.4 5.8-4.4s5.1 1.4 5.8 4.4" />
    </>
  ),
  household: <path d="M1.8 8 8 2.2 14.2 8M3.6 6.6v7.2h8.8V6.6M6.4 13.6V9.8h3.2v3.8" />,
  release: kindDrawings.delivery,
  model: (
    <>
      <path d="M8 1.6 14 4.8v6.4L8 14.4 2 11.2V4.8z" />
      <path d="M2.2 4.9 8 8l5.8-3.1M8 8v6.2" />
    </>
  ),
};

export const FoundIcon = ({ kind }: { kind: Found["kind"] }) => <Icon>{foundDrawings[kind]}</Icon>;

export const SearchIcon = () => (
  <Icon>
    <circle cx="7" cy="7" r="4.7" />
    <path d="m10.6 10.6 3.6 3.6" />
  </Icon>
);

export const PersonIcon = () => (
  <Icon>
    <circle cx="8" cy="5.2" r="3" />
    <path d="M2.2 14.2c.7-3 3-4.4 5.8-4.4s5.1 1.4 5.8 4.4" />
  </Icon>
);

export const TerminalIcon = () => (
  <Icon>
    <rect x="1.5" y="2.5" width="13" height="11" rx="2" />
    <path d="m4.5 6 2.2 2-2.2 2M8.5 10.3h3" />
  </Icon>
);

export const CheckIcon = () => (
  <Icon>
    <path d="m2.8 8.6 3.4 3.4 7-8" />
  </Icon>
);

export const AlertIcon = () => <Icon>{kindDrawings.case}</Icon>;

export const ArrowLeftIcon = () => (
  <Icon>
    <path d="M9.5 3.5 5 8l4.5 4.5" />
  </Icon>
);

export const ArrowRightIcon = () => (
  <Icon>
    <path d="M6.5 3.5 11 8l-4.5 4.5" />
  </Icon>
);

export const PlusIcon = () => (
  <Icon>
    <path d="M8 3v10M3 8h10" />
  </Icon>
);

export const MinusIcon = () => (
  <Icon>
    <path d="M3 8h10" />
  </Icon>
);

export const IncomingIcon = () => (
  <Icon>
    <path d="M2 8h12M10 4l4 4-4 4" />
  </Icon>
);

export const OutgoingIcon = () => (
  <Icon>
    <path d="M14 8H2M6 4 2 8l4 4" />
  </Icon>
);

/** The mouth of an oven with an ember in it. */
export const Mark = () => (
  <svg width="26" height="26" viewBox="0 0 26 26" fill="none" aria-hidden="true">
    <path d="M4 22.5V12a9 9 0 0 1 18 0v10.5" stroke="currentColor" strokeWidth="2.4" strokeLinecap="round" />
    <path d="M8 22.7a5 5 0 0 1 10 0z" fill="var(--line-ember)" />
  </svg>
);
