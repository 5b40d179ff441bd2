import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { GatewayConfig, GatewayPorts, GatewayReport, TlsMaterial } from "#protocol/link/messages.ts";
import { sleep } from "./clock.ts";
import { StartError } from "./config.ts";
import type { Logger } from "./logger.ts";

export interface GatewayWorkerDeps {
  config: GatewayConfig;
  logger: Logger;
  /** A worker is up, with a fresh link to it. */
  onLink: (port: MessagePort) => void;
  /** The worker keeps dying and will not be started again. */
  onGone: (reason: string) => void;
}

const restartsPerMinuteMax = 5;
/** How long a drained gateway may take to close its stores. */
const closeMsMax = 1_500;
const workerUrl = new URL("../../gateway/worker.ts", import.meta.url);

/** Runs the gateway in a thread of its own, so that it has its own core, and starts it again when it dies. */
export class GatewayWorker {
  readonly #deps: GatewayWorkerDeps;
  #worker: Worker | null = null;
  #ports: GatewayPorts | null = null;
  /** Newer than the settings', once it was renewed. */
  #tls: TlsMaterial | null = null;
  #stopping = false;
  #restartsAtMs: number[] = [];

  constructor(deps: GatewayWorkerDeps) {
    this.#deps = deps;
  }

  /** The ports that devices connect to; null until the gateway listens. */
  get ports(): GatewayPorts | null {
    return this.#ports;
  }

  get isListening(): boolean {
    return this.#worker !== null && this.#ports !== null;
  }

  /** What a thread that has to be started again begins with; one that runs is told over its link. */
  useTls(material: TlsMaterial): void {
    this.#tls = material;
  }

  /**
   * @throws StartError where the port cannot be had
   */
  async start(): Promise<void> {
    const { config, onLink, logger } = this.#deps;
    const { port1, port2 } = new MessageChannel();
    const worker = new Worker(workerUrl, {
      workerData: { ...config, ...this.#listeners(), link: port2 },
      transferList: [port2],
      name: "gateway",
    });
    this.#worker = worker;
    worker.once("exit", (code) => {
      this.#worker = null;
      port1.close();
      // One that never listened ends the start, which tells why.
      if (this.#stopping || this.#ports === null) return;
      logger.error({ event: "gateway.exited", code });
      void this.#restart();
    });
    const listening = new Promise<void>((resolve, reject) => {
      worker.on("message", (message: GatewayReport) => {
        if (message.kind === "listening") {
          this.#ports = message.ports;
          resolve();
        } else {
          reject(new StartError(portSentence(message, config)));
        }
      });
      worker.once("error", (error) => {
        logger.error({ event: "gateway.failed", err: error });
        reject(error);
      });
      worker.once("exit", (code) => reject(new Error(`the gateway ended with code ${code} before it listened`)));
    });
    onLink(port1);
    await listening;
  }

  /** It is about to be drained, after which it ends by itself: nothing to tell of, and not to be started again. */
  expectEnd(): void {
    this.#stopping = true;
  }

  /** Ends the thread. One that was drained closes its stores and ends by itself; any other is cut off. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const worker = this.#worker;
    if (worker === null) return;
    const gone = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    await Promise.race([gone, sleep(closeMsMax)]);
    await worker.terminate();
  }

  /** Ports that the system chose stay: devices and links know them. */
  #listeners(): Pick<GatewayConfig, "mqtt" | "mqtts"> {
    const { mqtt, mqtts } = this.#deps.config;
    return {
      mqtt: mqtt && { ...mqtt, port: this.#ports?.mqtt ?? mqtt.port },
      mqtts: mqtts && { ...mqtts, tls: this.#tls ?? mqtts.tls, port: this.#ports?.mqtts ?? mqtts.port },
    };
  }

  async #restart(): Promise<void> {
    for (;;) {
      const nowMs = performance.now();
      this.#restartsAtMs = [...this.#restartsAtMs.filter((atMs) => nowMs - atMs < 60_000), nowMs];
      if (this.#restartsAtMs.length > restartsPerMinuteMax) {
        this.#deps.onGone("the gateway ended five times in a minute");
        return;
      }
      await sleep(100 * this.#restartsAtMs.length);
      if (this.#stopping) return;
      try {
        await this.start();
        this.#deps.logger.warn({ event: "gateway.restarted" });
        return;
      } catch (error) {
        this.#deps.logger.error({ event: "gateway.restart_failed", error: String(error) });
        // The exit handler of the worker that failed has begun another round already.
        return;
      }
    }
  }
}

/** The variable and the port that could not be had. */
function refusedPort(port: number | null, { mqtt, mqtts }: GatewayConfig): [string, number] {
  const isPlain = mqtt !== null && (mqtts === null || port === null || port !== mqtts.port);
  return isPlain ? ["HEARTH_MQTT_PORT", mqtt.port] : ["HEARTH_MQTTS_PORT", mqtts?.port ?? 0];
}

function portSentence(report: Extract<GatewayReport, { kind: "failed" }>, config: GatewayConfig): string {
  const [variable, port] = refusedPort(report.port, config);
  return listenSentence(variable, port, report.code) ?? `The gateway could not start: ${report.message}`;
}

/** What to do about a port that cannot be listened on; null where the code is of something else. */
export function listenSentence(variable: string, port: number, code: string): string | null {
  if (code === "EADDRINUSE") {
    return `${variable} ${port} is in use: stop what listens there, or set ${variable} to another port (0 takes any free one).`;
  }
  return code === "EACCES"
    ? `${variable} ${port} may not be used by this user: set ${variable} to one above 1023.`
    : null;
}
