/** What the live tail can refuse. */
export const liveProblems = {
  too_many_tails: {
    status: 503,
    title: "As many people watch appliances as this service can show at once",
    help: "Close another live view, or try again in a while.",
  },
  too_many_tails_of_key: {
    status: 429,
    title: "This key has as many live views open as one key may",
    help: "Close another live view. One view shows several appliances: repeat `device`.",
  },
} as const;
