/** A mail server that takes every letter, unless a test says otherwise, and keeps what it got: a real SMTP server on this machine. */
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";

interface GotLetter {
  to: string;
  messageId: string;
  text: string;
}

export class Mailbox {
  /** Every letter that was handed over whole, in the order in which it came. */
  got: GotLetter[] = [];
  /** What it answers; 250 takes the letter. */
  code = 250;
  /** Runs when a letter is here and its sender has not heard so. */
  beforeAnswer: (letter: GotLetter) => Promise<void> = async () => {};
  readonly #server: SMTPServer;

  private constructor() {
    this.#server = new SMTPServer({
      disabledCommands: ["AUTH", "STARTTLS"],
      onData: (stream, session, done) => {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => {
          if (this.code !== 250) return done(Object.assign(new Error("not now"), { responseCode: this.code }));
          const text = Buffer.concat(chunks).toString("utf8");
          const messageId = /^message-id: (<[^>]+>)/im.exec(text)?.[1] ?? "";
          const letter = { to: session.envelope.rcptTo.map(({ address }) => address).join(", "), messageId, text };
          this.got.push(letter);
          void this.beforeAnswer(letter).then(() => done());
        });
      },
    });
    // Whoever is killed while it talks to us resets the connection.
    this.#server.on("error", () => {});
  }

  static async open(): Promise<Mailbox> {
    const mailbox = new Mailbox();
    await new Promise<void>((done) => {
      mailbox.#server.listen(0, "127.0.0.1", done);
    });
    return mailbox;
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.#server.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    await new Promise<void>((done) => this.#server.close(() => done()));
  }
}
