import type { Model } from "#protocol/model.ts";
import type { ProgramSettings } from "#protocol/content.ts";
import type { LogUpload } from "#protocol/help.ts";
import type { Receipt } from "#protocol/delivery.ts";
import type { DeviceEvent } from "#protocol/device-event.ts";
import type { Reply } from "#protocol/command.ts";
import type { DeviceRecord } from "./device-record.ts";

/**
 * All that a message can reach of the machine. There is no start on it, and nothing here turns a heating element on: the type is the
 * promise, and a fuzz test holds the machine to it.
 */
export interface Controls {
  /** Ends what runs. @returns whether something ran */
  stop(): boolean;
  /** Lets the display blink. */
  identify(forMs: number): void;
  /** Looks at sensors and contacts without moving anything. */
  selfTest(): Record<string, unknown>;
  /** The newest lines, oldest first. */
  log(): string[];
  /** Sends the whole log where it was asked for. @returns why it is not sent, or null */
  uploadLog(upload: LogUpload): string | null;
  /** Measures more often for a while. */
  sampleFaster(everyMs: number, forMs: number): void;
  isHot(): boolean;
  isRunning(): boolean;
}

/** What an appliance says of its own accord. */
export interface Voice {
  event(type: DeviceEvent["type"], data: DeviceEvent["data"], atMs?: number): void;
  receipt(receipt: Receipt): void;
  reply(reply: Reply): void;
  reported(state: Record<string, unknown>): void;
}

/** The appliance's memory: read freely, replaced part by part, saved before the call returns. */
export interface Memory {
  readonly record: DeviceRecord;
  update(part: Partial<DeviceRecord>): void;
}

/** Why a model cannot do what a program asks, or null where it can. */
export function programObstacle(model: Model, settings: ProgramSettings): string | null {
  const { programs, setpoint_c_max: hottest, probe } = model.capabilities;
  if (!programs.includes(settings.program)) return "program_unknown";
  if (settings.setpoint_c !== undefined && (hottest === undefined || settings.setpoint_c > hottest))
    return "too_hot_for_model";
  return settings.probe_c !== undefined && !probe ? "no_probe" : null;
}
