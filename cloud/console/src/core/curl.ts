/** A request as a line for a terminal, with the reason one would send it. */
export interface CurlLine {
  what: string;
  line: string;
}

/** A word as a POSIX shell takes it. */
const quote = (word: string) => `'${word.replaceAll("'", String.raw`'\''`)}'`;

/** The key stays out of the line: what is copied ends in tickets and chats. */
const withKey = String.raw`-H "Authorization: Bearer $HEARTH_KEY"`;

export const curlGet = (origin: string, path: string): string => `curl -s ${withKey} ${quote(origin + path)}`;

/** Shows each event as it comes, and asks for what a stream alone answers. */
export const curlStream = (origin: string, path: string): string =>
  `curl -sN ${withKey} -H 'Accept: text/event-stream' ${quote(origin + path)}`;

export const curlSend = (origin: string, method: "POST" | "PUT", path: string, body: unknown): string =>
  `curl -s -X ${method} ${withKey} -H 'Content-Type: application/json' \\\n  -d ${quote(JSON.stringify(body))} ${quote(origin + path)}`;
