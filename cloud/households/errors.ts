/** What the households slice can refuse. */
export const householdProblems = {
  household_not_found: {
    status: 404,
    title: "There is no such household",
    help: "GET /api/v1/households lists the households.",
  },
  household_device_not_found: {
    status: 404,
    title: "There is no such appliance",
    help: "GET /api/v1/devices lists the appliances; POST /api/v1/devices registers one.",
  },
  device_in_other_household: {
    status: 409,
    title: "The appliance belongs to another household",
    help: "Take it out of that household first: a hand-over is two deliberate steps.",
  },
  device_not_in_household: {
    status: 409,
    title: "The appliance does not belong to this household",
    help: "GET /api/v1/households/:id lists the appliances of a household.",
  },
  too_many_members: {
    status: 409,
    title: "The household has as many members as it can hold",
    help: "A household holds at most 50 members.",
  },
  household_cursor_invalid: {
    status: 400,
    title: "The cursor is not one of ours",
    help: "Send `nextCursor` of the page before, unchanged, or leave it out.",
  },
} as const;
