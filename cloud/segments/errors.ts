/** What the segments slice can refuse. */
export const segmentProblems = {
  segment_not_found: {
    status: 404,
    title: "There is no such segment",
    help: "GET /api/v1/segments lists them.",
  },
  segment_household_not_found: {
    status: 404,
    title: "There is no such household",
    help: "GET /api/v1/households lists the households.",
  },
  too_many_segments: {
    status: 409,
    title: "There are as many segments as this service holds",
    help: "Delete one that nobody uses any more.",
  },
  segment_in_use: {
    status: 409,
    title: "The segment is in use",
    help: "The detail names what uses it. End that, or let it use another segment.",
  },
} as const;
