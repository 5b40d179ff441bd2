/** DKIM (RFC 6376) as a receiver of mail looks at it, for `rsa-sha256` with relaxed canonicalization. */
import { createHash, createVerify, type KeyObject } from "node:crypto";

const relaxedHeader = (line: string): string => {
  const at = line.indexOf(":");
  const value = line
    .slice(at + 1)
    .replaceAll("\r\n", "")
    .replaceAll(/[ \t]+/g, " ")
    .trim();
  return `${line.slice(0, at).toLowerCase().trim()}:${value}`;
};

const relaxedBody = (body: string): string =>
  body
    .replaceAll(/[ \t]+/g, " ")
    .replaceAll(/ \r\n/g, "\r\n")
    .replace(/(\r\n)+$/, "\r\n");

/**
 * @param letter as it came, its bytes as Latin-1
 * @returns the tags of its signature, and whether both that and the hash of its body are right; null where it has none
 */
export function dkimOf(letter: string, publicKey: KeyObject): { tags: Map<string, string>; isRight: boolean } | null {
  const end = letter.indexOf("\r\n\r\n");
  const headers = letter.slice(0, end).split(/\r\n(?![ \t])/);
  const signature = headers.find((line) => /^dkim-signature:/i.test(line));
  if (signature === undefined) return null;
  const tags = new Map(
    relaxedHeader(signature)
      .slice("dkim-signature:".length)
      .split(";")
      .map((tag) => tag.trim())
      .map((tag) => [tag.slice(0, tag.indexOf("=")), tag.slice(tag.indexOf("=") + 1).trim()]),
  );
  const named = (tags.get("h") ?? "").split(":").map((name) => name.trim().toLowerCase());
  const signed = named.flatMap((name) => {
    const line = headers.findLast((one) => one.toLowerCase().startsWith(`${name}:`));
    return line === undefined ? [] : [`${relaxedHeader(line)}\r\n`];
  });
  const itself = relaxedHeader(signature).replace(/([;\s]b=)[^;]*/, "$1");
  const bodyHash = createHash("sha256")
    .update(relaxedBody(letter.slice(end + 4)), "latin1")
    .digest("base64");
  const isSigned = createVerify("RSA-SHA256")
    .update(signed.join("") + itself, "latin1")
    .verify(publicKey, (tags.get("b") ?? "").replaceAll(" ", ""), "base64");
  return { tags, isRight: isSigned && bodyHash === (tags.get("bh") ?? "").replaceAll(" ", "") };
}
