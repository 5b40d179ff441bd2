import fc from "fast-check";
import { expect, test } from "vitest";
import { lineCharsMax, Redaction } from "./redact.ts";

function redacted(text: string, cuts: readonly number[] = []): string {
  const filter = new Redaction();
  const at = [...new Set([0, ...cuts.map((cut) => cut % (text.length + 1)), text.length])].toSorted((a, b) => a - b);
  return at.map((from, n) => filter.push(text.slice(from, at[n + 1] ?? text.length))).join("") + filter.end();
}

const secrets = [
  ["Wi-Fi password", "wpa_passphrase=correct horse battery", "correct horse battery"],
  ["quoted password", `{"ssid":"Home","psk":"pass \\"word\\" here","chan":6}`, "word"],
  ["password without an end", `password="never ends here`, "never ends"],
  ["bearer", "> Authorization: Bearer abc.def-ghi_123", "abc.def-ghi_123"],
  ["basic", "authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"],
  ["hearth key", "key hearth_Zx81kQpLm3nB0vCt6yHs here", "Zx81kQpLm3nB0vCt6yHs"],
  ["token in a link", "PUT https://h/files/x?device=a&signature=Zk3_w-9 200", "Zk3_w-9"],
  ["url login", "mqtt://ada:lovelace@broker.example:1883", "lovelace"],
  ["jwt", "got eyJhbGciOi.eyJzdWIi.c2ln ok", "eyJzdWIi"],
  ["hex psk", `psk bytes ${"0f".repeat(32)}`, "0f0f0f0f"],
  ["base64 key", "raw Zm9vYmFyQmF6MTIzNDU2Nzg5MGFiY2RlZmdoaWo=", "Zm9vYmFyQmF6"],
  ["e-mail", "paired by ada.lovelace@müller.example.org", "lovelace"],
  ["IPv4", "connected to 93.184.216.34:8883", "93.184"],
  ["IPv6", "dns 2001:db8:85a3::8a2e:370:7334 answered", "370:7334"],
  ["access point", "bssid 3c:84:6a:12:34:56 rssi -61", "12:34:56"],
  ["pin", "pairing_code=ABCD2345", "ABCD2345"],
  [
    "private key",
    "a\n-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIabc\nsome\n-----END EC PRIVATE KEY-----\nb",
    "MHcCAQEEIabc",
  ],
] as const;

test.each(secrets)("%s is taken out, wherever the chunks are cut", (_name, line, secret) => {
  const whole = redacted(line);
  expect(whole).not.toContain(secret);
  expect(whole).toContain("[removed:");
  for (let cut = 0; cut <= line.length; cut += 1) expect(redacted(line, [cut])).toBe(whole);
});

test("what a technician needs stays", () => {
  const log = [
    "2026-11-28T07:50:12.345Z fault.raised code=heating_element cavity_c=181.4",
    "wifi rssi=-61 channel=6 ip=192.168.1.20 gw fe80::1 reconnects=3",
    `firmware 1.4.2 sha256=${"ab".repeat(32)}`,
    "delivery 01980000-0000-7000-8000-000000000000 stored",
    "door opened 12:34:56, passed self test, duration 00:12:30",
  ].join("\n");
  expect(redacted(log)).toBe(log);
});

test("the result depends on the text and not on how it came, and nothing of a planted secret is left", () => {
  const words = fc.array(
    fc.oneof(fc.string({ maxLength: 30 }), fc.constantFrom("\n", " ", "=", "\r\n", "token", "@")),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(
      words,
      words,
      fc.constantFrom(...secrets),
      fc.array(fc.nat(), { maxLength: 12 }),
      (before, after, [, line, secret], cuts) => {
        const text = `${before.join("")}\n${line}\n${after.join("")}`;
        const whole = redacted(text);
        expect(redacted(text, cuts)).toBe(whole);
        // What stands around it is not asked: it may hold the same characters by chance.
        expect(redacted(`x\n${line}\ny`)).not.toContain(secret);
      },
    ),
  );
});

test("a line without an end costs one line of memory, and a secret at the cut is not left in half", () => {
  const filter = new Redaction();
  let length = 0;
  for (let n = 0; n < 100; n += 1) length += filter.push("x".repeat(100_000)).length;
  const rest = filter.end();
  expect(length + rest.length).toBeLessThan(100);
  const atCut = `${"word ".repeat(1_637)}ada@exa${"mple".repeat(10)}.org`;
  expect(atCut.length).toBeGreaterThan(lineCharsMax);
  expect(redacted(atCut)).not.toContain("ada@");
});

test("a private key that never ends does not swallow the log", () => {
  const lines = Array.from({ length: 500 }, (_, n) => `line ${n}`).join("\n");
  expect(redacted(`-----BEGIN PRIVATE KEY-----\n${lines}`)).toContain("line 499");
});

test("hostile text takes no more than its length", () => {
  for (const text of [
    "a".repeat(1_000_000),
    "a@".repeat(400_000),
    "token:".repeat(200_000),
    `"\\`.repeat(400_000),
    "1:".repeat(400_000),
    "://".repeat(300_000),
  ]) {
    const out = redacted(text.replaceAll(/.{8000}/g, "$&\n"));
    expect(out.length).toBeLessThanOrEqual(20 * text.length);
  }
});
