/** What questions about telemetry can be refused for. */
export const telemetryProblems = {
  telemetry_store_away: {
    status: 503,
    title: "The store of readings does not answer",
    help: "Charts and exports come back by themselves, and no reading is lost meanwhile. /api/v1/health says what is wrong.",
  },
  telemetry_range_too_wide: {
    status: 422,
    title: "The answer would be larger than one answer may be",
    help: "Ask for fewer points, metrics or appliances; the detail says what would fit.",
  },
  telemetry_range_backwards: {
    status: 422,
    title: "The range ends before it begins",
    help: "`toMs` must lie after `fromMs`. Both are milliseconds since 1970.",
  },
  telemetry_nothing_asked: {
    status: 422,
    title: "The question names nothing",
    help: "Name appliances, or a model.",
  },
  telemetry_exports_busy: {
    status: 503,
    title: "As many exports run as this service makes at once",
    help: "Try again in a minute. One export may hold several appliances.",
  },
  metric_declared_already: {
    status: 409,
    title: "The model declares that metric",
    help: "GET the model to see what it declares; PUT its next version to change it.",
  },
  too_many_metrics: {
    status: 422,
    title: "The model declares as many metrics as a model may",
    help: "A model declares up to 256. What it does not declare is kept all the same.",
  },
} as const;
