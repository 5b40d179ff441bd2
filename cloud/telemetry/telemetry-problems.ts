/** What the store of readings can refuse. */
export const telemetryProblems = {
  telemetry_store_away: {
    status: 503,
    title: "The store of readings does not answer",
    help: "Charts and exports come back by themselves, and no reading is lost meanwhile. /api/v1/health says what is wrong.",
  },
} as const;
