import type { KeyObject } from "node:crypto";
import type { Worker } from "node:worker_threads";
import type { ClientConfig } from "pg";
import type { SendHow } from "./deliveries/deliveries.ts";
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
  | { kind: "done"; decided: number }
  | { kind: "failed"; why: string };

interface CampaignThreadDeps {
  startWorker: () => Worker;
  /** Something waits for these devices. */
  onWaiting: (deviceIds: string[], how: SendHow) => void;
}

interface Asked {
  resolve: (decided: number) => void;
  reject: (error: Error) => void;
}

/**
 * Campaigns in a thread of their own, with connections of their own: a household takes them longer than a reading takes the up road, and what
 * appliances say does not wait for its turn behind them. It is started when there is something to do.
 */
export class CampaignThread {
  readonly #deps: CampaignThreadDeps;
  #worker: Worker | null = null;
  #asked: Asked | null = null;
  #isStopped = false;

  constructor(deps: CampaignThreadDeps) {
    this.#deps = deps;
  }

  /**
   * Brings every running campaign as far as it goes now. One call at a time.
   *
   * @returns how many decisions were made; none where it is stopped meanwhile
   * @throws where the thread died of it: pages that were committed stand, and the next call starts another
   */
  carryOut(): Promise<number> {
    if (this.#isStopped) return Promise.resolve(0);
    const worker = (this.#worker ??= this.#start());
    return new Promise((resolve, reject) => {
      this.#asked = { resolve, reject };
      worker.postMessage("carry out");
    });
  }

  /** Ends the thread, whatever it does: a page is there whole or not at all. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = this.#deps.startWorker();
    worker.on("message", (report: CampaignReport) => {
      if (report.kind === "waiting") this.#deps.onWaiting(report.deviceIds, report.how);
      else if (report.kind === "done") this.#take()?.resolve(report.decided);
      else this.#take()?.reject(new Error(report.why));
    });
    worker.on("error", (error) => this.#take()?.reject(error instanceof Error ? error : new Error(String(error))));
    worker.on("exit", (code) => {
      this.#worker = null;
      if (this.#isStopped) this.#take()?.resolve(0);
      else this.#take()?.reject(new Error(`the campaigns' thread ended with code ${code}`));
    });
    return worker;
  }

  #take(): Asked | null {
    const asked = this.#asked;
    this.#asked = null;
    return asked;
  }
}
