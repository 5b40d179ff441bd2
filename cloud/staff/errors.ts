/** What the staff slice can refuse. */
export const staffProblems = {
  key_not_found: { status: 404, title: "There is no such key", help: "GET /api/v1/staff/keys lists the keys." },
  last_admin_key: {
    status: 409,
    title: "This is the last admin key",
    help: "Make another admin key first, so that somebody can still make keys.",
  },
} as const;
