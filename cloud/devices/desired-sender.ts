import type { Desired } from "#protocol/state.ts";

/** What the sender needs. */
interface DesiredSenderDeps {
  desiredOf: (ids: readonly string[]) => Promise<{ deviceId: string; desired: Desired }[]>;
  send: (deviceId: string, payload: string) => void;
  onError: (error: unknown) => void;
}

/** Devices looked up at once. */
const devicesPerQuery = 500;

/**
 * Sends the desired state to devices that are there to hear it: when it changes, and when a device subscribes. It is whole each time
 * and carries its version, so that a message lost or sent twice does no harm.
 */
export class DesiredSender {
  readonly #deps: DesiredSenderDeps;
  readonly #waiting = new Set<string>();
  #sending = false;

  constructor(deps: DesiredSenderDeps) {
    this.#deps = deps;
  }

  wanted(deviceId: string): void {
    this.#waiting.add(deviceId);
    if (this.#sending) return;
    this.#sending = true;
    void this.#send()
      .catch(this.#deps.onError)
      .finally(() => {
        this.#sending = false;
      });
  }

  async #send(): Promise<void> {
    while (this.#waiting.size > 0) {
      const ids = [...this.#waiting].slice(0, devicesPerQuery);
      for (const id of ids) this.#waiting.delete(id);
      for (const { deviceId, desired } of await this.#deps.desiredOf(ids)) {
        this.#deps.send(deviceId, JSON.stringify(desired));
      }
    }
  }
}
