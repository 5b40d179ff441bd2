import { createTransport } from "nodemailer";
import { oneLine } from "./core/message.ts";
import type { SendOutcome } from "./webhook-sender.ts";

export interface MailSettings {
  /** `smtp://` or `smtps://`, with user and password where the server asks for them. */
  url: string;
  /** The address that letters come from. */
  from: string;
}

const timeMsMax = 10_000;

/** Sends letters through the maker's mail server. */
export class MailSender {
  readonly #settings: MailSettings;

  constructor(settings: MailSettings) {
    this.#settings = settings;
  }

  /** One attempt. The message's id is the same at each, so that a mail program shows it once. */
  async send(to: string, letter: { id: string; subject: string; text: string }): Promise<SendOutcome> {
    const { url, from } = this.#settings;
    const transport = createTransport({
      url,
      connectionTimeout: timeMsMax,
      greetingTimeout: timeMsMax,
      socketTimeout: timeMsMax,
      // What a letter says is text: it never names a file or an address to fetch.
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    try {
      const { response } = await transport.sendMail({
        from: { name: "Hearth", address: from },
        to: { name: "", address: to },
        subject: oneLine(letter.subject),
        text: letter.text,
        messageId: `<${letter.id}@hearth>`,
        headers: { "Auto-Submitted": "auto-generated" },
      });
      return { kind: "delivered", detail: `SMTP ${response.slice(0, 3)}` };
    } catch (error) {
      return failed(error);
    } finally {
      transport.close();
    }
  }
}

/** A server's answer of 5xx is its last word about a letter; everything else may be otherwise later. */
function failed(error: unknown): SendOutcome {
  const code = error instanceof Error && "responseCode" in error ? Number(error.responseCode) : Number.NaN;
  if (Number.isInteger(code)) return { kind: "failed", detail: `SMTP ${code}`, final: code >= 500 && code !== 535 };
  const name = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "failed";
  return { kind: "failed", detail: name, final: false };
}
