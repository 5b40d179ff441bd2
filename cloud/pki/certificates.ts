import { X509Certificate } from "node:crypto";
import type { TlsMaterial } from "#protocol/link/messages.ts";
import type { Clock } from "../platform/clock.ts";
import type { Logger } from "../platform/logger.ts";
import { type Authority, fingerprintOf } from "./authority.ts";
import { dateText, endings, isSame, type Material, tlsOf, warningMs } from "./core/material.ts";

export interface CertificatesDeps {
  /** Reads the certificates, and makes those that are due where they are Hearth's to make. */
  load: (nowMs: number) => Promise<Material>;
  clock: Clock;
  logger: Logger;
}

const warnEveryMs = 86_400_000;

/** The certificates that Hearth runs with, and their renewal. */
export class Certificates {
  readonly #deps: CertificatesDeps;
  #material: Material;
  #refused: string | null = null;
  #warnedAtMs = -Infinity;
  readonly #listeners: (() => void)[] = [];

  private constructor(deps: CertificatesDeps, material: Material) {
    this.#deps = deps;
    this.#material = material;
  }

  /**
   * @throws StartError for certificates that cannot be used
   */
  static async open(deps: CertificatesDeps): Promise<Certificates> {
    return new Certificates(deps, await deps.load(deps.clock.nowMs()));
  }

  /** Signs the devices' certificates. Ask each time: it may be renewed. */
  get fleet(): Authority {
    return this.#material.fleet;
  }

  /** The fleet CA's root, PEM. */
  get root(): string {
    return this.#material.root;
  }

  /** Of the root, as people compare it: `AB:CD:...`. */
  get rootFingerprint(): string {
    return fingerprintOf(this.root)
      .toUpperCase()
      .replaceAll(/..(?=.)/g, "$&:");
  }

  /** What the gateway is given. */
  get tls(): TlsMaterial {
    return tlsOf(this.#material);
  }

  /** DNS names and addresses of the server's certificate, as OpenSSL writes them. */
  get serverNames(): string {
    return new X509Certificate(this.#material.server.cert).subjectAltName ?? "";
  }

  onRenewed(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Takes up what has changed. Certificates that cannot be used, as while somebody copies them, leave those in force that were, and are
   * told once.
   */
  async check(): Promise<void> {
    const { load, clock, logger } = this.#deps;
    const nowMs = clock.nowMs();
    const loaded = await load(nowMs).catch((error: unknown) =>
      error instanceof Error ? error : new Error(String(error)),
    );
    if (loaded instanceof Error) {
      if (this.#refused !== loaded.message) logger.warn({ event: "certificates.refused", reason: loaded.message });
      this.#refused = loaded.message;
    } else {
      this.#refused = null;
      if (!isSame(loaded, this.#material)) this.#renew(loaded);
    }
    if (nowMs - this.#warnedAtMs < warnEveryMs) return;
    for (const { what, endsAtMs } of endings(this.#material, nowMs, warningMs)) {
      this.#warnedAtMs = nowMs;
      logger.warn({ event: "certificates.ending", what, endsAtMs });
    }
  }

  /** What health says of them: a sentence for each that has ended. */
  problems(): string[] {
    const ended = endings(this.#material, this.#deps.clock.nowMs(), 0);
    return ended.map(({ what, endsAtMs }) => `${what} ended on ${dateText(endsAtMs)}.`);
  }

  #renew(material: Material): void {
    this.#material = material;
    this.#deps.logger.info({ event: "certificates.renewed", names: this.serverNames });
    for (const listener of this.#listeners) listener();
  }
}
