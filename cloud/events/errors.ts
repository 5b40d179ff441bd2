/** What the events slice can refuse. */
export const eventProblems = {
  event_cursor_invalid: {
    status: 400,
    title: "The cursor is not one of ours",
    help: "Send `nextCursor` of the page before, or the last event's id as Last-Event-ID, unchanged.",
  },
  event_cursor_too_old: {
    status: 410,
    title: "Events after that cursor have been deleted",
    help: "Events are kept for a limited time. Read the present state through the API, then start without a cursor.",
  },
  too_many_streams: {
    status: 503,
    title: "There are as many event streams as this service holds",
    help: "Close a stream, or read GET /api/v1/events page by page.",
  },
} as const;
