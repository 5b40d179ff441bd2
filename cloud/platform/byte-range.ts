/** What part of a file a request asks for (RFC 9110, section 14). Both ends of a part are included. */
export type ByteRange = { kind: "whole" } | { kind: "part"; first: number; last: number } | { kind: "unsatisfiable" };

/**
 * Reads a Range header for a file of `length` bytes. What is no single range of bytes is ignored, as the RFC allows: the whole file comes.
 */
export function readRange(header: string | undefined, length: number): ByteRange {
  const match = /^bytes=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*$/i.exec(header ?? "");
  if (match === null) return { kind: "whole" };
  const [, from = "", to = ""] = match;
  if (from === "") return to === "" ? { kind: "whole" } : lastBytes(Number(to), length);
  const first = Number(from);
  if (to !== "" && Number(to) < first) return { kind: "whole" };
  if (first >= length) return { kind: "unsatisfiable" };
  return { kind: "part", first, last: to === "" ? length - 1 : Math.min(Number(to), length - 1) };
}

function lastBytes(count: number, length: number): ByteRange {
  if (count === 0 || length === 0) return { kind: "unsatisfiable" };
  return { kind: "part", first: Math.max(0, length - count), last: length - 1 };
}
