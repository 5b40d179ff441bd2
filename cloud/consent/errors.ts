/** What the consent slice can refuse. */
export const consentProblems = {
  consent_household_not_found: {
    status: 404,
    title: "There is no such household",
    help: "GET /api/v1/households lists the households.",
  },
  consent_text_not_found: {
    status: 422,
    title: "There are no such words",
    help: "GET /api/v1/consents/texts lists what may be agreed to: purpose, party, locale and version of what was read.",
  },
  consent_text_outdated: {
    status: 409,
    title: "There is a newer version of these words",
    help: "Show the newer ones, and ask again. What was agreed to before stays as it is.",
  },
  party_without_share: {
    status: 400,
    title: "A third party belongs to the purpose `share`, and `share` names one",
    help: "Send `party` with `share`, and with no other purpose.",
  },
  party_unnamed: {
    status: 400,
    title: "Nobody knows this third party yet",
    help: "Send `partyName` with its first text: a household agrees to a name, not to a key.",
  },
  run_is_the_contract: {
    status: 409,
    title: "Without this the product does not run",
    help: "It is held as long as there is a household. Erasing the household ends it: DELETE /api/v1/my/household.",
  },
  objection_stands: {
    status: 409,
    title: "The household objected to marketing",
    help: "Nobody but the household itself takes that back, with its own key.",
  },
  consent_cursor_invalid: {
    status: 400,
    title: "The cursor is not one of ours",
    help: "Send `nextCursor` of the page before, unchanged, or leave it out.",
  },
  word_from_the_future: {
    status: 400,
    title: "Nobody can have said so yet",
    help: "Send `atMs` of when it was said, or leave it out.",
  },
} as const;
