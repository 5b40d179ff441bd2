const loopbackNames = new Set(["localhost", "[::1]", "::1"]);

/** Whether a URL points at this machine. Names other than `localhost` count as elsewhere: what they resolve to can change. */
export function isLoopback(url: URL): boolean {
  return loopbackNames.has(url.hostname) || /^127(\.\d{1,3}){3}$/.test(url.hostname);
}
