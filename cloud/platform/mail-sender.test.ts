import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MailSender } from "./mail-sender.ts";

const got: { from: string; to: string[]; text: string }[] = [];
let server: SMTPServer;
let sender: MailSender;

beforeAll(async () => {
  server = new SMTPServer({
    disabledCommands: ["AUTH", "STARTTLS"],
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const from = envelope.mailFrom === false ? "" : envelope.mailFrom.address;
        const text = Buffer.concat(chunks).toString("utf8");
        got.push({ from, to: envelope.rcptTo.map(({ address }) => address), text });
        done();
      });
    },
  });
  await new Promise<void>((done) => {
    server.listen(0, "127.0.0.1", done);
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
  const { port } = server.server.address() as AddressInfo;
  sender = new MailSender({ url: `smtp://127.0.0.1:${port}`, from: "hearth@maker.example" });
});
afterAll(() => new Promise<void>((done) => server.close(() => done())));

test("a letter has its text and its page, its headers, its sender's name, and goes back to where bounces are read", async () => {
  const outcome = await sender.send("anna@example.com", {
    id: "l-1",
    subject: "Sunday bread",
    text: "Bake it",
    html: "<p>Bake it</p>",
    headers: { "List-Unsubscribe": "<https://h.example/u/1>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" },
    from: { name: "Kiln\r\nBcc: all@example.com" },
    bounceTo: "bounce+l-1@maker.example",
  });
  expect(outcome).toEqual({ kind: "delivered", detail: "SMTP 250" });
  const [letter] = got.splice(0);
  expect(letter).toMatchObject({ from: "bounce+l-1@maker.example", to: ["anna@example.com"] });
  expect(letter?.text).toContain("multipart/alternative");
  expect(letter?.text).toContain("<p>Bake it</p>");
  expect(letter?.text).toContain("List-Unsubscribe: <https://h.example/u/1>");
  expect(letter?.text).toContain("List-Unsubscribe-Post: List-Unsubscribe=One-Click");
  expect(letter?.text).toMatch(/^From: "Kiln Bcc: all@example.com" <hearth@maker.example>\r$/m);
  expect(letter?.text).not.toMatch(/^Bcc:/m);
});
