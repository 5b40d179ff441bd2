import type { KeyObject } from "node:crypto";
import type { Worker } from "node:worker_threads";
import type { ClientConfig } from "pg";
import type { SendHow } from "./deliveries/deliveries.ts";
import type { Round } from "./engagement/engagement.ts";
import type { Clock } from "./platform/clock.ts";
import type { Logger } from "./platform/logger.ts";
import type { MailSettings } from "./platform/mail-sender.ts";
import type { Reach } from "./platform/webhooks/public-address.ts";

/** What the thread is made from: of this installation, and not in the database. */
export interface CampaignThreadData {
  connection: ClientConfig;
  artifactsDir: string;
  secret: Uint8Array;
  publicUrl: string;
  firmwareKeys: { timestamp: KeyObject; director: KeyObject };
  notices: { mail: MailSettings | null; reach: Reach };
  logLevel: string;
}

/** What the thread says. Asked for a round, it ends with `done` or `failed`. */
export type CampaignReport =
  | { kind: "waiting"; deviceIds: string[]; how: SendHow }
  | { kind: "done"; round: Round }
  | { kind: "failed"; why: string };

interface CampaignThreadDeps {
  clock: Clock;
  logger: Logger;
  startWorker: () => Worker;
  /** Something waits for these devices. */
  onWaiting: (deviceIds: string[], how: SendHow) => void;
  /** It died in a round that began then: for what it made, something may wait that it did not tell of. */
  onDied: (sinceMs: number) => void;
}

interface Asked {
  sinceMs: number;
  resolve: (round: Round) => void;
  reject: (error: Error) => void;
}

/** Calls that are passed over at most before a thread that dies again and again is started once more; there is one a second. */
const passedOverMax = 60;

const nothing: Round = { decided: 0, more: false };

/**
 * Campaigns in a thread of their own, with connections of their own: a household takes them longer than a reading takes the up road, and what
 * appliances say does not wait for its turn behind them. It is started when there is something to do.
 */
export class CampaignThread {
  readonly #deps: CampaignThreadDeps;
  #worker: Worker | null = null;
  #asked: Asked | null = null;
  #isStopped = false;
  #deathsInARow = 0;
  #toPassOver = 0;
  #failure: string | null = null;

  constructor(deps: CampaignThreadDeps) {
    this.#deps = deps;
  }

  /** Why the last round did not go through; null where it did. */
  get failure(): string | null {
    return this.#failure;
  }

  /**
   * Brings running campaigns forward for a round. One call at a time.
   *
   * @returns what it came to: nothing where it is stopped meanwhile, and where it rests because the thread died several times in a row
   * @throws where the thread died of it: pages that were committed stand, and another call starts another
   */
  async carryOut(): Promise<Round> {
    if (this.#isStopped) return nothing;
    if (this.#toPassOver > 0) {
      this.#toPassOver -= 1;
      return nothing;
    }
    const worker = this.#worker ?? this.#start();
    return new Promise((resolve, reject) => {
      this.#asked = { sinceMs: this.#deps.clock.nowMs(), resolve, reject };
      worker.postMessage("carry out");
    });
  }

  /** Ends the thread, whatever it does: a page is there whole or not at all. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#worker?.terminate();
  }

  #start(): Worker {
    let why: string | null = null;
    let worker: Worker;
    try {
      worker = this.#deps.startWorker();
    } catch (error) {
      // There is no room for a thread.
      throw this.#died(String(error));
    }
    worker.on("message", (report: CampaignReport) => {
      if (report.kind === "waiting") return this.#deps.onWaiting(report.deviceIds, report.how);
      this.#deathsInARow = 0;
      this.#failure = report.kind === "failed" ? report.why : null;
      if (report.kind === "done") this.#take()?.resolve(report.round);
      else this.#take()?.reject(new Error(report.why));
    });
    worker.on("error", (error) => {
      why = String(error);
    });
    worker.on("exit", (code) => {
      this.#worker = null;
      const asked = this.#take();
      if (this.#isStopped) return asked?.resolve(nothing);
      const error = this.#died(why ?? `the campaigns' thread ended with code ${code}`);
      if (asked === null) return;
      this.#deps.onDied(asked.sinceMs);
      asked.reject(error);
    });
    this.#worker = worker;
    return worker;
  }

  /** The first death is followed by another thread at once, and each further one after a pause that grows. */
  #died(why: string): Error {
    this.#deathsInARow += 1;
    this.#toPassOver = Math.min(2 ** (this.#deathsInARow - 1) - 1, passedOverMax);
    this.#failure = why;
    this.#deps.logger.error({ event: "campaigns.thread_ended", error: why, inARow: this.#deathsInARow });
    return new Error(why);
  }

  #take(): Asked | null {
    const asked = this.#asked;
    this.#asked = null;
    return asked;
  }
}
