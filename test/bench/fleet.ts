import type { Connected, Heard, Question } from "./connection-load.ts";
import { LoadProcess } from "./load-process.ts";
import { type BenchDevice, benchFilters } from "./peer.ts";

/** Devices in the load's process, driven from here. */
export class Fleet {
  readonly #load = new LoadProcess("./connection-load.ts");

  /** Takes the place of the fleet before it, which must be disconnected. */
  async become(devices: readonly BenchDevice[]): Promise<void> {
    await this.#ask({ kind: "fleet", devices, filters: benchFilters });
  }

  connect(port: number, tls: boolean): Promise<Connected> {
    return this.#ask({ kind: "connect", port, tls });
  }

  async disconnect(): Promise<void> {
    await this.#ask({ kind: "disconnect" });
  }

  /** Counts PUBLISHes from now on whose topic begins so. */
  async watch(topicPrefix: string): Promise<void> {
    await this.#ask({ kind: "watch", topicPrefix });
  }

  /** Resolves once every device has got one. */
  heard(): Promise<Heard> {
    return this.#ask({ kind: "await_watched" });
  }

  stop(): Promise<void> {
    return this.#load.stop();
  }

  #ask<Answer>(question: Question): Promise<Answer> {
    return this.#load.ask<Answer>(question);
  }
}
