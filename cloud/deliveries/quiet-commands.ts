import type { CommandName } from "#protocol/command.ts";
import type { Clock } from "../platform/clock.ts";
import type { Ids } from "../platform/ids.ts";
import { isQuietId, quietId } from "./core/quiet-id.ts";

export interface QuietCommand {
  name: CommandName;
  args: Record<string, unknown>;
  /** Of the stored command that it repeats: a device refuses an older one. */
  generation: number;
  lifeMs: number;
}

interface QuietCommandsDeps {
  clock: Clock;
  ids: Ids;
  secret: Uint8Array;
  send: (ref: string, deviceId: string, payload: string) => void;
}

const refPrefix = "quiet:";
/** Above everything but what a person ordered. */
const priority = 5;

/**
 * Repeats a stored command under an id of its own, and stores nothing: no row, no fact in the outbox, no line on a timeline. For what is
 * asked again every few seconds and does no harm when it is lost. The answer tells by its id that it belongs to one of these.
 */
export class QuietCommands {
  readonly #deps: QuietCommandsDeps;

  constructor(deps: QuietCommandsDeps) {
    this.#deps = deps;
  }

  /** @returns the id that the device's reply names */
  send(deviceId: string, { name, args, generation, lifeMs }: QuietCommand): string {
    const { clock, ids, secret, send } = this.#deps;
    const id = quietId(secret, deviceId, ids.next());
    const createdAtMs = clock.nowMs();
    const envelope = {
      id,
      kind: "command",
      attempt: 1,
      createdAtMs,
      expiresAtMs: createdAtMs + lifeMs,
      priority,
      generation,
    };
    send(refPrefix + id, deviceId, JSON.stringify({ ...envelope, body: { name, args } }));
    return id;
  }

  /** Whether a message is one of these. */
  ownsRef(ref: string): boolean {
    return ref.startsWith(refPrefix);
  }

  /** Whether a reply or receipt of a device is about one of these. */
  owns(deviceId: string, id: string): boolean {
    return isQuietId(this.#deps.secret, deviceId, id);
  }
}
