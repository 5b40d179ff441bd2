import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { Webhook } from "standardwebhooks";
import { z } from "zod";
import type { Ids } from "../ids.ts";
import type { FieldError } from "../problem.ts";
import type { SendOutcome } from "../send-outcome.ts";
import { mayCall, type Reach } from "./public-address.ts";

/** An attempt takes no longer, from looking the name up to the end of the answer: Standard Webhooks recommends 15 to 30 seconds. */
export const attemptMsMax = 15_000;
/** So much of an answer is read, and thrown away: nothing in it counts. */
const answerBytesMax = 65_536;

class NotAllowed extends Error {
  override name = "NotAllowed";
}

/** The addresses that a name leads to. */
type Resolve = (host: string) => Promise<LookupAddress[]>;
const systemResolve: Resolve = (host) => lookup(host, { all: true });

/** Looks a name up and gives only addresses that may be called: checked here, it is the address that is connected to. */
function checkedLookup(reach: Reach, resolve: Resolve): LookupFunction {
  const check = async (host: string) => {
    const addresses = await resolve(host);
    const [first] = addresses;
    // One that is not allowed spoils the rest: it is no mistake of whoever set the name up.
    if (first === undefined || addresses.some(({ address }) => !mayCall(address, reach))) throw new NotAllowed();
    return { first, addresses };
  };
  return (host, options, done) => {
    check(host).then(
      ({ first, addresses }) =>
        options.all === true ? done(null, addresses) : done(null, first.address, first.family),
      (error: unknown) => done(error instanceof Error ? error : new Error("not found"), ""),
    );
  };
}

/** Why an address cannot be a webhook's; null where it can. What its name leads to is seen when it is called. */
export function refusedUrl(text: string, reach: Reach): "webhook_url_invalid" | "webhook_url_private" | null {
  if (!URL.canParse(text)) return "webhook_url_invalid";
  const url = new URL(text);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (url.username !== "" || url.password !== "" || url.hash !== "") return "webhook_url_invalid";
  const isLocal = reach === "loopback" && (host === "localhost" || (isIP(host) !== 0 && mayCall(host, reach)));
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLocal)) return "webhook_url_invalid";
  if (host === "localhost" && !isLocal) return "webhook_url_private";
  return isIP(host) !== 0 && !mayCall(host, reach) ? "webhook_url_private" : null;
}

/** At the field `url` of what was sent: why this address, which `refusedUrl` refuses, cannot be a webhook's. */
export const refusedUrlFields = (text: string, isPrivate: boolean): FieldError[] => [
  {
    pointer: "/body/url",
    message: isPrivate
      ? `${new URL(text).hostname} is not in the internet`
      : "must be an https address without user name, password or fragment",
  },
];

/** A key to sign with, as Standard Webhooks writes it, that somebody else made: what is no base64 could sign nothing. */
export const webhookSecret = z
  .string()
  .max(200)
  .refine(isSecret, "must be `whsec_` and a key of 24 to 96 bytes in base64");

function isSecret(text: string): boolean {
  const [, written = ""] = /^whsec_(.+)$/s.exec(text) ?? [];
  const bytes = Buffer.from(written, "base64");
  return bytes.length >= 24 && bytes.length <= 96 && bytes.toString("base64") === written;
}

/** What a webhook's messages are signed with, as Standard Webhooks writes it. */
export const newWebhookSecret = (ids: Pick<Ids, "secret">): string =>
  `whsec_${Buffer.from(ids.secret(), "base64url").toString("base64")}`;

export interface WebhookMessage {
  /** The same at each attempt: the receiver knows by it what it has already. */
  id: string;
  /** Of this attempt. */
  atMs: number;
  body: string;
  /** `application/json` where it is left out. */
  contentType?: string;
}

/** Posts messages to webhooks, signed as Standard Webhooks says. */
export class WebhookSender {
  readonly #reach: Reach;
  readonly #lookup: LookupFunction;

  /** @param resolve finds the addresses of a name */
  constructor(reach: Reach, resolve: Resolve = systemResolve) {
    this.#reach = reach;
    this.#lookup = checkedLookup(reach, resolve);
  }

  /**
   * One attempt: `attemptMsMax` at most, no redirect followed.
   *
   * @param channel with its secrets: while one takes the place of another, a message has a signature by each
   */
  async send(channel: { url: string; secrets: readonly string[] }, message: WebhookMessage): Promise<SendOutcome> {
    const refusal = refusedUrl(channel.url, this.#reach);
    if (refusal !== null) return { kind: "failed", detail: refusal, final: true };
    const at = new Date(message.atMs);
    const signatures = channel.secrets.map((secret) => new Webhook(secret).sign(message.id, at, message.body));
    const headers = {
      "content-type": message.contentType ?? "application/json",
      "content-length": Buffer.byteLength(message.body),
      "user-agent": "Hearth",
      "webhook-id": message.id,
      "webhook-timestamp": String(Math.floor(message.atMs / 1_000)),
      "webhook-signature": signatures.join(" "),
    };
    try {
      const { status, retryAfter } = await this.#post(new URL(channel.url), headers, message.body);
      return judged(status, retryAfter);
    } catch (error) {
      return { kind: "failed", detail: reasonOf(error), final: false };
    }
  }

  #post(
    url: URL,
    headers: Record<string, string | number>,
    body: string,
  ): Promise<{ status: number; retryAfter: string | undefined }> {
    return new Promise((done, fail) => {
      const request = url.protocol === "https:" ? httpsRequest : httpRequest;
      // A connection of its own each time: one that was kept would lead where the name led before.
      const options = { method: "POST", headers, lookup: this.#lookup, agent: false as const };
      const asked = request(url, { ...options, signal: AbortSignal.timeout(attemptMsMax) }, (answer) => {
        let bytes = 0;
        const end = () => done({ status: answer.statusCode ?? 0, retryAfter: answer.headers["retry-after"] });
        answer.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes <= answerBytesMax) return;
          end();
          answer.destroy();
        });
        answer.on("end", end);
        answer.on("error", fail);
      });
      asked.on("error", fail);
      asked.end(body);
    });
  }
}

function judged(status: number, retryAfter: string | undefined): SendOutcome {
  const detail = `HTTP ${status}`;
  if (status >= 200 && status < 300) return { kind: "delivered", detail };
  if (status === 410) return { kind: "gone", detail };
  const seconds = Number(retryAfter);
  const asked = Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: seconds * 1_000 } : {};
  return { kind: "failed", detail, final: false, status, ...asked };
}

/** A word for the log of attempts: an error's message may repeat addresses that nobody there should see. */
function reasonOf(error: unknown): string {
  if (error instanceof NotAllowed) return "private_address";
  if (error instanceof Error && error.name === "AbortError") return "timed_out";
  if (error instanceof Error && error.name === "TimeoutError") return "timed_out";
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "failed";
}
