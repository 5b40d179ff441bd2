/** What the security slice can refuse. */
export const securityProblems = {
  too_many_wires: {
    status: 503,
    title: "As many appliances are being watched as this service can show at once",
    help: "Close another view of an appliance's wire, or try again in a while.",
  },
} as const;
