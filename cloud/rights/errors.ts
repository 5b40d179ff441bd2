/** What the rights slice can refuse. */
export const rightsProblems = {
  erasure_not_found: {
    status: 404,
    title: "There is no such erasure",
    help: "Use the link that the erasure's answer gave, unchanged.",
  },
  exports_busy: {
    status: 503,
    title: "There are as many exports under way as this service serves at once",
    help: "Try again in a minute.",
  },
  export_household_not_found: {
    status: 404,
    title: "There is no such household",
    help: "GET /api/v1/households lists households. One that was erased is in GET /api/v1/erasures.",
  },
  name_does_not_fit: {
    status: 422,
    title: "confirm is not the household's name",
    help: "Write the household's name exactly as it is, so that nothing is erased by mistake.",
  },
} as const;
