import type { KeyObject } from "node:crypto";
import { createTransport } from "nodemailer";
import { oneLine } from "./one-line.ts";
import type { SendOutcome } from "./send-outcome.ts";

export interface MailSettings {
  /** `smtp://` or `smtps://`, with user and password where the server asks for them. */
  url: string;
  /** The address that letters come from. */
  from: string;
  /** Signs letters by DKIM (RFC 6376); left to the mail server where it is left out. The key is one of RSA. */
  dkim?: { domain: string; selector: string; key: KeyObject };
}

export interface Letter {
  /** The same at each attempt, so that a mail program shows it once. */
  id: string;
  subject: string;
  text: string;
  /** The same as the text, for those who read it that way. */
  html?: string;
  /** More headers, as `List-Unsubscribe`. */
  headers?: Readonly<Record<string, string>>;
  /** Whom it comes from; Hearth, from the installation's address, where it is left out. */
  from?: { name: string; address?: string };
  /** Where what cannot be delivered is returned to; the sender's address where it is left out. */
  bounceTo?: string;
}

const timeMsMax = 10_000;

/** Sends letters through the maker's mail server. */
export class MailSender {
  readonly #settings: MailSettings;

  constructor(settings: MailSettings) {
    this.#settings = settings;
  }

  /** One attempt. */
  async send(to: string, letter: Letter): Promise<SendOutcome> {
    const address = letter.from?.address ?? this.#settings.from;
    const headers = Object.entries({ "Auto-Submitted": "auto-generated", ...letter.headers });
    const transport = createTransport({
      url: this.#settings.url,
      connectionTimeout: timeMsMax,
      greetingTimeout: timeMsMax,
      socketTimeout: timeMsMax,
      // What a letter says is text: it never names a file or an address to fetch.
      disableFileAccess: true,
      disableUrlAccess: true,
      ...signedBy(this.#settings),
    });
    try {
      const { response } = await transport.sendMail({
        from: { name: oneLine(letter.from?.name ?? "Hearth"), address },
        to: { name: "", address: to },
        subject: oneLine(letter.subject),
        text: letter.text,
        ...(letter.html === undefined ? {} : { html: letter.html }),
        ...(letter.bounceTo === undefined ? {} : { envelope: { from: letter.bounceTo, to } }),
        messageId: `<${letter.id}@hearth>`,
        headers: Object.fromEntries(headers.map(([name, value]) => [name, oneLine(value)])),
      });
      return { kind: "delivered", detail: `SMTP ${response.slice(0, 3)}` };
    } catch (error) {
      return failed(error);
    } finally {
      transport.close();
    }
  }
}

/** By the fields that the library names, `List-Unsubscribe` and `List-Unsubscribe-Post` among them: one click counts only where both are signed (RFC 8058). */
const signedBy = ({ dkim }: MailSettings) =>
  dkim === undefined ? {} : { dkim: { domainName: dkim.domain, keySelector: dkim.selector, privateKey: dkim.key } };

/** A server's answer of 5xx is its last word about a letter; everything else may be otherwise later. */
function failed(error: unknown): SendOutcome {
  const code = error instanceof Error && "responseCode" in error ? Number(error.responseCode) : Number.NaN;
  if (Number.isInteger(code)) return { kind: "failed", detail: `SMTP ${code}`, final: code >= 500 && code !== 535 };
  const name = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "failed";
  return { kind: "failed", detail: name, final: false };
}
