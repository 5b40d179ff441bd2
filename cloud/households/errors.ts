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
  pairing_code_wrong: {
    status: 422,
    title: "No appliance shows this code",
    help: "A code is good once, and for ten minutes at most. Let the appliance show a new one.",
  },
  too_many_wrong_codes: {
    status: 429,
    title: "Too many codes were wrong",
    help: "Try again after the seconds that Retry-After names.",
  },
  owner_name_missing: {
    status: 400,
    title: "Without a key this makes a household, and its owner needs a name",
    help: "Send `name`; or send the key of your household, and the appliance joins it.",
  },
  appliance_of_another_household: {
    status: 409,
    title: "The appliance belongs to another household",
    help: "Whoever has it hands it over, or you reset it to its factory settings at the appliance itself.",
  },
  too_many_appliances: {
    status: 409,
    title: "The household has as many appliances as it can hold",
    help: "A household holds at most 100 appliances. Hand one over first.",
  },
  my_device_not_found: {
    status: 404,
    title: "There is no such appliance in your household",
    help: "GET /api/v1/my/devices lists your appliances.",
  },
  member_not_found: {
    status: 404,
    title: "There is no such member of your household",
    help: "GET /api/v1/my/members lists the members.",
  },
  not_the_owner: {
    status: 403,
    title: "Only the owner of the household may do that",
    help: "A member may leave by removing itself. GET /api/v1/my/members says who the owner is.",
  },
  owner_stays: {
    status: 409,
    title: "A household has an owner",
    help: "Make another member the owner first, or erase the household.",
  },
  member_without_key: {
    status: 409,
    title: "This member has no key, and could do nothing as the owner",
    help: "Somebody whom staff entered joins by an invitation first.",
  },
  too_many_invitations: {
    status: 409,
    title: "The household has as many open invitations as it can have",
    help: "Withdraw one first: DELETE /api/v1/my/invitations/:id. At most 20 are open at a time.",
  },
  invitation_not_found: {
    status: 404,
    title: "There is no such invitation",
    help: "GET /api/v1/my/invitations lists those that are open.",
  },
  invitation_wrong: {
    status: 422,
    title: "This invitation is not good",
    help: "An invitation is good once, and for seven days. Ask for another.",
  },
  household_merged: {
    status: 409,
    title: "The household became part of another one",
    help: "`mergedInto` of GET /api/v1/households/:id says of which. Undo a later merge before an earlier one.",
  },
  same_household: {
    status: 409,
    title: "A household cannot become part of itself",
    help: "Name two households.",
  },
  not_a_prospect: {
    status: 409,
    title: "The household has appliances",
    help: "Only a household without an appliance becomes part of another one. Its appliances are handed over first.",
  },
  welcome_code_wrong: {
    status: 422,
    title: "This welcome code is not good",
    help: "It is good once, and for a year. Leave it out, or ask for another one.",
  },
  too_many_welcomes: {
    status: 409,
    title: "The prospect has as many open codes as it can have",
    help: "At most 20 are open at a time.",
  },
  merge_not_found: {
    status: 404,
    title: "There is no such merge",
    help: "GET /api/v1/households/:id/merges lists the merges of a household.",
  },
  merge_undone: {
    status: 409,
    title: "The merge is undone already",
    help: "A merge is undone at most once; the two may be joined again.",
  },
  too_many_references: {
    status: 409,
    title: "The household has as many references as it can have",
    help: "At most 20. Remove one first.",
  },
  reference_taken: {
    status: 409,
    title: "Another household has this reference",
    help: "Are both the same people? Then join them: POST /api/v1/households/:id/merges.",
  },
  reference_not_found: {
    status: 404,
    title: "The household has no such reference",
    help: "GET /api/v1/households/:id/references lists them.",
  },
} as const;
