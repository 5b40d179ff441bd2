import type { Desired } from "#protocol/state.ts";

/** What the sender needs. */
interface DesiredSenderDeps {
  desiredOf: (ids: readonly string[]) => Promise<{ deviceId: string; desired: Desired }[]>;
  /** `ref` comes back with `onNotWritten`. */
  send: (ref: string, deviceId: string, payload: string) => void;
  onError: (error: unknown) => void;
}

/** Devices looked up at once. */
const devicesPerQuery = 500;

/** Names the message to a device in what the gateway says of it; a delivery's reference never begins like this. */
const refPrefix = "desired:";

/**
 * Sends the desired state to devices that are there to hear it: when it changes, and when a device subscribes. It is whole each time
 * and carries its version, so that a message lost or sent twice does no harm.
 */
export class DesiredSender {
  readonly #deps: DesiredSenderDeps;
  readonly #waiting = new Set<string>();
  /** Devices whose socket was busy, or whose state could not be read; the next tick tries again. */
  readonly #later = new Set<string>();
  #sending = false;

  constructor(deps: DesiredSenderDeps) {
    this.#deps = deps;
  }

  /** Whether a reference that came back is one of this sender's. */
  owns(ref: string): boolean {
    return ref.startsWith(refPrefix);
  }

  wanted(deviceId: string): void {
    this.#waiting.add(deviceId);
    this.#pump();
  }

  /** A device that was away asks by subscribing; one that was busy is asked again. */
  onNotWritten(deviceId: string, reason: "absent" | "busy"): void {
    if (reason === "busy") this.#later.add(deviceId);
  }

  /** Called about once a second. */
  tick(): void {
    for (const deviceId of this.#later) this.#waiting.add(deviceId);
    this.#later.clear();
    this.#pump();
  }

  #pump(): void {
    if (this.#sending || this.#waiting.size === 0) return;
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
      try {
        for (const { deviceId, desired } of await this.#deps.desiredOf(ids)) {
          this.#deps.send(refPrefix + deviceId, deviceId, JSON.stringify(desired));
        }
      } catch (error) {
        for (const id of ids) this.#later.add(id);
        throw error;
      }
    }
  }
}
